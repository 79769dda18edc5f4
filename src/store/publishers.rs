//! Publishers' keys: which ones an admin registered, and where each stands.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::signature::{KeyStanding, PublicKey, PublisherKeyId};
use crate::store::{Store, StoreError, script};

/// A key that a publisher signs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherKey {
    /// Its name, made from the key itself.
    pub id: PublisherKeyId,
    /// The namespace that it signs for.
    pub publisher: String,
    /// What verifies its signatures.
    pub public_key: PublicKey,
    /// Where it stands.
    pub standing: KeyStanding,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// What the admin wrote beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The book of publishers' keys.
#[derive(Clone, Debug)]
pub struct Publishers {
    store: Store,
}

/// Noun of a publisher's keys: a hash, a field a key.
const KEYS: &str = "publisher-keys";
/// Noun of the set of all publishers that ever had a key.
const NAMES: &str = "publishers";

impl Publishers {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Registers a key unless the publisher has it; answers the record that stands, which may be an older one.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn register(&self, key: &PublisherKey) -> Result<PublisherKey, StoreError> {
        let json = serde_json::to_string(key).map_err(StoreError::unwritable("publisher's key"))?;
        let mut commands = redis::pipe();
        commands.atomic();
        commands.cmd("HSETNX").arg(self.keys_key(&key.publisher)).arg(key.id.as_str()).arg(json).ignore();
        commands.cmd("SADD").arg(self.store.only_key(NAMES)).arg(&key.publisher).ignore();
        commands.cmd("HGET").arg(self.keys_key(&key.publisher)).arg(key.id.as_str());
        let (kept,): (String,) = self.store.ask_all(&commands).await?;
        decode(&kept)
    }

    /// One key of a publisher.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, publisher: &str, id: &PublisherKeyId) -> Result<Option<PublisherKey>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys_key(publisher)).arg(id.as_str());
        self.store.ask::<Option<String>>(&command).await?.as_deref().map(decode).transpose()
    }

    /// A publisher's keys, oldest first, retired and revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn list(&self, publisher: &str) -> Result<Vec<PublisherKey>, StoreError> {
        let mut command = redis::cmd("HVALS");
        command.arg(self.keys_key(publisher));
        let texts: Vec<String> = self.store.ask(&command).await?;
        let mut keys = texts.iter().map(|text| decode(text)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_by(|one, other| (one.registered_at, &one.id).cmp(&(other.registered_at, &other.id)));
        Ok(keys)
    }

    /// Everybody who ever had a key, in the order of the alphabet.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.store.only_key(NAMES));
        let mut names: Vec<String> = self.store.ask(&command).await?;
        names.sort();
        Ok(names)
    }

    /// Changes where a key stands; answers the record as it is now, none where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn change(
        &self,
        publisher: &str,
        id: &PublisherKeyId,
        change: impl Fn(KeyStanding) -> KeyStanding,
    ) -> Result<Option<PublisherKey>, StoreError> {
        let key = self.keys_key(publisher);
        loop {
            let mut command = redis::cmd("HGET");
            command.arg(&key).arg(id.as_str());
            let Some(before) = self.store.ask::<Option<String>>(&command).await? else { return Ok(None) };
            let record = decode(&before)?;
            let record = PublisherKey { standing: change(record.standing), ..record };
            let after = serde_json::to_string(&record).map_err(StoreError::unwritable("publisher's key"))?;
            let mut invocation = script::FIELD_REPLACE.prepare_invoke();
            invocation.key(&key).arg(id.as_str()).arg(&before).arg(&after);
            // Somebody else changed it in between: look again.
            if self.store.run(&invocation).await? {
                return Ok(Some(record));
            }
        }
    }

    fn keys_key(&self, publisher: &str) -> String {
        self.store.key(KEYS, publisher)
    }
}

fn decode(text: &str) -> Result<PublisherKey, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("publisher's key"))
}
