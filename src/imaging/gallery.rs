//! Pictures that stay: bytes in the blob store, a record beside them, a signed link outside.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use parking_lot::RwLock;
use serde_json::{Value, json};
use tracing::{debug, warn};
use url::Url;

use crate::clock;
use crate::config::pictures::PictureSettings;
use crate::config::secrets::RootKey;
use crate::imaging::Picture;
use crate::imaging::artifacts::ArtifactLinks;
use crate::imaging::sniff::Caps;
use crate::imaging::thumbnail::thumbnail;
use crate::model::digest::Digest;
use crate::model::id::{ArtifactId, ClientId, JobId, UserId};
use crate::model::job_error::JobError;
use crate::store::artifacts::{ArtifactRecord, Artifacts, Provenance, RemovedArtifact};
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
    /// What made it, where a provider of pictures did.
    pub provenance: Option<Provenance>,
}

/// The gallery. Cheap to clone.
#[derive(Clone)]
pub struct Gallery {
    records: Artifacts,
    blobs: Blobs,
    links: Arc<RwLock<ArtifactLinks>>,
    ttl: Duration,
    settings: Arc<PictureSettings>,
    root: RootKey,
}

/// How long an address in a bucket works: as long as a slow fetch takes to begin. (Its link works as long as its artifact.)
const BUCKET_ADDRESS: Duration = Duration::from_secs(15 * 60);

impl Gallery {
    /// A gallery over the records and the blob store; links carry a signature made from the root key.
    #[must_use]
    pub fn new(
        store: &Store,
        blobs: Blobs,
        root: &RootKey,
        public_url: &str,
        (ttl, settings): (Duration, &PictureSettings),
    ) -> Self {
        let links = ArtifactLinks::new(public_url, root.derive("artifact-links", ""), ttl);
        Self {
            records: Artifacts::new(store.clone()),
            blobs,
            links: Arc::new(RwLock::new(links)),
            ttl,
            settings: Arc::new(settings.clone()),
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
        let ttl = self.settings.keep.get(new.client.as_str()).map_or(self.ttl, |span| span.duration());
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
            provenance: new.provenance,
            created_at: now,
            expires_at: now + TimeDelta::from_std(ttl).unwrap_or(TimeDelta::days(1)),
        };
        self.blobs.put(BlobKind::Artifact, &digest, bytes).await?;
        self.records.put(&record, self.has_thumbnail(&record)).await?;
        Ok(record)
    }

    /// Says what made a picture that somebody else stored: what an addon makes of a model's picture is still the model's.
    ///
    /// # Errors
    /// [`GalleryError`] when its record cannot be written.
    pub async fn mark(&self, record: ArtifactRecord, provenance: Provenance) -> Result<ArtifactRecord, GalleryError> {
        let record = ArtifactRecord { provenance: Some(provenance), ..record };
        self.records.put(&record, false).await?;
        Ok(record)
    }

    /// Whether there is, or will be, a small copy of it: only of pictures that are larger.
    #[must_use]
    pub fn has_thumbnail(&self, record: &ArtifactRecord) -> bool {
        let longest = record.width.max(record.height).unwrap_or(0);
        self.settings.thumbnail_pixels > 0 && longest > self.settings.thumbnail_pixels
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
        let links = self.links.read();
        let small = self.has_thumbnail(record).then(|| links.thumbnail_url(&record.id, record.expires_at));
        json!({
            "id": record.id, "url": links.url(&record.id, record.expires_at), "thumbnailUrl": small,
            "sha256": record.digest.hex(), "provenance": record.provenance,
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
            self.remove(id).await?;
        }
        Ok(expired.len())
    }

    /// Removes an artifact, and its bytes where nobody else has the same.
    ///
    /// # Errors
    /// [`GalleryError`] when record or bytes cannot be removed.
    pub async fn remove(&self, id: &ArtifactId) -> Result<(), GalleryError> {
        if let RemovedArtifact::Last(digest) = self.records.remove(id).await? {
            self.blobs.remove(BlobKind::Artifact, &digest).await?;
            self.blobs.remove(BlobKind::Thumbnail, &digest).await?;
        }
        Ok(())
    }

    /// Makes the small copies that are still to be made, at most `limit`; answers how many it looked at. The pictures stay
    /// within `caps`.
    ///
    /// # Errors
    /// [`GalleryError`] when Redis or the blob store fails. A picture of which none can be made has none.
    pub async fn make_thumbnails(&self, caps: Caps, limit: usize) -> Result<usize, GalleryError> {
        for made in 0..limit {
            let Some(digest) = self.records.take_due_thumbnail().await? else { return Ok(made) };
            if !self.records.is_needed(&digest).await? {
                continue;
            }
            let bytes = match self.blobs.get_unchecked(BlobKind::Artifact, &digest).await {
                Ok(bytes) => bytes,
                Err(BlobError::Missing { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let side = self.settings.thumbnail_pixels;
            let made = tokio::task::spawn_blocking(move || thumbnail(&bytes, caps, side)).await;
            match made {
                Ok(Ok(small)) => self.blobs.put(BlobKind::Thumbnail, &digest, small).await?,
                Ok(Err(error)) => debug!(%error, "No thumbnail can be made of picture {digest}"),
                Err(error) => warn!(%error, "The decoder of pictures fell over picture {digest}"),
            }
        }
        Ok(limit)
    }

    /// The small copy of an artifact; none where it has none, or none yet.
    ///
    /// # Errors
    /// [`GalleryError`] when the blob store fails.
    pub async fn small_bytes(&self, record: &ArtifactRecord) -> Result<Option<Bytes>, GalleryError> {
        match self.blobs.get_unchecked(BlobKind::Thumbnail, &record.digest).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(BlobError::Missing { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the bucket answers with the bytes of a picture, for a quarter of an hour; none where the bytes are in no bucket,
    /// or go through this server.
    ///
    /// # Errors
    /// [`GalleryError`] when the bucket's credentials cannot be had.
    pub async fn bucket_address(&self, record: &ArtifactRecord) -> Result<Option<Url>, GalleryError> {
        if !self.settings.links_lead_to_bucket {
            return Ok(None);
        }
        let left = (record.expires_at - clock::now()).to_std().unwrap_or(Duration::from_secs(1));
        let lifetime = left.min(BUCKET_ADDRESS).max(Duration::from_secs(1));
        Ok(self.blobs.signed_url(BlobKind::Artifact, &record.digest, &record.media_type, lifetime).await?)
    }

    /// The bytes of an artifact.
    ///
    /// # Errors
    /// [`GalleryError`] when they cannot be read.
    pub async fn bytes(&self, record: &ArtifactRecord) -> Result<Bytes, GalleryError> {
        Ok(self.blobs.get(BlobKind::Artifact, &record.digest).await?)
    }
}
