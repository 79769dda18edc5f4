//! A request that counts: on which counters, and where they stood when it was counted.
//!
//! Most requests are counted on their own. One that makes a job is counted in the very script that writes the job's record,
//! so that it costs no trip of its own; its admission travels in the job's options.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::id::{ClientId, UserId};
use crate::model::rate::{RateCounter, RateStanding, refusal};
use crate::store::rates::{RateGate, Rates};
use crate::work::WorkError;

/// One request and its counters. Cheap to clone; clones are the same request.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rates: Rates,
    per_user: Option<(RateCounter, u32)>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    gates: Vec<RateGate>,
    counted: Option<Vec<RateStanding>>,
}

impl PartialEq for Admission {
    /// Whether both are the same request.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Admission {
    /// A request that counts on these, and once it is known for which end user on a counter of theirs with this limit a minute.
    #[must_use]
    pub fn new(rates: Rates, gates: Vec<RateGate>, per_user: Option<(RateCounter, u32)>) -> Self {
        Self(Arc::new(Inner { rates, per_user, state: Mutex::new(State { gates, counted: None }) }))
    }

    /// Says for whom the request is. Must come before it is counted, and once.
    pub fn is_for(&self, client: &ClientId, user: &UserId) {
        if let Some((counter, limit)) = self.0.per_user {
            self.0.state.lock().gates.push(RateGate::of_user(counter, client, user, limit));
        }
    }

    /// Where it is still to be counted; nowhere once it was.
    #[must_use]
    pub fn gates(&self) -> Vec<RateGate> {
        let state = self.0.state.lock();
        if state.counted.is_some() { Vec::new() } else { state.gates.clone() }
    }

    /// Where its counters stood when it was counted; none as long as it was not.
    #[must_use]
    pub fn standings(&self) -> Option<Vec<RateStanding>> {
        self.0.state.lock().counted.clone()
    }

    /// Notes that it was counted, by whoever did so.
    pub(super) fn note(&self, standings: Vec<RateStanding>) {
        self.0.state.lock().counted.get_or_insert(standings);
    }

    /// Counts it, unless it was.
    ///
    /// # Errors
    /// [`WorkError::RateLimited`] where a counter is full, or Redis is away.
    pub async fn count(&self) -> Result<(), WorkError> {
        let gates = self.gates();
        if !gates.is_empty() {
            let standings = self.0.rates.count(&gates).await?;
            self.note(standings);
        }
        match self.0.state.lock().counted.as_deref().and_then(refusal) {
            Some(standing) => Err(WorkError::RateLimited(standing)),
            None => Ok(()),
        }
    }
}
