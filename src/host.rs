//! The sandbox: components of strangers run here, one fresh store per call, under limits.
//!
//! Nothing in this module knows Redis, queues or HTTP; what a guest may reach
//! outside of its own memory comes in as a port (`host/ports.rs`). The way of an
//! addon through it: `compile.rs` makes bytes ready (in another process, `compiler.rs`), `exports.rs` binds what they
//! offer, `call.rs` asks one question and drops the store.

mod api;
mod ask;
mod cache;
pub mod call;
mod code;
pub mod compile;
pub mod compile_error;
pub mod compiler;
mod engine;
pub mod export;
mod exports;
mod facts;
mod iface;
pub mod inspect;
pub mod interface;
pub mod invocation;
mod leave;
pub mod limiter;
mod linked;
mod linkers;
pub mod logbook;
pub mod measure;
mod meter;
pub mod outcome;
pub mod ports;
mod refresh;
pub mod refused;
mod resources;
mod room;
pub mod section;
mod state;
mod tally;
mod ticker;
mod traffic;
mod translate;
pub mod vault;
mod wasi;

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tracing::{info, warn};
use wasmtime::Engine;

use crate::config::sandbox::SandboxSettings;
use crate::host::cache::counter::Customer;
use crate::host::cache::disk::DiskCache;
use crate::host::cache::memory::MemoryCache;
use crate::host::cache::vault::Vault;
use crate::host::compiler::{Compiler, Wall};
use crate::host::engine::Fingerprint;
use crate::host::linkers::Linkers;
use crate::host::state::AssetLimits;
use crate::host::ticker::Ticker;
use crate::model::disposition::Disposition;

pub use call::{CallReport, CallRequest, Usage};
pub use compile::{CompiledAddon, Origin};
pub use compile_error::{BoxError, CompileError};
pub use compiler::{CompilerFault, Effort};
pub use export::Export;
pub use facts::CallFacts;
pub use interface::{Interface, InterfaceSet};
pub use invocation::{Invocation, Reply};
pub use leave::Leave;
pub use logbook::{LogLevel, LogLine, LogSource};
pub use outcome::CallFailure;
pub use ports::Ports;
pub use refresh::Refresh;

/// Why the sandbox cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine refuses its settings or this machine.
    #[error("the WebAssembly engine cannot be set up")]
    Engine {
        /// What it said.
        #[source]
        source: BoxError,
    },
    /// The ticking thread cannot be started.
    #[error("the thread that interrupts guests cannot be started")]
    Ticker {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The folder of compiled code cannot be used.
    #[error("the folder {} for compiled code cannot be used", .folder.display())]
    Cache {
        /// Which one.
        folder: Box<Path>,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The supervisor's socket cannot be used.
    #[error("the socket to the supervisor cannot be used")]
    Supervisor {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The compiling process cannot be used.
    #[error("components cannot be compiled on this machine")]
    Compiler {
        /// Why.
        #[source]
        source: CompileError,
    },
}

impl HostError {
    /// Trying again on the same machine ends the same way.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        Disposition::GiveUp
    }
}

/// The sandbox of one process: one engine, one ticker, one cache.
pub struct Host {
    engine: Engine,
    linkers: Linkers,
    memory: MemoryCache,
    disk: Arc<DiskCache>,
    vault: Vault,
    supervisor: Option<Customer>,
    compiler: Compiler,
    compile_turns: Semaphore,
    permits: Semaphore,
    all_permits: usize,
    cancel_grace: Duration,
    assets: AssetLimits,
    _ticker: Ticker,
}

/// What a host holds at the moment, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostStock {
    /// Calls that are inside a guest.
    pub running_calls: usize,
    /// Components that are ready in memory.
    pub components: usize,
    /// Bytes of their code.
    pub code_bytes: u64,
}

