//! What is known of pictures and other bytes that clients may fetch. The bytes live in the blob store under their
//! digest, shared by all artifacts that happen to be equal.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::model::digest::Digest;
use crate::model::id::{ArtifactId, ClientId, JobId, UserId};
use crate::store::jobs::millis;
use crate::store::{Store, StoreError, script};

/// One artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactRecord {
    /// Its id.
    pub id: ArtifactId,
    /// The client that it belongs to.
    pub client: ClientId,
    /// The client's end user that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The job that made it; none for an upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Of its bytes.
    pub digest: Digest,
    /// Such as `image/png`.
    pub media_type: String,
    /// In bytes.
    pub size_bytes: u64,
    /// In pixels, of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels, of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// What its maker says about it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// What made it, where a provider of pictures did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it is gone.
    pub expires_at: DateTime<Utc>,
}

/// What made a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// IPTC's word for how: `trainedAlgorithmicMedia` for a model, `algorithmicMedia` for a program without one.
    pub digital_source_type: Cow<'static, str>,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
}

impl Provenance {
    /// What a trained model made: the law wants it marked.
    pub const BY_MODEL: &'static str = "trainedAlgorithmicMedia";
    /// What a program without a trained model made.
    pub const BY_PROGRAM: &'static str = "algorithmicMedia";
}

/// What came of [`Artifacts::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedArtifact {
    /// Nobody else has these bytes: the blob may go.
    Last(Digest),
    /// Others still need the blob.
    Shared,
    /// There was no such artifact.
    Absent,
}

/// The book of artifacts.
#[derive(Clone, Debug)]
pub struct Artifacts {
    store: Store,
}

/// Noun of the records.
const RECORD: &str = "artifacts";
/// Noun of the ids by the time they expire.
const EXPIRY: &str = "artifact-expiry";
/// Noun of the digests whose thumbnails are still to be made, by the time since when.
const THUMBNAILS: &str = "thumbnails-due";
/// Noun of the ids that share some bytes.
const SHARERS: &str = "artifact-sharers";

impl Artifacts {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes a record, and that a thumbnail is to be made of it where one is wanted. Put the blob first, so that no record
    /// ever points at nothing.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn put(&self, record: &ArtifactRecord, wants_thumbnail: bool) -> Result<(), StoreError> {
        let json = serde_json::to_string(record).map_err(StoreError::unwritable("artifact"))?;
        let id = record.id.as_str();
        let mut commands = redis::pipe();
        commands.atomic();
        commands.cmd("SET").arg(self.store.key(RECORD, id)).arg(json).ignore();
        commands.cmd("ZADD").arg(self.store.only_key(EXPIRY)).arg(millis(record.expires_at)).arg(id).ignore();
        commands.cmd("SADD").arg(self.store.key(SHARERS, &record.digest.hex())).arg(id).ignore();
        if wants_thumbnail {
            let due = self.store.only_key(THUMBNAILS);
            commands.cmd("ZADD").arg(due).arg("NX").arg(millis(record.created_at)).arg(record.digest.hex()).ignore();
        }
        self.store.ask_all(&commands).await
    }

    /// Takes the picture whose thumbnail has been due longest. Whoever takes it has one try: a picture that ends its worker
    /// must not end another one.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn take_due_thumbnail(&self) -> Result<Option<Digest>, StoreError> {
        let mut command = redis::cmd("ZPOPMIN");
        command.arg(self.store.only_key(THUMBNAILS));
        let popped: Vec<String> = self.store.ask(&command).await?;
        Ok(popped.first().and_then(|hex| Digest::parse(&format!("sha256:{hex}")).ok()))
    }

    /// Whether any artifact has these bytes.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn is_needed(&self, digest: &Digest) -> Result<bool, StoreError> {
        let mut command = redis::cmd("EXISTS");
        command.arg(self.store.key(SHARERS, &digest.hex()));
        self.store.ask(&command).await
    }

    /// One artifact; an expired one is gone.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &ArtifactId) -> Result<Option<ArtifactRecord>, StoreError> {
        Ok(self.read(id).await?.filter(|record| record.expires_at > clock::now()))
    }

    /// Artifacts that expired before `time`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn expired(&self, time: DateTime<Utc>, limit: usize) -> Result<Vec<ArtifactId>, StoreError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.store.only_key(EXPIRY)).arg("-inf").arg(millis(time)).arg("LIMIT").arg(0).arg(limit);
        let ids: Vec<String> = self.store.ask(&command).await?;
        Ok(ids.iter().filter_map(|id| ArtifactId::parse(id).ok()).collect())
    }

    /// Removes a record and says whether its bytes are still needed.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn remove(&self, id: &ArtifactId) -> Result<RemovedArtifact, StoreError> {
        let Some(record) = self.read(id).await? else {
            let mut command = redis::cmd("ZREM");
            command.arg(self.store.only_key(EXPIRY)).arg(id.as_str());
            self.store.ask::<()>(&command).await?;
            return Ok(RemovedArtifact::Absent);
        };
        let mut invocation = script::ARTIFACT_REMOVE.prepare_invoke();
        invocation
            .key(self.store.key(RECORD, id.as_str()))
            .key(self.store.only_key(EXPIRY))
            .key(self.store.key(SHARERS, &record.digest.hex()))
            .arg(id.as_str());
        let sharers: u64 = self.store.run(&invocation).await?;
        Ok(if sharers == 0 { RemovedArtifact::Last(record.digest) } else { RemovedArtifact::Shared })
    }

    async fn read(&self, id: &ArtifactId) -> Result<Option<ArtifactRecord>, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.store.key(RECORD, id.as_str()));
        let text: Option<String> = self.store.ask(&command).await?;
        text.map(|text| serde_json::from_str(&text).map_err(StoreError::corrupt("artifact"))).transpose()
    }
}
