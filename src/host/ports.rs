//! What a guest reaches outside of the process, as traits that floor 2 implements.
//!
//! A port is made for one call: who is asking (client, user, addon) is bound into
//! it, so that no host function takes a name that a guest could forge.

mod http;
mod secrets;
mod starts;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::model::limit::{Excess, Limit};
use crate::model::right::Denial;

pub use http::{HttpAnswer, HttpBody, HttpPort};
pub use secrets::{OpenSecret, SecretsPort};
pub use starts::{ImagesPort, JobsPort};

/// What kind of refusal or failure this is; the same cases as the contract's `error-kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The caller's input is wrong.
    BadInput,
    /// Refused on purpose.
    Refused,
    /// It may work later.
    Transient,
    /// It never will.
    Permanent,
    /// Noticed that the job was cancelled.
    Cancelled,
    /// Not in the grant.
    NotGranted,
    /// A quota ran out.
    OverQuota,
    /// There is no such thing.
    Missing,
    /// Larger than the grant allows.
    TooLarge,
    /// Trouble on the host's side.
    Unavailable,
}

/// The contract's `error`: what the host answers a guest, and what a guest answers the host.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PortError {
    /// What kind it is.
    pub kind: PortErrorKind,
    /// A stable code; the host's own are lower-case words with dashes.
    pub code: Cow<'static, str>,
    /// For people.
    pub message: String,
    /// When it may work.
    pub retry_after: Option<Duration>,
    /// Numbers and names behind the message.
    pub details: Option<Value>,
}

impl PortError {
    /// An error of the host's own.
    #[must_use]
    pub fn new(kind: PortErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code: Cow::Borrowed(code), message: message.into(), retry_after: None, details: None }
    }

    /// Trouble on the host's side; the guest may try again.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(PortErrorKind::Unavailable, "unavailable", message)
    }

    /// There is no such thing.
    #[must_use]
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(PortErrorKind::Missing, "missing", message)
    }

    /// The guest's argument is wrong.
    #[must_use]
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(PortErrorKind::BadInput, "bad-input", message)
    }

    /// Larger than allowed, with the numbers.
    #[must_use]
    pub fn too_large(what: &str, reached: u64, allowed: u64) -> Self {
        let message = format!("{what} would be {reached} bytes, {allowed} are allowed");
        let details = serde_json::json!({ "reached": reached, "allowed": allowed });
        Self { details: Some(details), ..Self::new(PortErrorKind::TooLarge, "too-large", message) }
    }

    /// What a guest hears of a use that one of the three keys denies.
    #[must_use]
    pub fn not_granted(denial: &Denial) -> Self {
        Self {
            details: Some(denial.details()),
            ..Self::new(PortErrorKind::NotGranted, "not-granted", denial.to_string())
        }
    }

    /// The same error with the name of the limit behind its numbers.
    #[must_use]
    pub fn of(mut self, limit: Limit) -> Self {
        let details = self.details.get_or_insert_with(|| serde_json::json!({}));
        if let Some(members) = details.as_object_mut() {
            members.insert(String::from("limit"), serde_json::json!(limit));
        }
        self
    }

    /// The same error with the key that says no and its rule.
    #[must_use]
    pub fn denied_by(mut self, denial: &Denial) -> Self {
        self.message = format!("{}: {}", self.message, denial.rule);
        let mut details = self.details.unwrap_or_else(|| serde_json::json!({}));
        if let (Value::Object(members), Value::Object(more)) = (&mut details, denial.details()) {
            members.extend(more);
        }
        self.details = Some(details);
        self
    }

    /// A quota ran out, with the numbers.
    #[must_use]
    pub fn over_quota(what: &str, reached: u64, allowed: u64) -> Self {
        let message = format!("{what} would be {reached}, {allowed} are allowed");
        let details = serde_json::json!({ "reached": reached, "allowed": allowed });
        Self { details: Some(details), ..Self::new(PortErrorKind::OverQuota, "over-quota", message) }
    }
}

impl From<Excess> for PortError {
    fn from(excess: Excess) -> Self {
        Self {
            details: Some(excess.details()),
            ..Self::new(PortErrorKind::OverQuota, "over-limit", excess.to_string())
        }
    }
}

/// A value in the key-value store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// The bytes.
    pub value: Bytes,
    /// Grows with every write of the key.
    pub version: u64,
}

/// How a compare-and-swap ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvSwap {
    /// Written; the new version.
    Stored(u64),
    /// Somebody else was faster; what is there now.
    Stale(Option<KvEntry>),
}

/// A page of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvPage {
    /// Sorted by bytes.
    pub keys: Vec<String>,
    /// Where the next page begins; none on the last one.
    pub cursor: Option<String>,
}

