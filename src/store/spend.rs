//! What was spent on pictures: by client, user, provider and day (UTC), in millionths of a US dollar.
//!
//! A call of a provider is counted before it is made, at its price by the list, in the step that also compares with what may
//! be spent: however many workers call at the same time, nobody spends more than allowed. Afterwards it is corrected to what
//! the call did cost; a worker that dies in between leaves it counted, since the provider may have charged for it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{Datelike as _, NaiveDate};
use redis::ScriptInvocation;

use crate::config::spend::SpendLimits;
use crate::model::id::{ClientId, JobId, UserId};
use crate::store::{Store, StoreError, script};

/// Noun of what a client spent, by day and by month.
const OF_CLIENT: &str = "spend";
/// Noun of what a client's users spent, by day and by month.
const OF_USERS: &str = "spend-users";
/// Noun of the calls that a job made.
const CALLS: &str = "spend-calls";

/// A call of a provider.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The tenant, who pays.
    pub client: &'a ClientId,
    /// The tenant's user.
    pub user: &'a UserId,
    /// The job that calls.
    pub job: &'a JobId,
    /// The call's own name among those of the job: the same again is the same call.
    pub name: &'a str,
    /// The provider.
    pub provider: &'a str,
    /// The day on which it is counted.
    pub day: NaiveDate,
}

/// An amount, and the pictures that it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Millionths of a US dollar.
    pub usd_micros: u64,
    /// Pictures.
    pub pictures: u64,
}

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The client's day.
    ClientDay,
    /// The client's month.
    ClientMonth,
    /// The user's day.
    UserDay,
    /// The user's month.
    UserMonth,
}

impl Period {
    /// All there are, in the order in which they are looked at.
    pub const ALL: [Self; 4] = [Self::ClientDay, Self::ClientMonth, Self::UserDay, Self::UserMonth];

    /// What may be spent in it.
    #[must_use]
    pub const fn limit(self, limits: &SpendLimits) -> Option<u64> {
        match self {
            Self::ClientDay => limits.day_usd_micros,
            Self::ClientMonth => limits.month_usd_micros,
            Self::UserDay => limits.user_day_usd_micros,
            Self::UserMonth => limits.user_month_usd_micros,
        }
    }
}

/// What came of [`Ledger::hold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is counted, and may be made.
    Counted,
    /// This limit would be exceeded; nothing was counted.
    Over {
        /// Which one.
        period: Period,
        /// The sum that it would have come to.
        reached: u64,
    },
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The day.
    pub day: NaiveDate,
    /// The provider.
    pub provider: String,
    /// What was spent there.
    pub spent: Spent,
}

/// The book of what was spent.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Store,
    kept: Duration,
}

impl Ledger {
    /// The book in `store`, which keeps each day for so long.
    #[must_use]
    pub const fn new(store: Store, kept: Duration) -> Self {
        Self { store, kept }
    }

    /// Counts a call at what it will cost, unless a limit would be exceeded. Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn hold(&self, call: &Call<'_>, cost: Spent, limits: &SpendLimits) -> Result<Held, StoreError> {
        let mut invocation = script::SPEND_HOLD.prepare_invoke();
        self.add_call(&mut invocation, call, cost);
        invocation.arg(call.day.to_string());
        for period in Period::ALL {
            invocation.arg(period.limit(limits).map(|limit| limit.to_string()).unwrap_or_default());
        }
        invocation.arg(self.kept.as_secs().max(1));
        let (which, reached): (usize, u64) = self.store.run(&invocation).await?;
        let period = which.checked_sub(1).and_then(|index| Period::ALL.get(index));
        Ok(period.map_or(Held::Counted, |period| Held::Over { period: *period, reached }))
    }

    /// Corrects a call that was counted to what it did cost. Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn settle(&self, call: &Call<'_>, cost: Spent) -> Result<(), StoreError> {
        let mut invocation = script::SPEND_SETTLE.prepare_invoke();
        self.add_call(&mut invocation, call, cost);
        self.store.run::<u64>(&invocation).await.map(|_| ())
    }

    /// What a client spent on each day at each provider, by the days; with a user, what that user did.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn lines(
        &self,
        client: &ClientId,
        user: Option<&UserId>,
        days: &[NaiveDate],
    ) -> Result<Vec<Line>, StoreError> {
        if days.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = redis::pipe();
        for day in days {
            question.cmd("HGETALL").arg(self.key(OF_CLIENT, client, &day.to_string()));
        }
        let of_client: Vec<HashMap<String, u64>> = self.store.ask_all(&question).await?;
        let providers = |fields: &HashMap<String, u64>| -> Vec<String> {
            let mut names: Vec<_> = fields.keys().filter_map(|key| key.strip_prefix("p ").map(str::to_owned)).collect();
            names.sort();
            names
        };
        let mut lines = Vec::new();
        for (day, fields) in days.iter().zip(&of_client) {
            for provider in providers(fields) {
                let field = |kind: &str| fields.get(&format!("{kind} {provider}")).copied().unwrap_or(0);
                let spent = Spent { usd_micros: field("p"), pictures: field("n") };
                lines.push(Line { day: *day, provider, spent });
            }
        }
        if let Some(user) = user {
            self.narrow(client, user, &mut lines).await?;
        }
        lines.retain(|line| line.spent != Spent::default());
        Ok(lines)
    }

    /// What was spent so far in each period that `day` lies in, in the order of [`Period::ALL`].
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn sums(
        &self,
        client: &ClientId,
        user: &UserId,
        day: NaiveDate,
    ) -> Result<[u64; Period::ALL.len()], StoreError> {
        let mut question = redis::pipe();
        for (noun, field) in [(OF_CLIENT, "sum"), (OF_USERS, user.as_str())] {
            for when in [day.to_string(), month(day)] {
                question.cmd("HGET").arg(self.key(noun, client, &when)).arg(field);
            }
        }
        let [a, b, c, d]: [Option<u64>; 4] = self.store.ask_all(&question).await?;
        Ok([a, b, c, d].map(Option::unwrap_or_default))
    }

    /// Puts what one user spent in the place of what all of them did.
    async fn narrow(&self, client: &ClientId, user: &UserId, lines: &mut [Line]) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut question = redis::pipe();
        for Line { day, provider, .. } in &*lines {
            let fields = [format!("{user} p {provider}"), format!("{user} n {provider}")];
            question.cmd("HMGET").arg(self.key(OF_USERS, client, &day.to_string())).arg(&fields);
        }
        let answers: Vec<(Option<u64>, Option<u64>)> = self.store.ask_all(&question).await?;
        for (line, (usd_micros, pictures)) in lines.iter_mut().zip(answers) {
            line.spent = Spent { usd_micros: usd_micros.unwrap_or(0), pictures: pictures.unwrap_or(0) };
        }
        Ok(())
    }

    fn add_call(&self, invocation: &mut ScriptInvocation<'_>, call: &Call<'_>, cost: Spent) {
        invocation.key(self.store.key(CALLS, call.job.as_str()));
        for noun in [OF_CLIENT, OF_USERS] {
            for when in [call.day.to_string(), month(call.day)] {
                invocation.key(self.key(noun, call.client, &when));
            }
        }
        invocation.arg(call.name).arg(cost.usd_micros).arg(cost.pictures).arg(call.provider).arg(call.user.as_str());
    }

    fn key(&self, noun: &str, client: &ClientId, when: &str) -> String {
        self.store.key(noun, &format!("{client}:{when}"))
    }
}

/// The month as its key names it.
fn month(day: NaiveDate) -> String {
    format!("{:04}-{:02}", day.year(), day.month())
}
