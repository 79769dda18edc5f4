//! Small durable values for addons: per scope, with versions, expiry and a quota.
//!
//! A scope is one hash: field = key, value = `<version> <due in ms, 0 for never> <bytes>`. The empty field holds the
//! scope's own numbers, `<bytes used> <last version> <how many values are due some day> <whose subject wrote last>`; `!` in
//! the last place closes the scope (`kv/copies.rs`). A sorted set of the same names gives the order for listing, another one the times they are due. Reading is one plain
//! `HGET`; expired values are invisible at once and leave with the next write. Versions count up over the whole scope,
//! so that a value that was deleted and made again never gets an old version back.
//!
//! A store made with [`KvStore::within`] writes for one enablement, and only as long as that one's record is there: the
//! scripts hold its subject against the scope's, and ask the record where they differ. So a call that began before an
//! erase ([`Enablements::erase`](crate::store::enablements::Enablements::erase)) cannot bring anything back, not even
//! into what the same user enables later.

mod copies;
mod erase;
mod pages;
mod sharing;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use redis::{Script, ScriptInvocation};

use crate::clock;
use crate::model::disposition::Disposition;
use crate::model::id::AddonId;
use crate::model::job_error::JobError;
use crate::store::enablements::{self, Enablement};
use crate::store::kv_keys::{VALUES, keys_of};
use crate::store::{Page, Store, StoreError, script};

pub use crate::store::kv_copy::{ScopeCopy, ValuesCopy};
pub use crate::store::kv_keys::scope_of;
pub use erase::Erased;
pub use pages::KvRecord;
pub use sharing::shared_scope_of;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// Largest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 256 * 1024;
/// Longest page of keys.
pub const MAX_PAGE: usize = 1000;

/// A value and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The bytes.
    pub value: Vec<u8>,
    /// Counts up over the whole scope.
    pub version: u64,
}

/// What came of [`KvStore::cas`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// Stored, under this version.
    Stored(u64),
    /// The value is another one than expected: this.
    Stale(Option<KvEntry>),
}

/// Why a value could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// A key has 1–512 bytes.
    #[error("a key has 1-{MAX_KEY_BYTES} bytes, this one {0}")]
    Key(usize),
    /// A value has at most 256 KiB.
    #[error("a value has at most {MAX_VALUE_BYTES} bytes, this one {0}")]
    Value(usize),
    /// The scope has no room left.
    #[error("the quota of {quota} bytes has no room for the {wanted} that would be in use")]
    Quota {
        /// Bytes that the scope may use.
        quota: u64,
        /// Bytes that would be in use: keys and values together.
        wanted: u64,
    },
    /// The value is no whole number of 64 bits, or would not be one any more.
    #[error("the value is not a whole number of 64 bits, or leaves their range")]
    NotANumber,
    /// The enablement that writes was erased.
    #[error("the addon was erased for this user; nothing is kept for a call that began before")]
    Erased,
    /// The values went over to another version of the addon: whoever tries again meets that one.
    #[error("the addon's values went over to another version of it; try again")]
    Moved,
    /// The values are being carried over to another version right now.
    #[error("the addon's values are being carried over to another version of it; try again")]
    Closed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KvError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Key(_) | Self::Value(_) | Self::Quota { .. } | Self::NotANumber | Self::Erased => Disposition::GiveUp,
            Self::Moved | Self::Closed => Disposition::Retry,
            Self::Store(error) => error.disposition(),
        }
    }
}

/// What a write may use, and how long its value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// Bytes of keys and values that the scope may use.
    pub quota: u64,
    /// After this long the value is gone; none means never.
    pub ttl: Option<Duration>,
}

/// The values of every scope.
#[derive(Clone, Debug)]
pub struct KvStore {
    store: Store,
    writer: Option<Writer>,
}

/// The enablement that writes: where its record is, and what has to stand in it.
#[derive(Clone, Debug)]
struct Writer {
    records: String,
    addon: AddonId,
    subject: String,
}

