//! Erasing what an addon keeps for a user, while the user keeps the addon.

use crate::clock;
use crate::store::enablements::{Enablement, user_key};
use crate::store::kv::KvStore;
use crate::store::kv_keys::keys_of;
use crate::store::{StoreError, script};

/// What came of [`KvStore::erase`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// Nothing is left.
    Done,
    /// The enablement was changed since it was read.
    Changed,
    /// The values are being carried over to another version of the addon.
    Moving,
}

impl KvStore {
    /// Removes every value that the addon keeps for this user, those for a rollback too. Calls that run find nothing from now
    /// on, and may write again.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn erase(&self, enablement: &Enablement) -> Result<Erased, StoreError> {
        let Enablement { client, user, addon, .. } = enablement;
        let mut invocation = script::KV_ERASE.prepare_invoke();
        invocation.key(user_key(&self.store, client, user));
        for key in enablement.kv_scopes().iter().flat_map(|scope| keys_of(&self.store, scope)) {
            invocation.key(key);
        }
        invocation.arg(addon.as_str()).arg(enablement.revision).arg(clock::now_ms());
        Ok(match self.store.run::<u8>(&invocation).await? {
            1 => Erased::Done,
            2 => Erased::Moving,
            _ => Erased::Changed,
        })
    }
}
