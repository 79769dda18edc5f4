//! How often who asked: counters that any number of servers share.

use std::time::Duration;

use redis::ScriptInvocation;

use crate::model::id::{ClientId, UserId};
use crate::model::rate::{RateCounter, RateStanding};
use crate::store::{Store, StoreError, script};

/// Noun of the counters.
const RATES: &str = "rates";
/// Numbers that the scripts answer for each counter.
const NUMBERS: usize = 4;

/// One counter that a request counts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateGate {
    counter: RateCounter,
    /// Whose it is: `<client>` or `<client>:<user>`; a client's name has no colon.
    whose: String,
    limit: u32,
}

impl RateGate {
    /// The counter of a client, of at most `limit` requests a minute (at least one).
    #[must_use]
    pub fn of_client(counter: RateCounter, client: &ClientId, limit: u32) -> Self {
        Self { counter, whose: client.to_string(), limit: limit.max(1) }
    }

    /// The counter of one of a client's end users.
    #[must_use]
    pub fn of_user(counter: RateCounter, client: &ClientId, user: &UserId, limit: u32) -> Self {
        Self { counter, whose: format!("{client}:{user}"), limit: limit.max(1) }
    }

    /// What is counted.
    #[must_use]
    pub const fn counter(&self) -> RateCounter {
        self.counter
    }

    /// Requests a minute.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    fn key(&self, store: &Store) -> String {
        store.key(RATES, &format!("{}:{}", self.counter.as_str(), self.whose))
    }
}

/// The counters.
#[derive(Clone, Debug)]
pub struct Rates {
    store: Store,
}

impl Rates {
    /// The counters in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Counts a request on all of these or, where one of them is full, on none; answers where each stands.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn count(&self, gates: &[RateGate]) -> Result<Vec<RateStanding>, StoreError> {
        if gates.is_empty() {
            return Ok(Vec::new());
        }
        let mut invocation = script::RATES_COUNT.prepare_invoke();
        add_gates(&self.store, &mut invocation, gates);
        let numbers: Vec<u64> = self.store.run_once(&invocation).await?;
        Ok(standings(gates, &numbers))
    }
}

/// The keys and limits of some counters.
pub(super) fn add_gates(store: &Store, invocation: &mut ScriptInvocation<'_>, gates: &[RateGate]) {
    for gate in gates {
        invocation.key(gate.key(store)).arg(gate.limit);
    }
}

/// How many of the scripts' numbers are about these counters.
pub(super) const fn numbers_of(gates: &[RateGate]) -> usize {
    gates.len() * NUMBERS
}

/// What the scripts' numbers say.
pub(super) fn standings(gates: &[RateGate], numbers: &[u64]) -> Vec<RateStanding> {
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    gates
        .iter()
        .zip(numbers.chunks_exact(NUMBERS))
        .filter_map(|(gate, numbers)| {
            let [limit, remaining, whole_in, wait] = numbers else { return None };
            Some(RateStanding {
                counter: gate.counter,
                limit: small(*limit),
                remaining: small(*remaining),
                whole_in: Duration::from_millis(*whole_in),
                wait: (*wait > 0).then(|| Duration::from_millis(*wait)),
            })
        })
        .collect()
}
