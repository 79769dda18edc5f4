//! What addons spent on pictures: one count a client's user, addon and day (UTC).

use std::time::Duration;

use chrono::NaiveDate;

use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::store::{Store, StoreError, script};

/// How long a day's count is kept: past any clock's idea of when the day ends.
const KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Noun of a day's count.
const CREDITS: &str = "credits";

/// Whose credits.
#[derive(Clone, Copy, Debug)]
pub struct Purse<'a> {
    /// The tenant.
    pub client: &'a ClientId,
    /// The tenant's user, who pays.
    pub user: &'a UserId,
    /// The addon that spends.
    pub addon: &'a AddonId,
    /// The day.
    pub day: NaiveDate,
}

/// What came of [`Credits::charge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It is paid.
    Paid,
    /// The day's sum would have come to this, which is more than allowed; nothing was taken.
    Short {
        /// The sum that it would have come to.
        reached: u64,
    },
}

/// The book of credits.
#[derive(Clone, Debug)]
pub struct Credits {
    store: Store,
}

impl Credits {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Takes `credits` for the job `start`, unless the day's sum would exceed `allowed`. The same job again is paid once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn charge(
        &self,
        purse: Purse<'_>,
        start: &JobId,
        credits: u64,
        allowed: u64,
    ) -> Result<Charged, StoreError> {
        let mut invocation = script::CREDITS_CHARGE.prepare_invoke();
        invocation.key(self.key(purse)).arg(start.as_str()).arg(credits).arg(allowed).arg(KEPT.as_secs());
        let (is_paid, reached): (bool, u64) = self.store.run(&invocation).await?;
        Ok(if is_paid { Charged::Paid } else { Charged::Short { reached } })
    }

    /// Gives back what was taken for `start`; false where nothing was.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn refund(&self, purse: Purse<'_>, start: &JobId) -> Result<bool, StoreError> {
        let mut invocation = script::CREDITS_REFUND.prepare_invoke();
        invocation.key(self.key(purse)).arg(start.as_str());
        self.store.run(&invocation).await
    }

    /// What was spent.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn spent(&self, purse: Purse<'_>) -> Result<u64, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.key(purse)).arg("sum");
        Ok(self.store.ask::<Option<u64>>(&command).await?.unwrap_or(0))
    }

    fn key(&self, Purse { client, user, addon, day }: Purse<'_>) -> String {
        // Names of users may hold what separates keys.
        let whose = Digest::of(format!("{client}\n{user}\n{addon}").as_bytes()).hex();
        self.store.key(CREDITS, &format!("{whose}:{day}"))
    }
}
