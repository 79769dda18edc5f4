//! From bytes to a component that can be called: memory, then disk, then the compiler.
//!
//! Compiling is the slow part of enabling an addon (20 ms for a small Rust guest,
//! seconds for a JavaScript engine), so everybody who wants the same component at
//! once waits for one compilation: inside the process at the component's slot,
//! between processes at a lock file. A bounded number of components is compiled at
//! a time, each in a process of its own (`compiler.rs`).

use std::fs::File;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tracing::{info, warn};
use wasmtime::component::Component;

use crate::host::Host;
use crate::host::cache::counter::Answer;
use crate::host::cache::memory::Slot;
use crate::host::cache::vault::Code;
use crate::host::code;
use crate::host::compile_error::{BoxError, CompileError};
use crate::host::compiler::{Artifact, Effort};
use crate::host::export::Export;
use crate::host::exports::Exports;
use crate::host::interface::InterfaceSet;
use crate::host::linked::Linked;
use crate::host::room;
use crate::model::digest::Digest;

/// Where a component's code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in memory.
    Memory,
    /// It was read from the disk cache.
    Disk,
    /// It was compiled just now.
    Compiled,
}

impl Origin {
    /// The word that a job's evidence uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Compiled => "compiled",
        }
    }
}

/// A component that is ready to be called; cheap to clone.
#[derive(Clone)]
pub struct CompiledAddon {
    pub(super) linked: Arc<Linked>,
    source: Source,
}

/// Where the code came from, and what that took.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Memory,
    Disk,
    Compiled(Effort),
}

impl CompiledAddon {
    /// The digest of the component's bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        self.linked.digest()
    }

    /// The doors that are linked.
    #[must_use]
    pub fn interfaces(&self) -> InterfaceSet {
        self.linked.interfaces()
    }

    /// Whether the component has an export.
    #[must_use]
    pub fn has(&self, export: Export) -> bool {
        self.linked.exports().has(export)
    }

    /// Where the code came from this time.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.source.origin()
    }

    /// What a job shows of this: where the code came from, and what compiling took.
    #[must_use]
    pub fn evidence(&self) -> Value {
        let from = self.origin().as_str();
        match self.source {
            Source::Memory | Source::Disk => json!({ "from": from }),
            Source::Compiled(effort) => json!({
                "from": from,
                "wallMs": millis(effort.wall_time),
                "cpuMs": millis(effort.cpu_time),
                "peakMemoryBytes": effort.peak_memory.as_u64(),
                "networkWall": effort.wall.as_str(),
            }),
        }
    }
}

impl Source {
    const fn origin(self) -> Origin {
        match self {
            Self::Memory => Origin::Memory,
            Self::Disk => Origin::Disk,
            Self::Compiled(_) => Origin::Compiled,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl std::fmt::Debug for CompiledAddon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompiledAddon")
            .field("digest", self.linked.digest())
            .field("interfaces", &self.linked.interfaces())
            .field("origin", &self.origin())
            .finish()
    }
}

impl Host {
    /// Makes `bytes` ready to be called with the doors in `interfaces`. Cancel-safe.
    ///
    /// # Errors
    /// [`CompileError`], also when the bytes are not those of `digest`.
    pub async fn compile(
        self: &Arc<Self>,
        digest: &Digest,
        interfaces: InterfaceSet,
        bytes: Bytes,
    ) -> Result<CompiledAddon, CompileError> {
        self.get(digest, interfaces, || std::future::ready(Ok(bytes))).await
    }

    /// Makes the component of `digest` ready to be called, and asks `fetch` for its bytes only if no
    /// compiled code is at hand. Cancel-safe.
    ///
    /// # Errors
    /// [`CompileError`], also when the fetched bytes are not those of `digest`.
    pub async fn get<F, B>(
        self: &Arc<Self>,
        digest: &Digest,
        interfaces: InterfaceSet,
        fetch: F,
    ) -> Result<CompiledAddon, CompileError>
    where
        F: FnOnce() -> B + Send,
        B: Future<Output = Result<Bytes, BoxError>> + Send,
    {
        let slot = self.memory.slot(digest);
        if let Some(linked) = slot.linked(interfaces) {
            return Ok(CompiledAddon { linked, source: Source::Memory });
        }
        let mut source = Source::Memory;
        let component = slot.component.get_or_try_init(|| self.produce(digest, fetch, &mut source)).await;
        let component = match component {
            Ok(component) => component,
            Err(error) => {
                self.memory.forget(digest);
                return Err(error);
            }
        };
        let linked = self.link_component(digest, interfaces, &slot, component)?;
        Ok(CompiledAddon { linked, source })
    }

    /// Links a component, and keeps it for the next caller.
    fn link_component(
        &self,
        digest: &Digest,
        interfaces: InterfaceSet,
        slot: &Slot,
        component: &Component,
    ) -> Result<Arc<Linked>, CompileError> {
        let linker = self.linkers.get(interfaces)?;
        let instance = linker
            .instantiate_pre(component)
            .map_err(|error| CompileError::Import { source: error.into_boxed_dyn_error() })?;
        let exports = Exports::bind(&instance)?;
        Ok(slot.keep(Arc::new(Linked::new(*digest, interfaces, exports))))
    }

