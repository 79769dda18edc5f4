//! Bytes under their own digest: components, pictures and other assets; a local folder or a bucket.

mod signed;
mod staging;

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::clock;
use crate::config::storage::{BlobPlace, S3Settings, StorageSettings};
use crate::model::digest::Digest;
use crate::model::disposition::Disposition;
use crate::model::job_error::JobError;

pub use staging::{Staged, Staging, StagingError};

/// What kind of bytes; each kind has its own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlobKind {
    /// Addons.
    Component,
    /// Pictures and other assets.
    Artifact,
    /// Small copies of pictures, under the digest of the picture that they show.
    Thumbnail,
}

impl BlobKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::Component, Self::Artifact, Self::Thumbnail];

    /// The kind's folder.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Component => "components",
            Self::Artifact => "artifacts",
            Self::Thumbnail => "thumbnails",
        }
    }
}

/// Why bytes could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There are no bytes of this digest.
    #[error("there are no bytes {digest} in `{}`", kind.folder())]
    Missing {
        /// The kind that was asked for.
        kind: BlobKind,
        /// The digest that was asked for.
        digest: Digest,
    },
    /// The stored bytes are not those that were stored: a broken disk, or somebody changed them.
    #[error("the stored bytes are not {digest}")]
    Damaged {
        /// The digest that was asked for.
        digest: Digest,
    },
    /// The range lies outside of the bytes.
    #[error("the range starts behind the end, at {size} bytes")]
    Range {
        /// How many bytes there are.
        size: u64,
    },
    /// The folder or the bucket cannot be opened.
    #[error("the blob store cannot be opened")]
    Open(#[source] object_store::Error),
    /// The folder cannot be made, or the file with the bucket's secret cannot be read.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: Box<FilePath>,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Bytes could not be received: the disk is full or broken.
    #[error("the disk takes no more bytes")]
    Disk(#[source] std::io::Error),
    /// The store refuses our credentials.
    #[error("the blob store refuses us: check its credentials")]
    Refused(#[source] object_store::Error),
    /// The store cannot be reached, or failed.
    #[error("the blob store failed")]
    Failed(#[source] object_store::Error),
}

impl BlobError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Failed(_) | Self::Disk(_) => Disposition::Retry,
            Self::Missing { .. }
            | Self::Damaged { .. }
            | Self::Range { .. }
            | Self::Open(_)
            | Self::File { .. }
            | Self::Refused(_) => Disposition::GiveUp,
        }
    }

    fn of(error: object_store::Error, kind: BlobKind, digest: &Digest) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing { kind, digest: *digest },
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                Self::Refused(error)
            }
            error => Self::Failed(error),
        }
    }
}

/// The blob store; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Blobs {
    place: Arc<dyn ObjectStore>,
    /// The bucket behind it, where it is one.
    bucket: Option<Arc<signed::Bucket>>,
    /// Where the blobs lie, where that is a folder of this machine.
    folder: Option<PathBuf>,
    /// Where bytes are received. On the same file system as `folder`, so that keeping them is a rename.
    staging: PathBuf,
}

impl Blobs {
    /// Opens the folder (made where missing) or the bucket (not asked yet).
    ///
    /// # Errors
    /// [`BlobError`] when the folder cannot be made, or the bucket's settings do not make sense.
    pub fn open(settings: &StorageSettings) -> Result<Self, BlobError> {
        match settings.blobs {
            BlobPlace::Local => Self::in_folder(&settings.data_dir.join("blobs")),
            BlobPlace::S3 => {
                let bucket = Self::bucket(&settings.s3)?;
                let place: Arc<dyn ObjectStore> = if settings.s3.prefix.is_empty() {
                    Arc::new(bucket.clone())
                } else {
                    Arc::new(PrefixStore::new(bucket.clone(), settings.s3.prefix.as_str()))
                };
                let bucket = signed::Bucket { store: bucket, prefix: Path::from(settings.s3.prefix.as_str()) };
                let staging = settings.data_dir.join("staging");
                Ok(Self { place, bucket: Some(Arc::new(bucket)), folder: None, staging })
            }
        }
    }

    fn in_folder(folder: &FilePath) -> Result<Self, BlobError> {
        std::fs::create_dir_all(folder).map_err(|source| BlobError::File { path: folder.into(), source })?;
        // Written beside, flushed to disk and renamed: whoever finds a name finds all of its bytes.
        let place = LocalFileSystem::new_with_prefix(folder).map_err(BlobError::Open)?.with_fsync(true);
        Ok(Self {
            place: Arc::new(place),
            bucket: None,
            folder: Some(folder.to_owned()),
            staging: folder.join("staging"),
        })
    }

