//! Bytes on their way into the store: written to a file that nobody looks for, counted and hashed as they come.
//!
//! Only [`Blobs::keep`] makes them visible, in one step and whole. A file that is not kept goes with its value; the files
//! of a process that was killed go with [`Blobs::sweep_staging`].

use std::fs::File;
use std::io::Read as _;
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, SystemTime};

use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::{BlobError, BlobKind, Blobs, is_kept, path};
use crate::model::digest::Digest;
use crate::model::units::ByteSize;

/// What is gathered before the disk is asked, and what a bucket gets at once, in bytes.
const WRITE_BYTES: usize = 256 * 1024;
/// Part of an upload to a bucket, in bytes; S3 takes none below 5 MiB but the last.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts on their way to a bucket at once.
const PARTS_AT_ONCE: usize = 2;
/// Names of files of ours begin so.
const PREFIX: &str = "incoming-";

/// Bytes that are being received. Dropping it removes them.
pub struct Staging {
    file: BufWriter<tokio::fs::File>,
    path: TempPath,
    hasher: Sha256,
    size: u64,
    limit: ByteSize,
}

/// Bytes that were received whole and that nobody sees yet. Dropping it removes them.
#[derive(Debug)]
pub struct Staged {
    path: TempPath,
    digest: Digest,
    size: u64,
}

/// Why bytes could not be received.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    /// There are more than allowed.
    #[error("larger than {limit}")]
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
    },
    /// The disk is full or broken.
    #[error("writing a temporary file")]
    Disk(#[from] std::io::Error),
}