    /// Reads the code from disk, or compiles the component.
    async fn produce<F, B>(
        self: &Arc<Self>,
        digest: &Digest,
        fetch: F,
        source: &mut Source,
    ) -> Result<Component, CompileError>
    where
        F: FnOnce() -> B + Send,
        B: Future<Output = Result<Bytes, BoxError>> + Send,
    {
        let (host, name) = (Arc::clone(self), *digest);
        let started = Instant::now();
        if let Some(component) = blocking(move || host.load(&name)).await? {
            *source = Source::Disk;
            self.settle(digest, &component, *source, started.elapsed());
            return Ok(component);
        }
        let bytes = fetch().await.map_err(|source| CompileError::Fetch { source })?;
        // The semaphore is never closed; were it, compiling without a turn is still right.
        let _turn = self.compile_turns.acquire().await.ok();
        let started = Instant::now();
        let (component, from) = self.compile_now(digest, bytes).await?;
        *source = from;
        self.settle(digest, &component, from, started.elapsed());
        Ok(component)
    }

    /// Compiles `bytes`, unless another process did so while this one waited for its turn.
    pub(super) async fn compile_now(
        self: &Arc<Self>,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<(Component, Source), CompileError> {
        let (host, name) = (Arc::clone(self), *digest);
        let (bytes, lock, found) = blocking(move || {
            let actual = Digest::of(&bytes);
            if !actual.matches(&name) {
                return Err(CompileError::Digest { expected: name, actual });
            }
            let lock = host.turn_among_processes(&name);
            // Whoever compiled it meanwhile left a file; without one it is made anew, also where a sealed copy is known.
            let found = if host.disk.has(&name) { host.load(&name) } else { None };
            Ok((bytes, lock, found))
        })
        .await??;
        if let Some(component) = found {
            return Ok((component, Source::Disk));
        }
        let artifact = self.compiler.compile(bytes).await?;
        let (host, name) = (Arc::clone(self), *digest);
        blocking(move || {
            let component = host.take_in(&name, &artifact);
            drop(lock);
            component.map(|component| (component, Source::Compiled(artifact.effort)))
        })
        .await?
    }

    /// Waits until no other process compiles this component. Blocks.
    fn turn_among_processes(&self, digest: &Digest) -> Option<File> {
        let lock = self.disk.lock(digest);
        lock.inspect_err(|error| {
            warn!(addon.digest = %digest, %error, "Compiling `{digest}` without a lock: others may do so too");
        })
        .ok()
    }

    /// Keeps the code that a child of ours just made, and loads it as everybody else will: from the vault. Blocks.
    fn take_in(&self, digest: &Digest, artifact: &Artifact) -> Result<Component, CompileError> {
        match self.disk.store(digest, &artifact.code) {
            Ok(()) => {
                if let Some(component) = self.load(digest) {
                    return Ok(component);
                }
            }
            Err(error) => {
                warn!(addon.digest = %digest, %error, "Compiled code cannot be kept: `{digest}` will be compiled again");
            }
        }
        code::load_fresh(&self.engine, artifact).map_err(|error| match room::shortage(&error) {
            Some(excess) => CompileError::NoRoom(excess),
            None => CompileError::Load { source: error.into_boxed_dyn_error() },
        })
    }

    /// Counts the component's code and says what happened.
    fn settle(&self, digest: &Digest, component: &Component, source: Source, took: Duration) {
        let image = component.image_range();
        let bytes = u64::try_from(image.end.addr().saturating_sub(image.start.addr())).unwrap_or(u64::MAX);
        self.memory.account(digest, bytes);
        info!(
            addon.digest = %digest,
            code.origin = source.origin().as_str(),
            code.bytes = bytes,
            duration_ms = millis(took),
            "Component `{digest}` is ready"
        );
    }

    /// Loads the code of `digest` that was made before, if there is any that can be believed. Blocks.
    fn load(&self, digest: &Digest) -> Option<Component> {
        match code::load(&self.engine, &self.checked(digest)?) {
            Ok(component) => Some(component),
            Err(error) => {
                let error = format!("{error:#}");
                warn!(addon.digest = %digest, error, "Compiled code does not load: `{digest}` is compiled anew");
                None
            }
        }
    }

    /// Code whose authenticity was checked: by the supervisor where there is one, else here. Blocks.
    fn checked(&self, digest: &Digest) -> Option<Code> {
        match self.supervisor.as_ref().map(|supervisor| supervisor.ask(digest)) {
            Some(Answer::Code(code)) => Some(code),
            Some(Answer::Nothing) => None,
            Some(Answer::Look) | None => self.vault.find(digest),
        }
    }
}

/// Runs `work` on the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CompileError> {
    tokio::task::spawn_blocking(work).await.map_err(|source| CompileError::Crashed { source })
}
