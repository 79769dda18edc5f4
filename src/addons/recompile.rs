//! Compiling ahead after an engine upgrade, in what time `upkeep` has for it.

use std::time::{Duration, Instant};

use tracing::warn;

use crate::addons::Addons;
use crate::host::{BoxError, Refresh};
use crate::model::job_error::JobError;
use crate::store::blobs::BlobKind;

/// No further component is begun after this time; the next sweep goes on.
const BUDGET: Duration = Duration::from_secs(15);

impl Addons {
    /// Compiles what this machine has code of an older engine for, as long as nobody needs the compiler now; answers how
    /// many components that were. Code of components that no version names goes.
    ///
    /// # Errors
    /// [`JobError`] when the registry or the cache's folder does not answer.
    pub async fn recompile(&self) -> Result<usize, JobError> {
        let Some(host) = self.inner.host.as_ref() else { return Ok(0) };
        let started = Instant::now();
        let mut compiled = 0;
        let outdated = host.outdated().await?;
        if outdated.is_empty() {
            return Ok(0);
        }
        let named = self.inner.versions.named().await?;
        for digest in outdated {
            if started.elapsed() > BUDGET {
                break;
            }
            if !named.contains(&digest) {
                host.forget_outdated(&digest).await?;
                continue;
            }
            let fetch = || async { self.inner.blobs.get(BlobKind::Component, &digest).await.map_err(BoxError::from) };
            match host.refresh(&digest, fetch).await {
                Ok(Refresh::Done) => compiled += 1,
                Ok(Refresh::Dropped) => {}
                Ok(Refresh::Busy) => break,
                // One component's trouble does not keep the others waiting.
                Err(error) => warn!(addon.digest = %digest, %error, "Could not compile `{digest}` ahead"),
            }
        }
        Ok(compiled)
    }
}