impl KvStore {
    /// The values in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store, writer: None }
    }

    /// The same values, written for this enablement: once its record was erased every write is [`KvError::Erased`].
    #[must_use]
    pub fn within(&self, enablement: &Enablement) -> Self {
        let records = enablements::user_key(&self.store, &enablement.client, &enablement.user);
        let writer = Writer { records, addon: enablement.addon.clone(), subject: enablement.subject.clone() };
        Self { writer: Some(writer), ..self.clone() }
    }

    /// One value: one plain round trip.
    ///
    /// # Errors
    /// [`KvError::Key`], or that the store failed.
    pub async fn get(&self, scope: &str, key: &str) -> Result<Option<KvEntry>, KvError> {
        check_key(key)?;
        let mut command = redis::cmd("HGET");
        command.arg(self.store.key(VALUES, scope)).arg(key);
        let packed: Option<Vec<u8>> = self.store.ask(&command).await?;
        Ok(packed.as_deref().and_then(unpack))
    }

    /// Several values in one round trip, in the order of `keys`.
    ///
    /// # Errors
    /// [`KvError::Key`], or that the store failed.
    pub async fn get_many(&self, scope: &str, keys: &[String]) -> Result<Vec<Option<KvEntry>>, KvError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        keys.iter().try_for_each(|key| check_key(key))?;
        let mut command = redis::cmd("HMGET");
        command.arg(self.store.key(VALUES, scope)).arg(keys);
        let packed: Vec<Option<Vec<u8>>> = self.store.ask(&command).await?;
        Ok(packed.iter().map(|packed| packed.as_deref().and_then(unpack)).collect())
    }

    /// Stores a value, whatever was there; answers its version.
    ///
    /// # Errors
    /// [`KvError`]: key, value, quota, erased, moved, closed, or that the store failed.
    pub async fn set(&self, scope: &str, key: &str, value: &[u8], options: WriteOptions) -> Result<u64, KvError> {
        match self.write(scope, key, value, "any", options).await? {
            Swap::Stored(version) => Ok(version),
            Swap::Stale(_) => Err(unexpected()),
        }
    }

    /// Stores a value if the key still has the version `expect` (none: if there is no value).
    ///
    /// # Errors
    /// [`KvError`]: key, value, quota, erased, moved, closed, or that the store failed.
    pub async fn cas(
        &self,
        scope: &str,
        key: &str,
        value: &[u8],
        expect: Option<u64>,
        options: WriteOptions,
    ) -> Result<Swap, KvError> {
        let expect = expect.map_or_else(|| String::from("none"), |version| version.to_string());
        self.write(scope, key, value, &expect, options).await
    }

    async fn write(
        &self,
        scope: &str,
        key: &str,
        value: &[u8],
        expect: &str,
        options: WriteOptions,
    ) -> Result<Swap, KvError> {
        check_key(key)?;
        if value.len() > MAX_VALUE_BYTES {
            return Err(KvError::Value(value.len()));
        }
        let mut invocation = self.over(&script::KV_WRITE, scope);
        invocation.arg(key).arg(options.quota).arg(due(options)).arg(value).arg(expect);
        let (word, number, packed): (String, u64, Option<Vec<u8>>) = self.store.run_once(&invocation).await?;
        match word.as_str() {
            "stored" => Ok(Swap::Stored(number)),
            "stale" => Ok(Swap::Stale(packed.as_deref().and_then(unpack))),
            "quota" => Err(KvError::Quota { quota: options.quota, wanted: number }),
            word => Err(refused(word).unwrap_or_else(unexpected)),
        }
    }

    /// Adds `delta` to a value of decimal digits (none counts as 0) and answers the sum. The time it is due is set
    /// anew where `options` has one, and kept where not.
    ///
    /// # Errors
    /// [`KvError`]: key, not a number, quota, erased, moved, closed, or that the store failed.
    pub async fn increment(&self, scope: &str, key: &str, delta: i64, options: WriteOptions) -> Result<i64, KvError> {
        check_key(key)?;
        let mut invocation = self.over(&script::KV_INCREMENT, scope);
        invocation.arg(key).arg(options.quota).arg(due(options)).arg(delta);
        let (word, number): (String, String) = self.store.run_once(&invocation).await?;
        match word.as_str() {
            "stored" => number.parse().map_err(|_| KvError::NotANumber),
            "quota" => Err(KvError::Quota { quota: options.quota, wanted: number.parse().unwrap_or(0) }),
            word => Err(refused(word).unwrap_or(KvError::NotANumber)),
        }
    }

    /// Removes a value; whether there was one.
    ///
    /// # Errors
    /// [`KvError::Key`], [`KvError::Erased`], [`KvError::Moved`], [`KvError::Closed`], or that the store failed.
    pub async fn delete(&self, scope: &str, key: &str) -> Result<bool, KvError> {
        check_key(key)?;
        let mut invocation = self.over(&script::KV_DELETE, scope);
        invocation.arg(key);
        let (word, count): (String, u8) = self.store.run_once(&invocation).await?;
        if word == "done" { Ok(count > 0) } else { Err(refused(&word).unwrap_or_else(unexpected)) }
    }

    /// The keys that start with `prefix`, in the order of their bytes; at most `limit`, at most 1000.
    ///
    /// # Errors
    /// [`StoreError::Cursor`], or that the store failed.
    pub async fn list(
        &self,
        scope: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<String>, KvError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let after =
            cursor.map(|text| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| StoreError::Cursor)).transpose()?;
        let start = after.map_or_else(|| [b"[", prefix.as_bytes()].concat(), |after| [b"(", after.as_slice()].concat());
        // Keys are UTF-8, in which this byte never occurs: it is above every key with the prefix.
        let end = [b"(", prefix.as_bytes(), b"\xff"].concat();
        let mut invocation = self.over(&script::KV_LIST, scope);
        invocation.arg(start).arg(end).arg(limit);
        let (keys, last): (Vec<String>, Option<Vec<u8>>) = self.store.run(&invocation).await?;
        Ok(Page { items: keys, next_cursor: last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(last)) })
    }

    /// Bytes in use: keys and values together, expired ones included until the next write.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn used_bytes(&self, scope: &str) -> Result<u64, KvError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.key(VALUES, scope)).arg("");
        let numbers: Option<String> = self.store.ask(&command).await?;
        Ok(numbers.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0))
    }

    /// Everything of a scope, in the order of the keys.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn export(&self, scope: &str) -> Result<Vec<(String, KvEntry)>, KvError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.store.key(VALUES, scope));
        let fields: Vec<(String, Vec<u8>)> = self.store.ask(&command).await?;
        let mut entries: Vec<(String, KvEntry)> = fields
            .into_iter()
            .filter(|(key, _)| !key.is_empty())
            .filter_map(|(key, packed)| Some((key, unpack(&packed)?)))
            .collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    /// A call of `script` over the scope, with the time of day and the writer as the first arguments.
    fn over<'a>(&self, script: &'a Script, scope: &str) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        for key in keys_of(&self.store, scope) {
            invocation.key(key);
        }
        invocation.arg(clock::now_ms());
        match &self.writer {
            Some(writer) => invocation.key(&writer.records).arg(writer.addon.as_str()).arg(&writer.subject),
            None => invocation.arg("").arg(""),
        };
        invocation
    }
}