/// The small durable state of one addon, for one user or shared by the users of one client (`wit/kv-types.wit`).
///
/// Keys reach a port already checked (1–256 bytes, no control characters).
#[async_trait]
pub trait KvPort: Send + Sync {
    /// The value of `key`, if there is one.
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PortError>;
    /// Writes, and answers the new version. No `ttl` keeps the value until it is deleted.
    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<u64, PortError>;
    /// Writes only if the version is still `expect`; none means only if absent.
    async fn compare_and_swap(
        &self,
        key: &str,
        value: Bytes,
        expect: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<KvSwap, PortError>;
    /// Adds to a decimal number; an absent key counts as 0, other content is `bad-input`.
    async fn increment(&self, key: &str, delta: i64, ttl: Option<Duration>) -> Result<i64, PortError>;
    /// Whether there was something to delete.
    async fn delete(&self, key: &str) -> Result<bool, PortError>;
    /// At most `limit` (1–1000) keys that start with `prefix`.
    async fn list_keys(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<KvPage, PortError>;
}

/// Announcing events of the addon's own (`wit/events.wit`).
#[async_trait]
pub trait EventsPort: Send + Sync {
    /// Announces one event; the payload is small already. Once this answers, whoever handles the topic will hear of it.
    async fn emit(&self, topic: &str, payload: Value) -> Result<(), PortError>;
}

/// What a guest learns about an asset without reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct AssetFacts {
    /// The artifact's id.
    pub id: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// sha-256, 64 lowercase hexadecimal digits.
    pub digest: String,
    /// An object of facts such as width, height, seed, model.
    pub metadata: Value,
}

/// Binary payloads that stay in the host (`wit/assets.wit`).
#[async_trait]
pub trait AssetsPort: Send + Sync {
    /// The facts of an asset that this enablement may open.
    async fn open(&self, id: &str) -> Result<AssetFacts, PortError>;
    /// At most `len` bytes from `offset` on; fewer at the end, none past it.
    async fn read(&self, asset: &AssetFacts, offset: u64, len: u32) -> Result<Bytes, PortError>;
    /// Keeps a new asset.
    async fn create(&self, media_type: &str, bytes: Bytes, metadata: Value) -> Result<AssetFacts, PortError>;
}

/// How far a guest is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
    /// For people.
    pub note: Option<String>,
}

/// What a guest tells about a running job (`wit/progress.wit`).
#[async_trait]
pub trait ProgressPort: Send + Sync {
    /// Best effort: a lost report is no error.
    async fn report(&self, progress: Progress);
    /// Partial output for clients that stream the job.
    async fn partial(&self, chunk: Value) -> Result<(), PortError>;
    /// Keeps `state` for the next attempt of the same job; the newest one wins.
    async fn save_checkpoint(&self, state: Bytes) -> Result<(), PortError>;
    /// The newest checkpoint of this job.
    async fn load_checkpoint(&self) -> Result<Option<Bytes>, PortError>;
}

/// The ports of one call. A door without a port answers `unavailable`.
#[derive(Clone, Default)]
pub struct Ports {
    /// Behind `kv`, where it is granted.
    pub kv: Option<Arc<dyn KvPort>>,
    /// Behind `kv-shared`, where it is granted.
    pub kv_shared: Option<Arc<dyn KvPort>>,
    /// Behind `events`, where it is granted.
    pub events: Option<Arc<dyn EventsPort>>,
    /// Behind `assets`.
    pub assets: Option<Arc<dyn AssetsPort>>,
    /// Behind `progress`.
    pub progress: Option<Arc<dyn ProgressPort>>,
    /// Behind `secrets` and `secrets-reveal`, where one of them is granted.
    pub secrets: Option<Arc<dyn SecretsPort>>,
    /// Behind `wasi:http`, where it is granted.
    pub http: Option<Arc<dyn HttpPort>>,
    /// Behind `images`, where it is granted.
    pub images: Option<Arc<dyn ImagesPort>>,
    /// Behind `jobs`, where it is granted.
    pub jobs: Option<Arc<dyn JobsPort>>,
}

impl Ports {
    /// No door leads anywhere: for calls that need none, and for tests.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ports")
            .field("kv", &self.kv.is_some())
            .field("kv_shared", &self.kv_shared.is_some())
            .field("events", &self.events.is_some())
            .field("assets", &self.assets.is_some())
            .field("progress", &self.progress.is_some())
            .field("secrets", &self.secrets.is_some())
            .field("http", &self.http.is_some())
            .field("images", &self.images.is_some())
            .field("jobs", &self.jobs.is_some())
            .finish()
    }
}
