//! `Idempotency-Key`: the first request decides which job a key means.
//!
//! The reservation holds the request's fingerprint and a fresh job id. A repeat enqueues again under the same id,
//! which the queue ignores when it has it: a crash between reservation and enqueueing neither loses nor doubles.

use std::time::Duration;

use crate::clock;
use crate::model::digest::Digest;
use crate::model::id::JobId;
use crate::store::{Store, StoreError, script};

/// How long a key is remembered (`api.md`).
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the first request may take to answer before a repeat is let through.
pub const LEASE: Duration = Duration::from_secs(10);

/// The book of idempotency keys.
#[derive(Clone, Debug)]
pub struct Idempotency {
    store: Store,
}

/// What came of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// The first request: enqueue under this id, which is the caller's fresh one.
    Fresh(JobId),
    /// The same request again: enqueue again under this id and answer as before.
    Replay(JobId),
    /// Another request under the same key.
    Mismatch,
    /// The first request is being answered right now.
    Busy,
}

impl Idempotency {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Reserves `key` within `scope` (client, method and path) for a request with this fingerprint.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn reserve(
        &self,
        scope: &str,
        key: &str,
        fingerprint: &Digest,
        fresh: &JobId,
        lease: Duration,
    ) -> Result<Reserved, StoreError> {
        let now = clock::now_ms();
        let until = now.saturating_add(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let mut invocation = script::IDEMPOTENCY_RESERVE.prepare_invoke();
        invocation
            .key(self.key(scope, key))
            .arg(fingerprint.hex())
            .arg(fresh.as_str())
            .arg(now)
            .arg(until)
            .arg(KEPT_FOR.as_secs());
        let (word, id): (String, String) = self.store.run(&invocation).await?;
        Ok(match (word.as_str(), JobId::parse(&id)) {
            ("fresh", Ok(id)) => Reserved::Fresh(id),
            ("replay", Ok(id)) => Reserved::Replay(id),
            ("busy", _) => Reserved::Busy,
            _ => Reserved::Mismatch,
        })
    }

    /// Ends the lease: the request was answered, repeats may come.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked; the lease then ends by itself.
    pub async fn answered(&self, scope: &str, key: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.key(scope, key)).arg("until").arg(0);
        self.store.ask(&command).await
    }

    /// Forgets the key: the request was refused before anything was enqueued.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn forget(&self, scope: &str, key: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.key(scope, key));
        self.store.ask(&command).await
    }

    /// Both parts are the caller's own text and may contain anything, so their digest names the record.
    fn key(&self, scope: &str, key: &str) -> String {
        self.store.key("idempotency", &Digest::of(format!("{}:{scope}{key}", scope.len()).as_bytes()).hex())
    }
}
