//! API keys: shown once, kept as a hash.
//!
//! A key is `sk_<env>_<id>_<secret><checksum>`. The checksum lets a mistyped or invented key be refused without
//! asking Redis; the id finds the record; the secret has 256 bits, so a plain sha-256 of the whole is as hard to
//! undo as the key is to guess.

mod format;
mod rotate;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::model::digest::Digest;
use crate::model::id::ClientId;
use crate::store::control::{CHANNEL, Message};
use crate::store::{Store, StoreError, script};

pub use rotate::{Rotated, Rotation};

/// `last_used_at` is written at most this often, in milliseconds: it is for people, and a write a request is not.
const TOUCH_EVERY_MS: u64 = 60_000;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScope {
    /// Chat, images, jobs and addons of its client's own users.
    Client,
    /// Publishing and yanking addons.
    Publisher,
    /// Everything under `/admin`, every namespace.
    Admin,
}

impl KeyScope {
    /// Every scope there is.
    pub const ALL: [Self; 3] = [Self::Client, Self::Publisher, Self::Admin];

    /// The scope as people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Publisher => "publisher",
            Self::Admin => "admin",
        }
    }

    /// Reads a scope by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// Its public id.
    pub id: String,
    /// The client that it belongs to.
    pub client: ClientId,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// Namespaces that it may publish in (`acme`); `*` is every one but the platform's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Where it is for, such as `live` or `dev`.
    pub env: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working; none means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// The key that takes its place, once it was rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
}

/// Why a text opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It has not the form of a key.
    Malformed,
    /// It has the form, and its checksum does not fit: a character is wrong.
    Checksum,
    /// Nobody has this key.
    Unknown,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
}

impl KeyFault {
    /// What the caller should know, and do. Who is told that a key was revoked or has expired has the whole key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "this is no key; a key is `sk_<env>_<id>_<secret>`, sent whole",
            Self::Checksum => "the key's checksum does not fit: it is mistyped or cut; copy it again",
            Self::Unknown => "there is no such key here; a key works at the installation that made it",
            Self::Revoked => "the key was revoked; ask the platform's admin for another one",
            Self::Expired => "the key has expired; ask the platform's admin for another one",
        }
    }
}

impl KeyRecord {
    /// Whether the key has this scope. Nothing implies anything: an admin's key that should chat has both.
    #[must_use]
    pub fn has(&self, scope: KeyScope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the key works at this moment; callers that keep a record in memory ask again each time.
    #[must_use]
    pub fn works_at(&self, now: DateTime<Utc>) -> bool {
        self.fault_at(now).is_none()
    }

    /// Why the key does not work at this moment, if it does not.
    #[must_use]
    pub fn fault_at(&self, now: DateTime<Utc>) -> Option<KeyFault> {
        if self.revoked_at.is_some() {
            return Some(KeyFault::Revoked);
        }
        self.expires_at.is_some_and(|end| now >= end).then_some(KeyFault::Expired)
    }
}

/// What is said about a key before it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The client that it belongs to.
    pub client: ClientId,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// Namespaces that it may publish in.
    pub namespaces: Vec<String>,
    /// When it stops working; none means never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewKey {
    /// A key for `client` that never expires and publishes nowhere.
    #[must_use]
    pub const fn of(client: ClientId, scopes: Vec<KeyScope>) -> Self {
        Self { client, scopes, namespaces: Vec::new(), expires_at: None }
    }
}

/// The book of keys.
#[derive(Clone, Debug)]
pub struct Keys {
    store: Store,
}

/// Noun of the records: a hash with `record`, `hash`, `used` (ms), `revoked` (ms), `ends` (ms, from a rotation) and `next` (the id of
/// the key in its place).
const RECORD: &str = "api-keys";
/// Noun of a client's key ids.
const OF_CLIENT: &str = "api-keys-of";
/// Noun of the set of all clients that ever got a key.
pub(super) const CLIENTS: &str = "clients";
/// The hash's fields in the order they are read.
const FIELDS: [&str; 6] = ["record", "hash", "used", "revoked", "ends", "next"];

type Fields = (Option<String>, Option<String>, Option<u64>, Option<u64>, Option<u64>, Option<String>);

impl Keys {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Makes a key. The text is shown to its owner now and can never be had again.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn issue(&self, new: &NewKey, env: &str) -> Result<(String, KeyRecord), StoreError> {
        let fresh = format::fresh(env);
        let record = KeyRecord {
            id: fresh.id.clone(),
            client: new.client.clone(),
            scopes: new.scopes.clone(),
            namespaces: new.namespaces.clone(),
            env: fresh.env.clone(),
            created_at: clock::now(),
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
        };
        self.keep(&fresh.text, &record).await?;
        Ok((fresh.text, record))
    }

