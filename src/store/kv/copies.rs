//! Copies of a scope: what a new version of an addon is tried on while the version before goes on with the original.
//!
//! An upgrade copies the values, lets the new version at the copy, and then the enablement goes over to it in one step
//! ([`Enablements::switch`](crate::store::enablements::Enablements::switch)). A copy that nobody takes ends by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::kv::{KvStore, keys_of, scope_of};
use crate::store::{StoreError, script};

/// How long a copy lives that nobody takes, and how long word is kept that a scope is gone: longer than any job and call.
pub const COPY_LIFE: Duration = Duration::from_secs(15 * 60);

/// Which copy of an addon's values an enablement uses. The first has no name; each change of versions makes another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValuesCopy(Option<Box<str>>);

impl ValuesCopy {
    /// A copy that nobody else uses.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Some(Ulid::generate().to_string().into()))
    }

    /// Whether this is what an enablement begins with.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.0.is_none()
    }

    /// The name under which the values are kept; `/` cannot stand in a client's name, which comes first otherwise.
    #[must_use]
    pub fn scope(&self, client: &ClientId, user: &UserId, addon: &AddonId) -> String {
        let first = scope_of(client, user, addon);
        self.0.as_ref().map_or_else(|| first.clone(), |copy| format!("{copy}/{first}"))
    }
}

/// A copy of a scope, to be taken or thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeCopy {
    /// The scope that was copied.
    pub from: String,
    /// The copy.
    pub to: String,
    /// What stood in the scope's numbers: while they are the same, nothing was written or removed.
    pub(in crate::store) numbers: String,
    /// Until when the scope is closed, in milliseconds since the epoch; 0 where it stays open.
    closed_until: u64,
}

impl KvStore {
    /// Copies everything of `from` to `to`. With `closed_for`, `from` takes no writes for so long
    /// ([`KvError::Closed`](super::KvError::Closed)); reading goes on.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn copy(&self, from: String, to: String, closed_for: Option<Duration>) -> Result<ScopeCopy, StoreError> {
        let closed_until = closed_for.map_or(0, |span| clock::now_ms().saturating_add(millis(span)));
        let mut invocation = script::KV_COPY.prepare_invoke();
        for key in keys_of(&self.store, &from).into_iter().chain(keys_of(&self.store, &to)) {
            invocation.key(key);
        }
        invocation.arg(millis(COPY_LIFE)).arg(closed_until);
        let numbers = self.store.run(&invocation).await?;
        Ok(ScopeCopy { from, to, numbers, closed_until })
    }

    /// Throws a copy away and opens again what was closed for it.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked; both then happen by themselves.
    pub async fn discard(&self, copy: &ScopeCopy) -> Result<(), StoreError> {
        let mut invocation = script::KV_DISCARD.prepare_invoke();
        for key in keys_of(&self.store, &copy.to).into_iter().chain(keys_of(&self.store, &copy.from)) {
            invocation.key(key);
        }
        invocation.arg(millis(COPY_LIFE)).arg(copy.closed_until);
        self.store.run::<u8>(&invocation).await.map(|_| ())
    }
}

/// As Redis counts.
pub(in crate::store) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
