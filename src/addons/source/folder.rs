//! A component in a file of this machine, below a folder that an operator opened.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt as _;

use super::{refused, too_large, unstaged, write};
use crate::addons::Inner;
use crate::model::digest::Digest;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;

/// Read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;

impl Inner {
    pub(super) async fn fetch_file(&self, path: &Path, digest: &Digest, limit: ByteSize) -> Result<(), JobError> {
        let path = self.allowed_path(path).await?;
        // Not through a link that was put there since, and not waiting for the other end of a pipe.
        let file = tokio::task::spawn_blocking(move || {
            let mut options = std::fs::OpenOptions::new();
            options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
        });
        let file = file.await.unwrap_or_else(|_| Err(std::io::ErrorKind::Interrupted.into()));
        let mut file = tokio::fs::File::from_std(file.map_err(|error| unreadable(&error))?);
        let about = file.metadata().await.map_err(|error| unreadable(&error))?;
        if !about.is_file() {
            return Err(refused("the path is not a file"));
        }
        if about.len() > limit.as_u64() {
            return Err(too_large(about.len(), limit));
        }
        let mut staging = self.blobs.stage(limit).await?;
        let mut part = Vec::with_capacity(READ_BYTES);
        while file.read_buf(&mut part).await.map_err(|error| unreadable(&error))? > 0 {
            write(&mut staging, &part).await?;
            part.clear();
        }
        self.keep(staging.finish().await.map_err(unstaged)?, digest).await
    }

    /// The path without links, where it lies below one of the allowed folders.
    async fn allowed_path(&self, path: &Path) -> Result<PathBuf, JobError> {
        let refused =
            || refused("the path is not below a folder of `addons.path_roots`; an operator adds folders there");
        let canonical = tokio::fs::canonicalize(path).await.map_err(|_| refused())?;
        for root in &self.settings.path_roots {
            // One root that is gone does not close the others.
            let Ok(root) = tokio::fs::canonicalize(root).await else { continue };
            if canonical.starts_with(&root) {
                return Ok(canonical);
            }
        }
        Err(refused())
    }
}

fn unreadable(error: &std::io::Error) -> JobError {
    refused(&format!("cannot read the file: {}", error.kind()))
}
