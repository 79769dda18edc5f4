//! The supervisor's side of compiled code: it checks each file once and hands the same sealed memory to all its workers.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use crate::config::sandbox::SandboxSettings;
use crate::host::HostError;
use crate::host::cache::counter;
use crate::host::cache::disk::DiskCache;
use crate::host::cache::vault::Vault;
use crate::host::engine::{self, Fingerprint};

/// Where workers get checked code; a clone is the same counter.
#[derive(Clone)]
pub struct Counter(Arc<Vault>);

impl Counter {
    /// A counter over the compiled code in `cache_folder`, authenticated under `mac_key`. It runs no guests and
    /// reserves no room for any.
    ///
    /// # Errors
    /// [`HostError`] when the engine refuses this machine, or the folder cannot be used.
    pub fn open(settings: &SandboxSettings, cache_folder: &Path, mac_key: [u8; 32]) -> Result<Self, HostError> {
        let engine = engine::compiler().map_err(|error| HostError::Engine { source: error.into_boxed_dyn_error() })?;
        let disk = DiskCache::open(cache_folder, mac_key, Fingerprint::of(&engine), settings.disk_cache.as_u64())
            .map_err(|source| HostError::Cache { folder: cache_folder.into(), source })?;
        Ok(Self(Arc::new(Vault::new(Arc::new(disk), settings.sealed_cache.as_u64()))))
    }

    /// Answers one worker until it hangs up. Blocks: for a thread of its own.
    pub fn serve(&self, worker: UnixStream) {
        counter::serve(&self.0, worker);
    }

    /// How many components are kept under seals, and how many bytes of code.
    #[must_use]
    pub fn stock(&self) -> (usize, u64) {
        self.0.stock()
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("stock", &self.stock()).finish()
    }
}
