//! The one place where wasmtime is configured, for the process that runs guests and for the one that compiles them.
//!
//! Both build on [`base_config`], and only the runner adds the pool: its address space would not fit under the
//! compiler's limit. Compiled code depends on the base alone, which the [`Fingerprint`] of both proves each time.
//!
//! Components come from strangers, so whatever this house does not need is off:
//! of the proposals beyond WebAssembly 2.0 only multi-memory stays, because the
//! adapters that wasmtime itself generates between composed components use it and
//! go through the same validator. The cargo features `gc` and `threads` are
//! compiled in, since builds without them have had aborts of their own; the
//! proposals are off all the same.

use std::hash::{Hash as _, Hasher};
use std::num::NonZeroUsize;

use sha2::{Digest as _, Sha256};
use tracing::{info, warn};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, WasmBacktraceDetails,
    WasmFeatures,
};

use crate::config::sandbox::SandboxSettings;
use crate::host::outcome::excess::WASM_STACK_BYTES;

/// Native stack of one call, in bytes: the guest's and that of the host functions it calls.
const ASYNC_STACK_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a native stack that are cleared by hand after a call; deeper pages go back to the kernel.
const STACK_KEEP_RESIDENT_BYTES: usize = 32 * 1024;
/// Bytes of a table that are cleared by hand after a call.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 * 1024;
/// Metadata of one instance, in bytes: JavaScript engines exceed wasmtime's default of 1 MiB.
const INSTANCE_BYTES: usize = 4 * 1024 * 1024;
/// Slots that are given back to the kernel together: fewer interrupts for the other processors.
const DECOMMIT_BATCH: usize = 32;
/// Frames of a guest's backtrace.
const BACKTRACE_FRAMES: NonZeroUsize = match NonZeroUsize::new(20) {
    Some(frames) => frames,
    None => NonZeroUsize::MIN,
};

/// Proposals that guests may not use.
const REFUSED_FEATURES: [WasmFeatures; 24] = [
    WasmFeatures::THREADS,
    WasmFeatures::SHARED_EVERYTHING_THREADS,
    WasmFeatures::MEMORY64,
    WasmFeatures::GC,
    WasmFeatures::GC_TYPES,
    WasmFeatures::FUNCTION_REFERENCES,
    WasmFeatures::EXCEPTIONS,
    WasmFeatures::LEGACY_EXCEPTIONS,
    WasmFeatures::RELAXED_SIMD,
    WasmFeatures::TAIL_CALL,
    WasmFeatures::CUSTOM_PAGE_SIZES,
    WasmFeatures::STACK_SWITCHING,
    WasmFeatures::WIDE_ARITHMETIC,
    WasmFeatures::CM_ASYNC,
    WasmFeatures::CM_ASYNC_STACKFUL,
    WasmFeatures::CM_MORE_ASYNC_BUILTINS,
    WasmFeatures::CM_THREADING,
    WasmFeatures::CM_ERROR_CONTEXT,
    WasmFeatures::CM_GC,
    WasmFeatures::CM_MAP,
    WasmFeatures::CM64,
    WasmFeatures::CM_FIXED_LENGTH_LISTS,
    WasmFeatures::CM_IMPLEMENTS,
    WasmFeatures::CM_VALUES,
];

/// The engine that runs guests, from a pool where the machine can give one.
pub(super) fn runner(settings: &SandboxSettings) -> wasmtime::Result<Engine> {
    if settings.pool.enabled {
        let mut config = base_config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
        match Engine::new(&config) {
            Ok(engine) => {
                say_how_it_resets();
                return Ok(engine);
            }
            Err(error) => warn!(
                error = format!("{error:#}"),
                "INSTANCES CANNOT COME FROM A POOL on this machine: every call maps its own memory and costs several \
                 times more. Look at `ulimit -v` and at `sandbox.pool`, or set `sandbox.pool.enabled = false`"
            ),
        }
    }
    compiler()
}

/// What becomes of a slot's memory between two calls depends on the kernel, and so does what a call costs.
fn say_how_it_resets() {
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        info!(
            sandbox.pagemap_scan = true,
            "Instances come from a pool, and stay mapped between calls: the kernel says which pages were touched"
        );
    } else {
        warn!(
            sandbox.pagemap_scan = false,
            "Instances come from a pool, and are unmapped after each call, which takes two to three times as long: this \
             kernel does not say which pages were touched (PAGEMAP_SCAN, Linux 6.7; some sandboxes hide it)"
        );
    }
}

/// The engine that only compiles: no instance is ever made from it, so it reserves no room for any.
pub(super) fn compiler() -> wasmtime::Result<Engine> {
    Engine::new(&base_config())
}

/// What compiled code depends on besides the component: version, target, settings of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of code that `engine` makes and loads.
    pub(super) fn of(engine: &Engine) -> Self {
        let mut hasher = FingerprintHasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(hasher.0.finalize().into())
    }

    /// Some fingerprint, for tests of what keeps code and does not run it.
    #[cfg(test)]
    pub(super) const fn any() -> Self {
        Self([0xf1; 32])
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint as hexadecimal digits.
    pub(super) fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

/// Feeds what is hashed to sha-256, because the standard hasher may change with the Rust version.
struct FingerprintHasher(Sha256);

impl Hasher for FingerprintHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// Everything that does not depend on where instances live.
fn base_config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .consume_fuel(false)
        .gc_support(false)
        .shared_memory(false)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(ASYNC_STACK_BYTES)
        .async_stack_zeroing(true)
        .memory_init_cow(true)
        .generate_address_map(true)
        // A guest's own debug sections are a stranger's input to a parser of ours; names are enough.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES));
    for feature in REFUSED_FEATURES {
        config.wasm_features(feature, false);
    }
    config.wasm_multi_memory(true);
    config
}

/// A pool in which every admitted call finds room, whatever component it runs.
fn pool(settings: &SandboxSettings) -> PoolingAllocationConfig {
    let calls = settings.concurrent_calls.max(1);
    let per_call = &settings.pool;
    let memory = settings.ceiling.memory.max(settings.defaults.memory).as_usize();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_stacks(calls)
        .total_core_instances(calls.saturating_mul(per_call.core_instances))
        .total_memories(calls.saturating_mul(per_call.memories))
        .total_tables(calls.saturating_mul(per_call.tables))
        .max_core_instances_per_component(per_call.core_instances)
        .max_memories_per_component(per_call.memories)
        .max_tables_per_component(per_call.tables)
        .max_memories_per_module(per_call.memories)
        .max_tables_per_module(per_call.tables)
        .table_elements(usize::try_from(per_call.table_elements).unwrap_or(usize::MAX))
        .max_memory_size(memory)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .decommit_batch_size(DECOMMIT_BATCH)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    // Without the kernel's list of touched pages, keeping them means clearing all of them by hand, which is
    // slower than giving them back.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(per_call.keep_resident.as_usize());
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sandbox::PoolSettings;

    #[test]
    fn compiler_and_runner_make_the_same_code() -> wasmtime::Result<()> {
        let compiler = Fingerprint::of(&compiler()?);
        for enabled in [true, false] {
            let pool = PoolSettings { enabled, ..PoolSettings::default() };
            let settings = SandboxSettings { concurrent_calls: 2, pool, ..SandboxSettings::default() };
            assert_eq!(Fingerprint::of(&runner(&settings)?), compiler, "pool: {enabled}");
        }
        Ok(())
    }
}