impl Staging {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StagingError`] when they are too many, or the disk takes them not.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StagingError> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit.as_u64() {
            return Err(StagingError::TooLarge { limit: self.limit });
        }
        self.hasher.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// Nothing more comes: what was received is on the disk when this answers.
    ///
    /// # Errors
    /// [`StagingError::Disk`].
    pub async fn finish(mut self) -> Result<Staged, StagingError> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        Ok(Staged { path: self.path, digest, size: self.size })
    }
}

impl Staged {
    /// What the bytes are called.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The bytes, to be read where blocking is allowed.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(&self) -> std::io::Result<File> {
        File::open(&self.path)
    }
}

impl Blobs {
    /// Begins to receive at most `limit`.
    ///
    /// # Errors
    /// [`BlobError::File`] when no file can be made.
    pub async fn stage(&self, limit: ByteSize) -> Result<Staging, BlobError> {
        let folder = self.staging.clone();
        let made = in_background(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::Builder::new().prefix(PREFIX).tempfile_in(&folder)
        });
        let (file, path) = made.await.map_err(|source| self.staging_failed(source))?.into_parts();
        let file = BufWriter::with_capacity(WRITE_BYTES, tokio::fs::File::from_std(file));
        Ok(Staging { file, path, hasher: Sha256::new(), size: 0, limit })
    }

    /// Makes staged bytes visible under their digest, whole and in one step. Twice is once.
    ///
    /// # Errors
    /// [`BlobError`] when the store failed.
    pub async fn keep(&self, kind: BlobKind, staged: Staged) -> Result<Digest, BlobError> {
        let (name, digest) = (path(kind, &staged.digest), staged.digest);
        if self.place.head(&name).await.is_ok_and(|meta| is_kept(kind, &meta, staged.size)) {
            return Ok(digest);
        }
        match self.folder.clone() {
            Some(folder) => {
                let goal = folder.join(name.as_ref());
                let moved = in_background(move || move_to(staged.path, &goal));
                moved.await.map_err(|source| self.staging_failed(source))?;
            }
            None => self.send(kind, &name, &staged).await?,
        }
        Ok(digest)
    }

    /// Removes what was received longer than `age` ago and never kept: its process was killed.
    ///
    /// # Errors
    /// [`BlobError::File`] when the folder cannot be read.
    pub async fn sweep_staging(&self, age: Duration) -> Result<usize, BlobError> {
        let folder = self.staging.clone();
        in_background(move || sweep(&folder, age)).await.map_err(|source| self.staging_failed(source))
    }

    /// Sends staged bytes to a bucket, in parts where they are many: a bucket shows an upload when its last part is in.
    async fn send(&self, kind: BlobKind, name: &Path, staged: &Staged) -> Result<(), BlobError> {
        let failed = |error| BlobError::of(error, kind, &staged.digest);
        let mut file = staged.open().map_err(|source| self.staging_failed(source))?;
        if staged.size <= PART_BYTES as u64 {
            let whole = in_background(move || {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map(|_| bytes)
            });
            let whole = whole.await.map_err(|source| self.staging_failed(source))?;
            return self.place.put(name, PutPayload::from(whole)).await.map(drop).map_err(failed);
        }
        let upload = self.place.put_multipart(name).await.map_err(failed)?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        loop {
            let read = in_background(move || {
                let mut bytes = Vec::with_capacity(WRITE_BYTES);
                file.by_ref().take(WRITE_BYTES as u64).read_to_end(&mut bytes).map(|_| (file, bytes))
            });
            let (rest, bytes) = match read.await {
                Ok(read) => read,
                Err(source) => {
                    // What was sent is of no use; the bucket forgets it by itself where this fails too.
                    let _ = parts.abort().await;
                    return Err(self.staging_failed(source));
                }
            };
            if bytes.is_empty() {
                return parts.finish().await.map(drop).map_err(failed);
            }
            file = rest;
            parts.wait_for_capacity(PARTS_AT_ONCE).await.map_err(failed)?;
            parts.write(&bytes);
        }
    }

    fn staging_failed(&self, source: std::io::Error) -> BlobError {
        BlobError::File { path: self.staging.as_path().into(), source }
    }
}

/// Renames a file into place; the folder is flushed too, so that a crash of the machine does not undo it.
fn move_to(from: TempPath, goal: &FilePath) -> std::io::Result<()> {
    let folder = goal.parent().unwrap_or(goal);
    std::fs::create_dir_all(folder)?;
    // Blobs are shared by processes that may run as different users of one group; temporary files are private.
    std::fs::set_permissions(&from, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    from.persist(goal).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn sweep(folder: &FilePath, age: Duration) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let now = SystemTime::now();
    let is_old = |file: &PathBuf| {
        let modified = std::fs::metadata(file).and_then(|meta| meta.modified());
        modified.is_ok_and(|time| now.duration_since(time).is_ok_and(|passed| passed > age))
    };
    let is_ours = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    // Two processes may sweep one folder: whoever comes second finds nothing.
    Ok(files.filter(is_ours).filter(is_old).filter(|file| std::fs::remove_file(file).is_ok()).count())
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(std::io::Error::other("the runtime is stopping")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::storage::StorageSettings;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn blobs(folder: &FilePath) -> Result<Blobs, BlobError> {
        Blobs::open(&StorageSettings { data_dir: folder.to_owned(), ..StorageSettings::default() })
    }

    #[tokio::test]
    async fn staged_bytes_are_seen_by_nobody_until_they_are_kept_and_then_whole() -> Outcome {
        let folder = tempfile::tempdir()?;
        let blobs = blobs(folder.path())?;
        let mut staging = blobs.stage(ByteSize::kib(1)).await?;
        staging.write(b"comp").await?;
        staging.write(b"onent").await?;
        let staged = staging.finish().await?;
        let digest = Digest::of(b"component");
        assert_eq!((*staged.digest(), staged.size()), (digest, 9));
        assert!(!blobs.exists(BlobKind::Component, &digest).await?);
        assert_eq!(blobs.keep(BlobKind::Component, staged).await?, digest);
        assert_eq!(blobs.get(BlobKind::Component, &digest).await?, "component");
        Ok(())
    }

    #[tokio::test]
    async fn what_is_not_kept_leaves_nothing_behind() -> Outcome {
        let folder = tempfile::tempdir()?;
        let blobs = blobs(folder.path())?;
        let mut staging = blobs.stage(ByteSize::bytes(4)).await?;
        staging.write(b"four").await?;
        assert!(matches!(staging.write(b"!").await, Err(StagingError::TooLarge { .. })));
        drop(staging);
        assert_eq!(std::fs::read_dir(&blobs.staging)?.count(), 0);
        Ok(())
    }

    #[tokio::test]
    async fn files_of_a_killed_process_go_and_those_of_a_living_one_stay() -> Outcome {
        let folder = tempfile::tempdir()?;
        let blobs = blobs(folder.path())?;
        let living = blobs.stage(ByteSize::kib(1)).await?;
        let dead = blobs.staging.join(format!("{PREFIX}dead"));
        std::fs::write(&dead, b"half")?;
        File::options().append(true).open(&dead)?.set_modified(SystemTime::now() - Duration::from_secs(7200))?;
        assert_eq!(blobs.sweep_staging(Duration::from_secs(3600)).await?, 1);
        assert!(!dead.exists() && living.path.exists());
        Ok(())
    }
}
