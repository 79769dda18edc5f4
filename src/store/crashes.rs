//! How often a component crashed lately: for one user, and for all of them.

use std::time::Duration;

use crate::clock;
use crate::model::digest::Digest;
use crate::model::id::{ClientId, UserId};
use crate::store::{Store, StoreError, script};

/// Crashes within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashCount {
    /// For this user.
    pub of_user: u32,
    /// For everybody.
    pub of_all: u32,
    /// Users that had one.
    pub users: u32,
}

/// The book of crashes.
#[derive(Clone, Debug)]
pub struct Crashes {
    store: Store,
}

/// Noun of a component's crashes: a sorted set, a member a call, scored by its time. It goes by itself with its window.
const OF_ALL: &str = "crashes";
/// Noun of the same for one user.
const OF_USER: &str = "crashes-of";

impl Crashes {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Counts one crash; the same call again counts once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn count(
        &self,
        digest: &Digest,
        user: (&ClientId, &UserId),
        call: &str,
        window: Duration,
    ) -> Result<CrashCount, StoreError> {
        let mut invocation = script::CRASH_COUNT.prepare_invoke();
        invocation.key(self.user_key(digest, user)).key(self.all_key(digest));
        invocation.arg(format!("{}:{}", user.0, user.1)).arg(call).arg(clock::now_ms());
        invocation.arg(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        let (of_user, of_all, users) = self.store.run(&invocation).await?;
        Ok(CrashCount { of_user, of_all, users })
    }

    /// Forgets the crashes of one user.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn forget_user(&self, digest: &Digest, user: (&ClientId, &UserId)) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.user_key(digest, user));
        self.store.ask(&command).await
    }

    /// Forgets what was counted for everybody.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn forget(&self, digest: &Digest) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.all_key(digest));
        self.store.ask(&command).await
    }

    fn all_key(&self, digest: &Digest) -> String {
        self.store.key(OF_ALL, &digest.hex())
    }

    fn user_key(&self, digest: &Digest, (client, user): (&ClientId, &UserId)) -> String {
        self.store.key(OF_USER, &format!("{}:{client}:{user}", digest.hex()))
    }
}
