//! Getting a component's bytes: from the blob store, from `https://` with a pinned digest, or from an allowed folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::addons::Inner;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;
use crate::net::NetError;
use crate::store::blobs::{BlobError, BlobKind};

/// Longest time for one download.
const DOWNLOAD_TIME: Duration = Duration::from_secs(60);

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
        let address = Url::parse(url)
            .map_err(|_| JobError::permanent(JobCode::AddonFetchFailed, "the source is not an https:// address"))?;
        let download = self.sources.download(&address, limit, Some(digest), DOWNLOAD_TIME).await;
        download.map(|download| download.bytes).map_err(|error| as_job_error(&error))
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

/// What a client hears of a failed download; the admin's log has the rest.
fn as_job_error(error: &NetError) -> JobError {
    let code = match error {
        NetError::DigestMismatch { .. } => JobCode::DigestMismatch,
        NetError::TooLarge { .. } => JobCode::TooLarge,
        _ => JobCode::AddonFetchFailed,
    };
    tracing::info!(reason = %error.detail(), "A component could not be fetched");
    let message = format!("cannot fetch the component: {}", error.public_message());
    let disposition = error.disposition();
    let failure = Failure { retryable: disposition.is_retryable(), ..Failure::permanent(code, message) };
    JobError { failure, disposition }
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
