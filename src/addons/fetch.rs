//! Getting a component's bytes: from the blob store, from `https://` with a pinned digest, or from an allowed folder.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::addons::Inner;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;
use crate::store::blobs::{BlobError, BlobKind};

impl Inner {
    /// The bytes that `digest` names, from our own store.
    pub(super) async fn stored_component(&self, digest: &Digest) -> Result<Bytes, JobError> {
        self.blobs.get(BlobKind::Component, digest).await.map_err(|error| match error {
            BlobError::Missing { .. } => {
                JobError::permanent(JobCode::AddonFetchFailed, format!("the store has no component {digest}"))
            }
            error => JobError::transient(JobCode::AddonFetchFailed, format!("cannot read the component: {error}")),
        })
    }

    /// The bytes behind an `https://` address; the digest is checked while they arrive.
    pub(super) async fn downloaded_component(&self, url: &str, digest: &Digest) -> Result<Bytes, JobError> {
        let limit = self.settings.component_limit;
        self.sources.download(url, limit, Some(digest)).await.map_err(|error| {
            let disposition = error.disposition();
            let code = error.job_code();
            let failure = JobError::permanent(code, format!("cannot fetch the component: {}", error.public_message())).failure;
            JobError { failure: crate::model::job::Failure { retryable: disposition.is_retryable(), ..failure }, disposition }
        })
    }

    /// The bytes of a file below one of the allowed folders; links that lead out of them are refused.
    pub(super) async fn component_at(&self, path: &str) -> Result<Bytes, JobError> {
        let path = self.allowed_path(Path::new(path)).await?;
        let limit = self.settings.component_limit;
        let size = tokio::fs::metadata(&path).await.map_err(|error| unreadable(&error))?.len();
        if size > limit.as_u64() {
            return Err(too_large(size, limit));
        }
        tokio::fs::read(&path).await.map(Bytes::from).map_err(|error| unreadable(&error))
    }

    async fn allowed_path(&self, path: &Path) -> Result<PathBuf, JobError> {
        let refused = || {
            JobError::permanent(
                JobCode::AddonFetchFailed,
                "the path is not below a folder of `addons.path_roots`; an operator adds folders there",
            )
        };
        let canonical = tokio::fs::canonicalize(path).await.map_err(|_| refused())?;
        for root in &self.settings.path_roots {
            let root = tokio::fs::canonicalize(root).await.map_err(|_| refused())?;
            if canonical.starts_with(&root) {
                return Ok(canonical);
            }
        }
        Err(refused())
    }
}

fn unreadable(error: &std::io::Error) -> JobError {
    JobError::permanent(JobCode::AddonFetchFailed, format!("cannot read the file: {}", error.kind()))
}

pub(super) fn too_large(size: u64, limit: ByteSize) -> JobError {
    JobError::permanent(
        JobCode::TooLarge,
        format!("the component is {} and at most {limit} are taken here", ByteSize::bytes(size)),
    )
}
