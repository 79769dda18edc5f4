//! Which limit a call went beyond, read from whatever ended it, and the numbers that its error shows.

use std::time::Duration;

use serde_json::{Value, json};
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;

use crate::host::limiter::Resource;
use crate::host::outcome::CallFailure;
use crate::model::limit::{Excess, Limit};
use crate::model::limits::CallLimits;

/// Stack of one guest, in bytes: wasmtime's own default, enough for recursive parsers.
pub(in crate::host) const WASM_STACK_BYTES: usize = 512 * 1024;

/// How wasmtime 48 words that a component has more of something than its store may have. Its error has no type of its
/// own; the tests run into each of these and would notice other words.
const COUNTS: [(&str, Limit); 3] = [
    ("resource limit exceeded: instance count too high at ", Limit::Instances),
    ("resource limit exceeded: memory count too high at ", Limit::Memories),
    ("resource limit exceeded: table count too high at ", Limit::Tables),
];

/// How it words that all handles are in use.
const NO_HANDLE: &str = "cannot allocate another handle: store handle limit exceeded";

/// The limit behind an error of wasmtime's that a limit of ours made.
pub(super) fn of(error: &wasmtime::Error, limits: &CallLimits) -> Option<Excess> {
    if let Some(excess) = error.downcast_ref::<Excess>() {
        return Some(*excess);
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return Some(Excess::beyond(Limit::Handles, as_number(limits.handles)));
    }
    let text = error.root_cause().to_string();
    if text == NO_HANDLE {
        return Some(Excess::beyond(Limit::Handles, as_number(limits.handles)));
    }
    COUNTS.into_iter().find_map(|(words, limit)| {
        let reached = text.strip_prefix(words)?.parse().ok()?;
        let allowed = match limit {
            Limit::Memories => limits.memories,
            Limit::Tables => limits.tables,
            _ => limits.instances,
        };
        Some(Excess { limit, reached, allowed: as_number(allowed) })
    })
}

impl CallFailure {
    /// The limit that the call went beyond, where that is what ended it.
    #[must_use]
    pub fn excess(&self) -> Option<Excess> {
        let excess = |limit, reached, allowed| Some(Excess { limit, reached, allowed });
        match self {
            Self::OverLimit(excess) => Some(*excess),
            Self::CpuLimit { used, allowed } => excess(Limit::CpuMs, millis(*used), millis(*allowed)),
            Self::DeadlineExceeded { elapsed, allowed } => excess(Limit::WallMs, millis(*elapsed), millis(*allowed)),
            Self::MemoryLimit { resource: Resource::Memory, wanted, allowed } => {
                excess(Limit::MemoryBytes, *wanted, *allowed)
            }
            Self::MemoryLimit { resource: Resource::Tables, wanted, allowed } => {
                excess(Limit::TableElements, *wanted, *allowed)
            }
            Self::OutputLimit { reached: Some(reached), allowed } => excess(Limit::OutputBytes, *reached, *allowed),
            Self::OutputLimit { reached: None, allowed } => Some(Excess::beyond(Limit::HostCallBytes, *allowed)),
            Self::Trapped { reason, .. } if *reason == Trap::StackOverflow.to_string() => {
                let allowed = as_number(WASM_STACK_BYTES);
                excess(Limit::StackBytes, allowed, allowed)
            }
            _ => None,
        }
    }

    /// What was reached and what is allowed, or what else is known.
    pub(super) fn details(&self) -> Option<Value> {
        let numbers = self.excess().map(|excess| excess.details());
        match self {
            Self::Trapped { reason, backtrace, last_words } => {
                let mut details = numbers.unwrap_or_else(|| json!({}));
                if let Some(members) = details.as_object_mut() {
                    members.insert(String::from("trap"), json!(reason));
                    members.insert(String::from("backtrace"), json!(backtrace));
                    if let Some(words) = last_words {
                        members.insert(String::from("lastWords"), json!(words));
                    }
                }
                Some(details)
            }
            Self::Exited { status } => Some(json!({ "status": status })),
            Self::Reported(error) => error.details.clone(),
            Self::Refused(refused) => refused.fault.details(),
            Self::CpuLimit { .. }
            | Self::MemoryLimit { .. }
            | Self::DeadlineExceeded { .. }
            | Self::OutputLimit { .. }
            | Self::OverLimit(_)
            | Self::NoRoom { .. }
            | Self::Blocked
            | Self::Cancelled
            | Self::ResultInvalid { .. }
            | Self::ExportMissing { .. }
            | Self::Internal { .. } => numbers,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn as_number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