impl Host {
    /// Sets the sandbox up: compiled code goes to `cache_folder`, authenticated under `mac_key`.
    ///
    /// # Errors
    /// [`HostError`] when the engine, its ticker or the cache folder cannot be had.
    pub fn new(settings: &SandboxSettings, cache_folder: &Path, mac_key: [u8; 32]) -> Result<Arc<Self>, HostError> {
        Self::under(settings, cache_folder, mac_key, None)
    }

    /// The same for a process that has a supervisor: checked code is asked for at the socket's other end, where
    /// [`vault::Counter::serve`] answers.
    ///
    /// # Errors
    /// [`HostError`], likewise.
    pub fn under(
        settings: &SandboxSettings,
        cache_folder: &Path,
        mac_key: [u8; 32],
        supervisor: Option<UnixStream>,
    ) -> Result<Arc<Self>, HostError> {
        let engine =
            engine::runner(settings).map_err(|error| HostError::Engine { source: error.into_boxed_dyn_error() })?;
        let fingerprint = Fingerprint::of(&engine);
        let disk = DiskCache::open(cache_folder, mac_key, fingerprint, settings.disk_cache.as_u64())
            .map_err(|source| HostError::Cache { folder: cache_folder.into(), source })?;
        let disk = Arc::new(disk);
        let supervisor =
            supervisor.map(Customer::new).transpose().map_err(|source| HostError::Supervisor { source })?;
        let ticker = Ticker::start(&engine, settings.tick.duration()).map_err(|source| HostError::Ticker { source })?;
        Ok(Arc::new(Self {
            linkers: Linkers::new(&engine),
            memory: MemoryCache::new(settings.memory_cache.as_u64()),
            vault: Vault::new(Arc::clone(&disk), settings.sealed_cache.as_u64()),
            supervisor,
            disk,
            compiler: Compiler::new(&settings.compiler, fingerprint),
            compile_turns: Semaphore::new(permits(settings.concurrent_compiles)),
            permits: Semaphore::new(permits(settings.concurrent_calls)),
            all_permits: permits(settings.concurrent_calls),
            cancel_grace: settings.cancel_grace.duration(),
            assets: AssetLimits {
                max_window: u32::try_from(settings.max_asset_window.as_u64()).unwrap_or(u32::MAX),
                unfinished_bytes: 0,
            },
            engine,
            _ticker: ticker,
        }))
    }

    /// Compiles nothing in particular, to see before the first job whether compiling works here, and says how the
    /// compiling process is cut off from the network.
    ///
    /// # Errors
    /// [`HostError::Compiler`] when no process can be started, shut in, or makes code that this engine runs.
    pub async fn rehearse(&self) -> Result<(), HostError> {
        let effort = self.compiler.rehearse().await.map_err(|source| HostError::Compiler { source })?;
        let wall = effort.wall;
        let duration_ms = u64::try_from(effort.wall_time.as_millis()).unwrap_or(u64::MAX);
        match wall {
            Wall::Seccomp | Wall::Namespace => info!(
                sandbox.compiler.wall = %wall, duration_ms,
                "Components are compiled in a process of their own, which has no network (by {wall})"
            ),
            Wall::None => warn!(
                sandbox.compiler.wall = %wall, duration_ms,
                "NOTHING KEEPS THE NETWORK OUT of the processes that compile components: this system has neither seccomp                  nor network namespaces for us, and `sandbox.compiler.network_wall` permits that"
            ),
        }
        Ok(())
    }

    /// What the sandbox holds at the moment.
    #[must_use]
    pub fn stock(&self) -> HostStock {
        let (components, code_bytes) = self.memory.stock();
        let running_calls = self.all_permits.saturating_sub(self.permits.available_permits());
        HostStock { running_calls, components, code_bytes }
    }
}

/// A number of turns: at least one, or nothing would ever run.
fn permits(count: u32) -> usize {
    usize::try_from(count.max(1)).unwrap_or(1)
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("free_permits", &self.permits.available_permits()).finish_non_exhaustive()
    }
}
