//! Values that all users of one client share: whose they are, and when they go.

use crate::model::id::{AddonId, ClientId};
use crate::store::enablements::{Enablement, Enablements};
use crate::store::kv::KvStore;
use crate::store::kv_keys::{VALUES, keys_of};
use crate::store::{StoreError, script};

/// The name under which what an addon's users of one client share is kept. No user's scope begins so: a client's name has
/// no `/`, and that of a copy is a ULID.
#[must_use]
pub fn shared_scope_of(client: &ClientId, addon: &AddonId) -> String {
    format!("shared/{client}:{addon}")
}

impl KvStore {
    /// The same values, written for this enablement into a scope that others write too: its record is asked at each
    /// write, because the scope stays when the record is erased.
    #[must_use]
    pub fn within_shared(&self, enablement: &Enablement) -> Self {
        let mut store = self.within(enablement);
        if let Some(writer) = &mut store.writer {
            writer.subject.insert(0, '!');
        }
        store
    }

    /// Removes what an addon's users of one client shared, where none of them is left; answers whether it did. What is
    /// written meanwhile, by somebody who came just now, keeps all of it.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn remove_unshared(
        &self,
        enablements: &Enablements,
        client: &ClientId,
        addon: &AddonId,
    ) -> Result<bool, StoreError> {
        let scope = shared_scope_of(client, addon);
        let mut command = redis::cmd("HGET");
        command.arg(self.store.key(VALUES, &scope)).arg("");
        let Some(numbers) = self.store.ask::<Option<String>>(&command).await? else { return Ok(false) };
        if enablements.has_user_of(client, addon).await? {
            return Ok(false);
        }
        let mut invocation = script::KV_REMOVE.prepare_invoke();
        for key in keys_of(&self.store, &scope) {
            invocation.key(key);
        }
        invocation.arg(numbers);
        Ok(self.store.run::<u8>(&invocation).await? == 1)
    }
}
