//! Copies of a scope: what a new version of an addon is tried on while the version before goes on with the original.
//!
//! An upgrade copies the values, lets the new version at the copy, and then the enablement goes over to it in one step
//! ([`Enablements::switch`](crate::store::enablements::Enablements::switch)). A copy that nobody takes ends by itself.

use std::time::Duration;

use crate::clock;
use crate::store::kv::KvStore;
use crate::store::kv_copy::{COPY_LIFE, ScopeCopy, millis};
use crate::store::kv_keys::keys_of;
use crate::store::{StoreError, script};

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
