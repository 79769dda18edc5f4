//! Compiling ahead after an engine upgrade: what the old engine had code for gets code for the new one, before
//! somebody waits for it.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tracing::{info, warn};

use crate::host::Host;
use crate::host::compile::blocking;
use crate::host::compile_error::{BoxError, CompileError};
use crate::model::digest::Digest;
use crate::model::disposition::Disposition;

/// What came of compiling ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// There is code for this engine now.
    Done,
    /// Somebody is compiling what is wanted at once; ahead comes later.
    Busy,
    /// It does not compile any more; whoever wants it will hear why, and nobody tries ahead again.
    Dropped,
}

impl Host {
    /// Components whose code on this machine's disk is for other engines only, the one that was used last first.
    ///
    /// # Errors
    /// [`CompileError::Cache`] when the folder cannot be read.
    pub async fn outdated(self: &Arc<Self>) -> Result<Vec<Digest>, CompileError> {
        let host = Arc::clone(self);
        blocking(move || host.disk.outdated()).await?.map_err(|source| CompileError::Cache { source })
    }

    /// Makes code for this engine and keeps it on disk, unless the compiler is wanted for something now. Memory is
    /// left to what runs. Cancel-safe.
    ///
    /// # Errors
    /// [`CompileError`] when trying again may help.
    pub async fn refresh<F, B>(self: &Arc<Self>, digest: &Digest, fetch: F) -> Result<Refresh, CompileError>
    where
        F: FnOnce() -> B + Send,
        B: Future<Output = Result<Bytes, BoxError>> + Send,
    {
        let Ok(_turn) = self.compile_turns.try_acquire() else { return Ok(Refresh::Busy) };
        let bytes = fetch().await.map_err(|source| CompileError::Fetch { source })?;
        match self.compile_now(digest, bytes).await {
            Ok(_) => {
                info!(addon.digest = %digest, "Compiled `{digest}` ahead for this engine");
                Ok(Refresh::Done)
            }
            Err(error) if error.disposition() == Disposition::GiveUp => {
                let reason = error.to_string();
                warn!(addon.digest = %digest, reason, "Component `{digest}` does not compile for this engine");
                self.forget_outdated(digest).await?;
                Ok(Refresh::Dropped)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes the code of `digest` for other engines, so that [`Host::outdated`] no longer names it.
    ///
    /// # Errors
    /// [`CompileError::Cache`] when a file cannot be removed.
    pub async fn forget_outdated(self: &Arc<Self>, digest: &Digest) -> Result<(), CompileError> {
        let (host, name) = (Arc::clone(self), *digest);
        blocking(move || host.disk.forget_outdated(&name)).await?.map_err(|source| CompileError::Cache { source })
    }
}
