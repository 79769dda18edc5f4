//! Which addons listen to how a user's jobs end, and which enablements are looked after because they are woken by
//! something: what is derived from enablements, and mended where a process died between the two.

use std::time::Duration;

use crate::clock;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::{Store, StoreError};

/// Noun of the addons that listen to how a user's jobs end: a set a user.
const LISTENERS: &str = "job-listeners";
/// Noun of the enablements that are looked after, by the time of the next look in ms: `<client>:<addon>:<user>`.
const LOOKED_AFTER: &str = "signals-looked-after";

/// The book of signals.
#[derive(Clone, Debug)]
pub struct Signals {
    store: Store,
}

/// The key of those who listen to how a user's jobs end.
pub(super) fn listeners_key(store: &Store, client: &ClientId, user: Option<&UserId>) -> String {
    let fallback = UserId::fallback();
    store.key(LISTENERS, &format!("{client}:{}", user.unwrap_or(&fallback)))
}

impl Signals {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Says whether an addon listens to how the user's jobs end.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn set_listening(
        &self,
        (client, user, addon): (&ClientId, &UserId, &AddonId),
        listens: bool,
    ) -> Result<(), StoreError> {
        let mut command = redis::cmd(if listens { "SADD" } else { "SREM" });
        command.arg(listeners_key(&self.store, client, Some(user))).arg(addon.as_str());
        self.store.ask::<u64>(&command).await.map(|_| ())
    }

    /// Whether any addon listens to how the user's jobs end.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn is_listening(&self, client: &ClientId, user: Option<&UserId>) -> Result<bool, StoreError> {
        let mut command = redis::cmd("EXISTS");
        command.arg(listeners_key(&self.store, client, user));
        self.store.ask(&command).await
    }

    /// Asks for a look at an enablement after this long.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn look_in(&self, enablement: (&ClientId, &UserId, &AddonId), wait: Duration) -> Result<(), StoreError> {
        let due = clock::now_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let mut command = redis::cmd("ZADD");
        command.arg(self.store.only_key(LOOKED_AFTER)).arg(due).arg(member(enablement));
        self.store.ask::<u64>(&command).await.map(|_| ())
    }

    /// No more looks at an enablement.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn forget(&self, enablement: (&ClientId, &UserId, &AddonId)) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.store.only_key(LOOKED_AFTER)).arg(member(enablement));
        self.store.ask::<u64>(&command).await.map(|_| ())
    }

    /// Enablements whose look is due, those that wait longest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn due(&self, limit: usize) -> Result<Vec<(ClientId, UserId, AddonId)>, StoreError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.store.only_key(LOOKED_AFTER)).arg("-inf").arg(clock::now_ms()).arg("LIMIT").arg(0).arg(limit);
        let members: Vec<String> = self.store.ask(&command).await?;
        Ok(members.iter().filter_map(|member| parsed(member)).collect())
    }
}

/// Neither clients nor addons have a colon in their names, and the user comes last.
fn member((client, user, addon): (&ClientId, &UserId, &AddonId)) -> String {
    format!("{client}:{addon}:{user}")
}

fn parsed(member: &str) -> Option<(ClientId, UserId, AddonId)> {
    let (client, rest) = member.split_once(':')?;
    let (addon, user) = rest.split_once(':')?;
    Some((ClientId::parse(client).ok()?, UserId::parse(user).ok()?, AddonId::parse(addon).ok()?))
}
