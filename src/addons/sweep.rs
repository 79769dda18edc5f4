//! Components that no version names: uploads whose publication failed, was cancelled or never ran.

use std::time::Duration;

use chrono::TimeDelta;

use crate::addons::Addons;
use crate::clock;
use crate::model::job_error::JobError;
use crate::store::blobs::BlobKind;

/// How long bytes wait for the version that names them: longer than a publication waits for its worker.
const UNNAMED_FOR: TimeDelta = TimeDelta::hours(24);

/// How long a file may be in the making: far longer than an upload or a fetch takes, whatever the settings say.
const RECEIVED_FOR: Duration = Duration::from_secs(6 * 60 * 60);

impl Addons {
    /// Whether somebody should call [`Addons::sweep_components`]: true for one caller within `every`, over all processes.
    ///
    /// # Errors
    /// [`JobError`] when Redis cannot be asked.
    pub async fn is_sweep_due(&self, every: Duration) -> Result<bool, JobError> {
        Ok(self.inner.versions.is_sweep_due(every).await?)
    }

    /// Removes at most `limit` components that are older than 24 hours and that no version names; answers how many.
    ///
    /// Bytes that shall go are marked first, then the versions are looked at once more: a publication of the same bytes
    /// is either seen by that look or refused by the mark and tried again, so no version ever loses its bytes.
    ///
    /// # Errors
    /// [`JobError`] when records or bytes cannot be read or removed; the rest is for the next sweep.
    pub async fn sweep_components(&self, limit: usize) -> Result<usize, JobError> {
        let (versions, blobs) = (&self.inner.versions, &self.inner.blobs);
        blobs.sweep_staging(RECEIVED_FOR).await?;
        let old = blobs.older_than(BlobKind::Component, clock::now() - UNNAMED_FOR).await?;
        let named = versions.named().await?;
        let unnamed: Vec<_> = old.into_iter().filter(|digest| !named.contains(digest)).take(limit).collect();
        if unnamed.is_empty() {
            return Ok(0);
        }
        for digest in &unnamed {
            versions.doom(digest).await?;
        }
        let named = versions.named().await?;
        let mut removed = 0;
        for digest in &unnamed {
            if !named.contains(digest) {
                blobs.remove(BlobKind::Component, digest).await?;
                removed += 1;
            }
            versions.spare(digest).await?;
        }
        Ok(removed)
    }
}
