//! Pictures that stay: bytes in the blob store, a record beside them, a signed link outside.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::clock;
use crate::config::secrets::RootKey;
use crate::imaging::Picture;
use crate::imaging::artifacts::ArtifactLinks;
use crate::model::digest::Digest;
use crate::model::id::{ArtifactId, ClientId, JobId, UserId};
use crate::model::job_error::JobError;
use crate::store::artifacts::{ArtifactRecord, Artifacts, RemovedArtifact};
use crate::store::blobs::{BlobError, BlobKind, Blobs};
use crate::store::{Store, StoreError};

/// Why a picture cannot be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum GalleryError {
    /// The record cannot be written or read.
    #[error("reading or writing an artifact's record")]
    Store(#[from] StoreError),
    /// The bytes cannot be written or read.
    #[error("reading or writing an artifact's bytes")]
    Blob(#[from] BlobError),
}

impl From<GalleryError> for JobError {
    fn from(error: GalleryError) -> Self {
        match error {
            GalleryError::Store(error) => error.into(),
            GalleryError::Blob(error) => error.into(),
        }
    }
}

/// What is to be kept, and for whom.
#[derive(Clone, Debug)]
pub struct NewArtifact {
    /// The id it gets.
    pub id: ArtifactId,
    /// Whose it is.
    pub client: ClientId,
    /// For which of the client's users it was made.
    pub user: Option<UserId>,
    /// The job that made it.
    pub job_id: Option<JobId>,
    /// Such as `image/png`.
    pub media_type: String,
    /// What its maker says about it.
    pub metadata: Value,
}

/// The gallery. Cheap to clone.
#[derive(Clone)]
pub struct Gallery {
    records: Artifacts,
    blobs: Blobs,
    links: Arc<RwLock<ArtifactLinks>>,
    ttl: Duration,
    root: RootKey,
}

impl Gallery {
    /// A gallery over the records and the blob store; links carry a signature made from the root key.
    #[must_use]
    pub fn new(store: &Store, blobs: Blobs, root: &RootKey, public_url: &str, ttl: Duration) -> Self {
        let links = ArtifactLinks::new(public_url, root.derive("artifact-links", ""), ttl);
        Self {
            records: Artifacts::new(store.clone()),
            blobs,
            links: Arc::new(RwLock::new(links)),
            ttl,
            root: root.clone(),
        }
    }

    /// Links begin with this from now on: the port is known only once the listener is bound.
    pub fn set_public_url(&self, public_url: &str) {
        let moved = self.links.read().at(public_url);
        *self.links.write() = moved;
    }

    /// How links are made and checked.
    #[must_use]
    pub fn links(&self) -> ArtifactLinks {
        self.links.read().clone()
    }

    /// A pseudonym of client and user that means nothing outside of this installation.
    #[must_use]
    pub fn user_tag(&self, client: &ClientId, user: &UserId) -> String {
        let tag = self.root.derive("user-tag", &format!("{client} {user}"));
        hex::encode(tag).chars().take(32).collect()
    }

    /// Whether the place of the bytes answers: asks for bytes that nobody ever kept.
    pub async fn is_reachable(&self) -> bool {
        self.blobs.exists(BlobKind::Artifact, &Digest::of(b"")).await.is_ok()
    }

    /// Keeps bytes: the blob first, so that no record ever points at nothing.
    ///
    /// # Errors
    /// [`GalleryError`] when either cannot be written.
    pub async fn keep(&self, new: NewArtifact, bytes: Bytes) -> Result<ArtifactRecord, GalleryError> {
        let size = imagesize::blob_size(&bytes).ok();
        let side = |side: usize| u32::try_from(side).ok();
        let digest = Digest::of(&bytes);
        let now = clock::now();
        let record = ArtifactRecord {
            id: new.id,
            client: new.client,
            user: new.user,
            job_id: new.job_id,
            digest,
            media_type: new.media_type,
            size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            width: size.and_then(|size| side(size.width)),
            height: size.and_then(|size| side(size.height)),
            metadata: new.metadata,
            created_at: now,
            expires_at: now + TimeDelta::from_std(self.ttl).unwrap_or(TimeDelta::days(1)),
        };
        self.blobs.put(BlobKind::Artifact, &digest, bytes).await?;
        self.records.put(&record).await?;
        Ok(record)
    }

    /// Keeps a provider's picture and says where it is.
    ///
    /// # Errors
    /// [`GalleryError`] when it cannot be written.
    pub async fn keep_picture(&self, new: NewArtifact, picture: &Picture) -> Result<Value, GalleryError> {
        let record = self.keep(new, picture.bytes.clone()).await?;
        Ok(self.picture_view(&record))
    }

    /// A picture as the result of `generate` shows it.
    #[must_use]
    pub fn picture_view(&self, record: &ArtifactRecord) -> Value {
        json!({
            "id": record.id, "url": self.links.read().url(&record.id, record.expires_at), "sha256": record.digest.hex(),
            "format": record.media_type.rsplit('/').next().unwrap_or_default(),
            "width": record.width, "height": record.height,
            "sizeBytes": record.size_bytes, "expiresAt": record.expires_at,
        })
    }

    /// An asset as the result of an action shows it.
    #[must_use]
    pub fn asset_view(&self, record: &ArtifactRecord) -> Value {
        json!({
            "id": record.id, "url": self.links.read().url(&record.id, record.expires_at), "sha256": record.digest.hex(),
            "mediaType": record.media_type, "sizeBytes": record.size_bytes, "metadata": record.metadata,
            "expiresAt": record.expires_at,
        })
    }

    /// The record of an artifact of `client`; a text that is no id names nothing.
    ///
    /// # Errors
    /// [`GalleryError`] when the record cannot be read.
    pub async fn find(&self, client: &ClientId, id: &str) -> Result<Option<ArtifactRecord>, GalleryError> {
        let Ok(id) = ArtifactId::parse(id) else { return Ok(None) };
        Ok(self.records.get(&id).await?.filter(|record| record.client == *client))
    }

    /// The record of an artifact, whoever's it is: for links whose signature was checked.
    ///
    /// # Errors
    /// [`GalleryError`] when the record cannot be read.
    pub async fn find_linked(&self, id: &ArtifactId) -> Result<Option<ArtifactRecord>, GalleryError> {
        Ok(self.records.get(id).await?)
    }

    /// Removes artifacts that expired, oldest first, at most `limit`, and the bytes that nobody else has.
    /// Answers how many went.
    ///
    /// # Errors
    /// [`GalleryError`] when records or bytes cannot be removed; the rest is for the next sweep.
    pub async fn sweep(&self, limit: usize) -> Result<usize, GalleryError> {
        let expired = self.records.expired(clock::now(), limit).await?;
        for id in &expired {
            if let RemovedArtifact::Last(digest) = self.records.remove(id).await? {
                self.blobs.remove(BlobKind::Artifact, &digest).await?;
            }
        }
        Ok(expired.len())
    }

    /// The bytes of an artifact.
    ///
    /// # Errors
    /// [`GalleryError`] when they cannot be read.
    pub async fn bytes(&self, record: &ArtifactRecord) -> Result<Bytes, GalleryError> {
        Ok(self.blobs.get(BlobKind::Artifact, &record.digest).await?)
    }
}
