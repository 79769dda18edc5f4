//! What each enablement used, day by day (UTC), kept for 90 days.
//!
//! It is written by the scripts that end a job's attempt (`usage.lua`), so that metering a call costs no trip of its own; a
//! worker that dies with a job loses what that attempt used, and nothing is ever counted twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use parking_lot::Mutex;
use redis::ScriptInvocation;

use crate::clock;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::{Store, StoreError};

/// Noun of an enablement's use: a hash, a field a day.
const USAGE: &str = "usage";
/// Days that are kept, today included.
pub const KEPT_DAYS: u64 = 90;

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Calls of actions and hooks.
    pub calls: u64,
    /// Processor time, in microseconds.
    pub cpu_us: u64,
    /// Most linear memory that one call had at once, in bytes.
    pub peak_memory: u64,
    /// Requests to the network.
    pub egress_requests: u64,
    /// What these carried, both ways, in bytes.
    pub egress_bytes: u64,
    /// Keys and values that key-value operations carried, both ways, in bytes.
    pub kv_bytes: u64,
    /// Credits.
    pub credits: u64,
}

impl Used {
    /// The same with `more`: everything adds up, but for the peak.
    #[must_use]
    pub fn and(self, more: &Self) -> Self {
        Self {
            calls: self.calls.saturating_add(more.calls),
            cpu_us: self.cpu_us.saturating_add(more.cpu_us),
            peak_memory: self.peak_memory.max(more.peak_memory),
            egress_requests: self.egress_requests.saturating_add(more.egress_requests),
            egress_bytes: self.egress_bytes.saturating_add(more.egress_bytes),
            kv_bytes: self.kv_bytes.saturating_add(more.kv_bytes),
            credits: self.credits.saturating_add(more.credits),
        }
    }

    /// Seven numbers, as `usage.lua` adds them.
    fn written(&self) -> String {
        let Self { calls, cpu_us, peak_memory, egress_requests, egress_bytes, kv_bytes, credits } = self;
        format!("{calls} {cpu_us} {peak_memory} {egress_requests} {egress_bytes} {kv_bytes} {credits}")
    }

    /// Reads what `written` wrote; a number that is missing is 0, so that a later one can be added.
    fn read(text: &str) -> Self {
        let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self {
            calls: next(),
            cpu_us: next(),
            peak_memory: next(),
            egress_requests: next(),
            egress_bytes: next(),
            kv_bytes: next(),
            credits: next(),
        }
    }
}

/// What the calls of one attempt used so far. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct UsageBook(Arc<Mutex<Vec<Line>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    owner: (ClientId, UserId, AddonId),
    used: Used,
}

impl UsageBook {
    /// Adds what one call used.
    pub fn note(&self, owner: (&ClientId, &UserId, &AddonId), used: &Used) {
        let mut lines = self.0.lock();
        let is_of = |line: &&mut Line| (&line.owner.0, &line.owner.1, &line.owner.2) == owner;
        match lines.iter_mut().find(is_of) {
            Some(line) => line.used = line.used.and(used),
            None => lines.push(Line { owner: (owner.0.clone(), owner.1.clone(), owner.2.clone()), used: *used }),
        }
    }

    /// What is noted of one enablement and not written yet.
    #[must_use]
    pub fn of(&self, owner: (&ClientId, &UserId, &AddonId)) -> Used {
        let lines = self.0.lock();
        let line = lines.iter().find(|line| (&line.owner.0, &line.owner.1, &line.owner.2) == owner);
        line.map(|line| line.used).unwrap_or_default()
    }

    /// Puts keys and numbers behind the arguments of a script that ends with `count_usage`.
    pub(super) fn add_to(&self, store: &Store, invocation: &mut ScriptInvocation<'_>) {
        let lines = self.0.lock();
        if lines.is_empty() {
            return;
        }
        let today = today();
        invocation.arg(written(today)).arg(written(oldest(today, KEPT_DAYS)));
        for line in lines.iter() {
            let (client, user, addon) = &line.owner;
            invocation.key(key(store, client, user, addon)).arg(line.used.written());
        }
    }

    /// Forgets what was written.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// The book of what was used.
#[derive(Clone, Debug)]
pub struct Usages {
    store: Store,
}

impl Usages {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// What an enablement used, by day, oldest first; days without a call are left out.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn days(
        &self,
        client: &ClientId,
        user: &UserId,
        addon: &AddonId,
    ) -> Result<BTreeMap<NaiveDate, Used>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(key(&self.store, client, user, addon));
        let fields: Vec<(String, String)> = self.store.ask(&command).await?;
        let first = oldest(today(), KEPT_DAYS);
        let days = fields.iter().filter_map(|(day, used)| Some((day.parse().ok()?, Used::read(used))));
        Ok(days.filter(|(day, _)| *day >= first).collect())
    }

    /// What it used today.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn today(&self, client: &ClientId, user: &UserId, addon: &AddonId) -> Result<Used, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(key(&self.store, client, user, addon)).arg(written(today()));
        let used: Option<String> = self.store.ask(&command).await?;
        Ok(used.as_deref().map(Used::read).unwrap_or_default())
    }
}

/// The day that it is, in UTC.
#[must_use]
pub fn today() -> NaiveDate {
    clock::now().date_naive()
}

/// The first of `count` days that end with `day`.
#[must_use]
pub fn oldest(day: NaiveDate, count: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(count.saturating_sub(1))).unwrap_or(day)
}

fn written(day: NaiveDate) -> String {
    day.to_string()
}

/// A client's and an addon's name have no colon, so what is between them is the user, whatever it contains.
pub(super) fn key(store: &Store, client: &ClientId, user: &UserId, addon: &AddonId) -> String {
    store.key(USAGE, &format!("{client}:{user}:{addon}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_an_older_record_has_zeros() {
        let used = Used {
            calls: 1,
            cpu_us: 2,
            peak_memory: 3,
            egress_requests: 4,
            egress_bytes: 5,
            kv_bytes: 6,
            credits: u64::from(u32::MAX),
        };
        assert_eq!(Used::read(&used.written()), used);
        assert_eq!(Used::read("7 8"), Used { calls: 7, cpu_us: 8, ..Used::default() });
    }

    #[test]
    fn the_peak_is_the_largest_and_all_else_adds_up() {
        let one = Used { calls: 1, peak_memory: 10, ..Used::default() };
        let other = Used { calls: 2, peak_memory: 4, ..Used::default() };
        assert_eq!(one.and(&other), Used { calls: 3, peak_memory: 10, ..Used::default() });
    }

    #[test]
    fn ninety_days_end_today() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 31).unwrap_or_default();
        assert_eq!(oldest(day, 90).to_string(), "2026-01-01");
    }
}