fn check_key(key: &str) -> Result<(), KvError> {
    if (1..=MAX_KEY_BYTES).contains(&key.len()) { Ok(()) } else { Err(KvError::Key(key.len())) }
}

/// When the value is due, in milliseconds since the epoch; 0 for never.
fn due(options: WriteOptions) -> u64 {
    options
        .ttl
        .map_or(0, |ttl| clock::now_ms().saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)))
}

/// Reads `<version> <due> <bytes>`; none where it is due.
fn unpack(packed: &[u8]) -> Option<KvEntry> {
    let mut parts = packed.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
    let (version, due) = (number()?, number()?);
    let value = parts.next()?.to_vec();
    (due == 0 || due > clock::now_ms()).then_some(KvEntry { value, version })
}

/// When a packed value is due; none for never.
fn due_of(packed: &[u8]) -> Option<u64> {
    let due = packed.split(|byte| *byte == b' ').nth(1)?;
    std::str::from_utf8(due).ok()?.parse().ok().filter(|due| *due > 0)
}

/// Why a script did not let the caller write, where that is what it answered.
fn refused(word: &str) -> Option<KvError> {
    match word {
        "erased" => Some(KvError::Erased),
        "moved" => Some(KvError::Moved),
        "closed" => Some(KvError::Closed),
        _ => None,
    }
}

/// The script answered what it never answers.
fn unexpected() -> KvError {
    KvError::Store(StoreError::Protocol(redis::RedisError::from((
        redis::ErrorKind::UnexpectedReturnType,
        "the key-value script answered something else",
    ))))
}

impl From<KvError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: KvError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not reach the key-value store");
        Self::internal(error.disposition())
    }
}
