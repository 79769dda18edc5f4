//! Enablements that wait for a secret, by addon: whoever sets a value for many users at once finds them here.

use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::{Store, StoreError, script};

/// Noun of an addon's waiters, a set of `<client>:<user>`; bare, of the addons that have any.
const WAITERS: &str = "secret-waiters";

/// The list of those that wait. An entry may be old: whoever reads it asks the enablement.
#[derive(Clone, Debug)]
pub struct Waiters {
    store: Store,
}

impl Waiters {
    /// The list in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Notes that a user's addon waits.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn add(&self, client: &ClientId, user: &UserId, addon: &AddonId) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic();
        commands.cmd("SADD").arg(self.key(addon)).arg(format!("{client}:{user}")).ignore();
        commands.cmd("SADD").arg(self.store.only_key(WAITERS)).arg(addon.as_str()).ignore();
        self.store.ask_all(&commands).await
    }

    /// Notes that it waits no more.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn remove(&self, client: &ClientId, user: &UserId, addon: &AddonId) -> Result<(), StoreError> {
        let mut invocation = script::WAITER_GONE.prepare_invoke();
        invocation.key(self.key(addon)).key(self.store.only_key(WAITERS));
        invocation.arg(format!("{client}:{user}")).arg(addon.as_str());
        self.store.run::<u8>(&invocation).await.map(|_| ())
    }

    /// Some of an addon's waiters, at most `limit`, others each time.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn some(&self, addon: &AddonId, limit: usize) -> Result<Vec<(ClientId, UserId)>, StoreError> {
        let names = self.pick(self.key(addon), limit).await?;
        let read = |name: &String| {
            let (client, user) = name.split_once(':')?;
            Some((ClientId::parse(client).ok()?, UserId::parse(user).ok()?))
        };
        Ok(names.iter().filter_map(read).collect())
    }

    /// Some of the addons that have waiters, at most `limit`, others each time.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn addons(&self, limit: usize) -> Result<Vec<AddonId>, StoreError> {
        let names = self.pick(self.store.only_key(WAITERS), limit).await?;
        Ok(names.iter().filter_map(|name| AddonId::parse(name).ok()).collect())
    }

    async fn pick(&self, key: String, limit: usize) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd("SRANDMEMBER");
        command.arg(key).arg(limit);
        self.store.ask(&command).await
    }

    fn key(&self, addon: &AddonId) -> String {
        self.store.key(WAITERS, addon.as_str())
    }
}