    fn bucket(settings: &S3Settings) -> Result<AmazonS3, BlobError> {
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&settings.bucket);
        if !settings.region.is_empty() {
            builder = builder.with_region(&settings.region);
        }
        if !settings.endpoint.is_empty() {
            builder = builder
                .with_endpoint(&settings.endpoint)
                .with_allow_http(settings.endpoint.starts_with("http://"))
                .with_virtual_hosted_style_request(false);
        }
        if !settings.access_key_id.is_empty() {
            builder = builder.with_access_key_id(&settings.access_key_id).with_secret_access_key(secret_key(settings)?);
        }
        builder.build().map_err(BlobError::Open)
    }

    /// Keeps `bytes` under their digest, which is computed here off the caller's thread. Twice is once.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn put_bytes(&self, kind: BlobKind, bytes: Bytes) -> Result<Digest, BlobError> {
        let digest = digest_of(bytes.clone()).await;
        self.put(kind, &digest, bytes).await?;
        Ok(digest)
    }

    /// Keeps `bytes` under `digest`, which the caller computed while it received them. Twice is once.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn put(&self, kind: BlobKind, digest: &Digest, bytes: Bytes) -> Result<(), BlobError> {
        let path = path(kind, digest);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.place.head(&path).await.is_ok_and(|meta| is_kept(kind, &meta, size)) {
            return Ok(());
        }
        let stored = self.place.put(&path, PutPayload::from_bytes(bytes)).await;
        stored.map(|_| ()).map_err(|error| BlobError::of(error, kind, digest))
    }

    /// All bytes of `digest`, checked against it.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`], or that the store failed.
    pub async fn get(&self, kind: BlobKind, digest: &Digest) -> Result<Bytes, BlobError> {
        let bytes = self.get_unchecked(kind, digest).await?;
        if digest_of(bytes.clone()).await.matches(digest) {
            return Ok(bytes);
        }
        Err(BlobError::Damaged { digest: *digest })
    }

    /// All bytes of `digest`, unchecked: for callers that check themselves, or where damage shows, as in a picture.
    ///
    /// # Errors
    /// [`BlobError::Missing`], or that the store failed.
    pub async fn get_unchecked(&self, kind: BlobKind, digest: &Digest) -> Result<Bytes, BlobError> {
        let failed = |error| BlobError::of(error, kind, digest);
        let found = self.place.get(&path(kind, digest)).await.map_err(failed)?;
        found.bytes().await.map_err(failed)
    }

    /// The bytes from `start` up to (not including) `end`, which is cut to the size; and the whole size. Unchecked.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Range`], or that the store failed.
    pub async fn get_range(
        &self,
        kind: BlobKind,
        digest: &Digest,
        start: u64,
        end: u64,
    ) -> Result<(Bytes, u64), BlobError> {
        let size = self.size(kind, digest).await?.ok_or(BlobError::Missing { kind, digest: *digest })?;
        let end = end.min(size);
        if start >= end {
            return Err(BlobError::Range { size });
        }
        let part = self.place.get_range(&path(kind, digest), start..end).await;
        Ok((part.map_err(|error| BlobError::of(error, kind, digest))?, size))
    }

    /// Whether there are bytes of `digest`.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn exists(&self, kind: BlobKind, digest: &Digest) -> Result<bool, BlobError> {
        Ok(self.size(kind, digest).await?.is_some())
    }

    /// How many bytes there are of `digest`; none where there are none.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn size(&self, kind: BlobKind, digest: &Digest) -> Result<Option<u64>, BlobError> {
        match self.place.head(&path(kind, digest)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(BlobError::of(error, kind, digest)),
        }
    }

    /// The digests of everything that was stored before `time`.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn older_than(&self, kind: BlobKind, time: DateTime<Utc>) -> Result<Vec<Digest>, BlobError> {
        let mut files = self.place.list(Some(&Path::from(kind.folder())));
        let mut found = Vec::new();
        while let Some(file) = files.try_next().await.map_err(BlobError::Failed)? {
            if file.last_modified < time {
                found.extend(file.location.filename().and_then(|name| Digest::parse(&format!("sha256:{name}")).ok()));
            }
        }
        Ok(found)
    }

    /// Removes the bytes of `digest`; that they were gone already is fine.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn remove(&self, kind: BlobKind, digest: &Digest) -> Result<(), BlobError> {
        match self.place.delete(&path(kind, digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(BlobError::of(error, kind, digest)),
        }
    }
}

/// `components/ab/abcd…`: two digits of folder, so that no folder grows too large.
fn path(kind: BlobKind, digest: &Digest) -> Path {
    let hex = digest.hex();
    let (head, _) = hex.split_at_checked(2).unwrap_or((&hex, ""));
    Path::from_iter([kind.folder(), head, &hex])
}

/// Equal names hold equal bytes; only a file of another size (a disk that once was full) is worth another write, and a
/// component that will be swept for its age, though somebody needs it now.
fn is_kept(kind: BlobKind, meta: &ObjectMeta, size: u64) -> bool {
    meta.size == size && (kind != BlobKind::Component || is_young(meta))
}

/// Whether a component was stored so lately that no sweep looks at it for some hours.
fn is_young(meta: &ObjectMeta) -> bool {
    const YOUNG: TimeDelta = TimeDelta::hours(6);
    meta.last_modified > clock::now() - YOUNG
}

/// The digest, computed where large bytes hold up nobody.
pub(crate) async fn digest_of(bytes: Bytes) -> Digest {
    /// Below this, hashing takes less than about 0.3 ms, and a hop to another thread is not worth it.
    const SMALL: usize = 256 * 1024;
    if bytes.len() <= SMALL {
        return Digest::of(&bytes);
    }
    let copy = bytes.clone();
    // The closure cannot panic; where the runtime is shutting down, this thread does it.
    tokio::task::spawn_blocking(move || Digest::of(&copy)).await.unwrap_or_else(|_| Digest::of(&bytes))
}

fn secret_key(settings: &S3Settings) -> Result<String, BlobError> {
    let Some(file) = &settings.secret_access_key_file else { return Ok(settings.secret_access_key.clone()) };
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(source) => Err(BlobError::File { path: file.as_path().into(), source }),
    }
}

impl From<BlobError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: BlobError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not reach the blob store");
        Self::internal(error.disposition())
    }
}
