//! Settings of the sandbox that addons run in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::call_limits::LimitSettings;
use crate::config::guest_http::GuestHttpSettings;
use crate::model::limits::CallLimits;
use crate::model::units::{ByteSize, Span};

/// `[sandbox]`: what guests may use, and what the process keeps ready for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxSettings {
    /// Calls that may be inside a guest at once in one process; later ones wait outside.
    pub concurrent_calls: u32,
    /// How often a running guest is looked at: the precision of `cpu`, of cancelling, and of the switch between guests.
    pub tick: Span,
    /// How long a cancelled call may go on, to notice `progress.cancelled` and tidy up.
    pub cancel_grace: Span,
    /// What a call may use where its manifest asks for nothing.
    pub defaults: LimitSettings,
    /// What a call may use at most, whatever its manifest asks for.
    #[serde(deserialize_with = "LimitSettings::read_ceiling")]
    pub ceiling: LimitSettings,
    /// Calls of one addon for one user at the same time in one process; later ones wait. Hooks are counted apart.
    pub user_concurrency: u32,
    /// Largest asset a guest may write.
    pub max_asset: ByteSize,
    /// Largest piece of an asset that a guest may read at once.
    pub max_asset_window: ByteSize,
    /// Components compiled at the same time for one process.
    pub concurrent_compiles: u32,
    /// Compiled code kept in memory.
    pub memory_cache: ByteSize,
    /// Compiled code kept checked and ready to be mapped, once for all processes of one supervisor.
    pub sealed_cache: ByteSize,
    /// Compiled code kept on disk.
    pub disk_cache: ByteSize,
    /// The process that compiles.
    pub compiler: CompilerSettings,
    /// What addons may send.
    pub http: GuestHttpSettings,
    /// Memory and instances prepared in advance.
    pub pool: PoolSettings,
}

/// Whether components are compiled where nothing keeps the network out of the compiling process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WallPolicy {
    /// They are not, and a worker does not start.
    #[default]
    Required,
    /// They are, with a warning.
    Preferred,
}

/// `[sandbox.compiler]`: what compiling one component may take; it happens in a process of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompilerSettings {
    /// The executable that compiles, which must be of the same version; the running one itself when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// Most address space of the compiling process.
    pub memory: ByteSize,
    /// Most processor time of all its threads together, in whole seconds.
    pub cpu: Span,
    /// Time from its start to its end, after which it is killed.
    pub deadline: Span,
    /// Largest compiled code that is taken from it.
    pub max_code: ByteSize,
    /// Threads that compile one component.
    pub threads: u32,
    /// Whether it must be cut off from the network.
    pub network_wall: WallPolicy,
}

/// `[sandbox.pool]`: how much one call may take out of the pool of instances.
///
/// A stock Python component has some 20 core modules inside, a JavaScript one 5, a
/// Rust one 1 to 4. Slots are address space, not memory, until they are used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolSettings {
    /// Whether instances come from a pool; without one each maps its own memory, which costs several times more.
    pub enabled: bool,
    /// Core instances of one component.
    pub core_instances: u32,
    /// Linear memories of one component.
    pub memories: u32,
    /// Tables of one component.
    pub tables: u32,
    /// Elements of one table.
    pub table_elements: u32,
    /// Bytes of a memory slot that stay mapped between two calls, where the kernel can tell which pages were
    /// touched (Linux 6.7).
    pub keep_resident: ByteSize,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            concurrent_calls: 64,
            tick: Span::millis(10),
            cancel_grace: Span::millis(500),
            defaults: LimitSettings::default(),
            ceiling: LimitSettings::ceiling(),
            user_concurrency: 2,
            max_asset: ByteSize::mib(32),
            max_asset_window: ByteSize::mib(1),
            concurrent_compiles: 1,
            memory_cache: ByteSize::mib(512),
            sealed_cache: ByteSize::mib(1024),
            disk_cache: ByteSize::mib(4096),
            compiler: CompilerSettings::default(),
            http: GuestHttpSettings::default(),
            pool: PoolSettings::default(),
        }
    }
}

impl Default for CompilerSettings {
    fn default() -> Self {
        Self {
            program: None,
            memory: ByteSize::mib(2048),
            cpu: Span::secs(60),
            deadline: Span::secs(120),
            max_code: ByteSize::mib(256),
            threads: 2,
            network_wall: WallPolicy::Required,
        }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            core_instances: 64,
            memories: 8,
            tables: 32,
            table_elements: 100_000,
            keep_resident: ByteSize::mib(1),
        }
    }
}

impl SandboxSettings {
    /// What a call may use where its manifest asks for nothing.
    #[must_use]
    pub fn default_limits(&self) -> CallLimits {
        self.with(&self.defaults)
    }

    /// What a call may use at most.
    #[must_use]
    pub fn ceiling_limits(&self) -> CallLimits {
        self.with(&self.ceiling)
    }

    fn with(&self, limits: &LimitSettings) -> CallLimits {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        limits.over(CallLimits {
            table_elements: u64::from(self.pool.table_elements),
            instances: count(self.pool.core_instances),
            memories: count(self.pool.memories),
            tables: count(self.pool.tables),
            asset: self.max_asset,
            egress: self.http.limits(),
            ..CallLimits::default()
        })
    }
}