    /// Stores a key whose text is already known, as `dev` does when its Redis was emptied: false where the text is no key.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn restore(&self, text: &str, new: &NewKey) -> Result<bool, StoreError> {
        let Some(parsed) = format::parse(text) else { return Ok(false) };
        let record = KeyRecord {
            id: parsed.id.to_owned(),
            client: new.client.clone(),
            scopes: new.scopes.clone(),
            namespaces: new.namespaces.clone(),
            env: parsed.env.to_owned(),
            created_at: clock::now(),
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
            replaced_by: None,
        };
        self.keep(text, &record).await?;
        Ok(true)
    }

    async fn keep(&self, text: &str, record: &KeyRecord) -> Result<(), StoreError> {
        let json = serde_json::to_string(record).map_err(StoreError::unwritable("key"))?;
        let mut commands = redis::pipe();
        commands.atomic();
        commands
            .cmd("HSET")
            .arg(self.record_key(&record.id))
            .arg("record")
            .arg(json)
            .arg("hash")
            .arg(Digest::of(text.as_bytes()).hex())
            .ignore();
        commands.cmd("SADD").arg(self.store.key(OF_CLIENT, record.client.as_str())).arg(&record.id).ignore();
        commands.cmd("SADD").arg(self.store.only_key(CLIENTS)).arg(record.client.as_str()).ignore();
        self.store.ask_all(&commands).await
    }

    /// What is wrong with a text that cannot be a key: what has not the form and the checksum of one is nobody's, and Redis need not
    /// be asked.
    #[must_use]
    pub fn fault_of_form(text: &str) -> Option<KeyFault> {
        match format::read(text) {
            None => Some(KeyFault::Malformed),
            Some((_, false)) => Some(KeyFault::Checksum),
            Some((_, true)) => None,
        }
    }

    /// The key's record, if the text is a key that works now.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn verify(&self, text: &str) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.judge(text).await?.ok())
    }

    /// The key's record, or why the text opens nothing now. Callers may keep the answer in memory for a while and drop it on
    /// `Message::KeyChanged`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn judge(&self, text: &str) -> Result<Result<KeyRecord, KeyFault>, StoreError> {
        if let Some(fault) = Self::fault_of_form(text) {
            return Ok(Err(fault));
        }
        let Some(parsed) = format::parse(text) else { return Ok(Err(KeyFault::Malformed)) };
        let Some((record, hash)) = self.read(parsed.id).await? else { return Ok(Err(KeyFault::Unknown)) };
        if !hash.matches(&Digest::of(text.as_bytes())) {
            return Ok(Err(KeyFault::Unknown));
        }
        if let Some(fault) = record.fault_at(clock::now()) {
            return Ok(Err(fault));
        }
        let now = clock::now_ms();
        let last = record.last_used_at.map_or(0, crate::store::jobs::millis);
        if now.saturating_sub(last) >= TOUCH_EVERY_MS {
            let mut command = redis::cmd("HSET");
            command.arg(self.record_key(parsed.id)).arg("used").arg(now);
            self.store.ask::<()>(&command).await?;
        }
        Ok(Ok(record))
    }

    /// Makes a key stop working and tells every process so (`Message::KeyChanged`), in one step; false where there is
    /// none of that id.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let message = Message::KeyChanged { id: id.to_owned() };
        let text = serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))?;
        let mut invocation = script::KEY_REVOKE.prepare_invoke();
        invocation.key(self.record_key(id)).arg(self.store.only_key(CHANNEL)).arg(clock::now_ms()).arg(text);
        self.store.run(&invocation).await
    }

    /// One key's record, revoked and expired ones too.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.read(id).await?.map(|(record, _)| record))
    }

    /// A client's keys, oldest first, revoked and expired ones too.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn list(&self, client: &ClientId) -> Result<Vec<KeyRecord>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.store.key(OF_CLIENT, client.as_str()));
        let ids: Vec<String> = self.store.ask(&command).await?;
        let mut records = Vec::with_capacity(ids.len());
        for id in &ids {
            records.extend(self.get(id).await?);
        }
        records.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(records)
    }

    /// Every client that ever got a key, in the order of the alphabet.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn clients(&self) -> Result<Vec<ClientId>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.store.only_key(CLIENTS));
        let names: Vec<String> = self.store.ask(&command).await?;
        let mut clients: Vec<ClientId> = names.iter().filter_map(|name| ClientId::parse(name).ok()).collect();
        clients.sort();
        Ok(clients)
    }

    async fn read(&self, id: &str) -> Result<Option<(KeyRecord, Digest)>, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.record_key(id)).arg(&FIELDS);
        let (Some(record), Some(hash), used, revoked, ends, next): Fields = self.store.ask(&command).await? else {
            return Ok(None);
        };
        let mut record: KeyRecord = serde_json::from_str(&record).map_err(StoreError::corrupt("key"))?;
        record.last_used_at = used.map(clock::from_ms);
        record.revoked_at = revoked.map(clock::from_ms);
        record.replaced_by = next;
        record.expires_at = [record.expires_at, ends.map(clock::from_ms)].into_iter().flatten().min();
        Ok(Digest::parse(&hash).ok().map(|hash| (record, hash)))
    }

    fn record_key(&self, id: &str) -> String {
        self.store.key(RECORD, id)
    }
}
