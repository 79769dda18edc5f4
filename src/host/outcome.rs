//! How a call can fail, and what that means for the job behind it.
//!
//! This is the one place where guest and host are translated: wasmtime's errors,
//! our own interruptions and the guest's own errors come in, a [`CallFailure`]
//! with a stable code and a verdict on trying again goes out.

mod because;
pub(super) mod excess;
mod words;

use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::host::compile_error::BoxError;
use crate::host::export::Export;
use crate::host::limiter::{self, Resource};
use crate::host::logbook::{LogLevel, LogLine, clean};
use crate::host::ports::{PortError, PortErrorKind};
use crate::host::refused::Refused;
use crate::model::code::JobCode;
use crate::model::disposition::{Disposition, clamp_retry_after};
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::limit::{Effect, Excess, Limit};
use crate::model::limits::CallLimits;

use words::{is_crossing_limit, is_header_limit, memory_text, output_text};

/// Bytes of a backtrace that are kept.
const MAX_BACKTRACE_BYTES: usize = 4 * 1024;
/// How the line begins that a guest logs about its own panic.
const PANICKED: &str = "panicked: ";
/// Bytes of a guest's message that are kept.
const MAX_MESSAGE_BYTES: usize = 2 * 1024;
/// Bytes of a guest's own code that are kept.
const MAX_CODE_BYTES: usize = 100;
/// Bytes of a guest's details that are kept; larger ones are left out.
const MAX_DETAILS_BYTES: usize = 4 * 1024;

/// Why a call did not end with a reply.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The guest used more processor time than it may.
    #[error("the addon used {}ms of processor time, {}ms are allowed", .used.as_millis(), .allowed.as_millis())]
    CpuLimit {
        /// What it used.
        used: Duration,
        /// What it may use.
        allowed: Duration,
    },
    /// The guest asked for more memory or table elements than it may.
    #[error("{}", memory_text(*.resource, *.wanted, *.allowed))]
    MemoryLimit {
        /// Of what.
        resource: Resource,
        /// The total it asked for.
        wanted: u64,
        /// The total it may have.
        allowed: u64,
    },
    /// The call took longer than it may.
    #[error("the call took longer than the {}ms that are allowed", .allowed.as_millis())]
    DeadlineExceeded {
        /// How long it took until it was ended.
        elapsed: Duration,
        /// How long it may take.
        allowed: Duration,
    },
    /// The guest used more of something than it may.
    #[error("too many {0}")]
    OverLimit(Excess),
    /// No guest could be started in all the time that the call had.
    #[error("no instance became free within {}ms", .waited.as_millis())]
    NoRoom {
        /// How long it waited.
        waited: Duration,
    },
    /// The addon was blocked, before the call or during it.
    #[error("the addon is blocked")]
    Blocked,
    /// Somebody cancelled the call, or the addon noticed that its job was.
    #[error("the call was cancelled")]
    Cancelled,
    /// The guest returned or passed on more than it may.
    #[error("{}", output_text(*.reached, *.allowed))]
    OutputLimit {
        /// How much, where it was counted to the end.
        reached: Option<u64>,
        /// How much is allowed.
        allowed: u64,
    },
    /// The guest trapped.
    #[error("the addon crashed: {}", .last_words.as_deref().unwrap_or(.reason))]
    Trapped {
        /// In a few words.
        reason: String,
        /// The guest's functions that were running, innermost first; empty where it has no names.
        backtrace: String,
        /// What it said of its own crash just before, where it did.
        last_words: Option<String>,
    },
    /// The guest ended itself.
    #[error("the addon ended itself with status {status}")]
    Exited {
        /// Its exit status.
        status: i32,
    },
    /// The guest says that it failed.
    #[error("{0}")]
    Reported(PortError),
    /// What the guest returned is not what the contract asks for.
    #[error("the addon's answer is not valid: {message}")]
    ResultInvalid {
        /// What is wrong.
        message: String,
    },
    /// The component lacks the export that should answer.
    #[error("the addon has no export `{export}`")]
    ExportMissing {
        /// Which one.
        export: Export,
    },
    /// The guest failed because a request of it was refused.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// A fault of ours.
    #[error("the sandbox failed")]
    Internal {
        /// What happened.
        #[source]
        source: BoxError,
    },
}

/// Why the host ended a guest; travels through the guest as a wasmtime error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Interruption {
    /// Processor time ran out.
    #[error("processor time ran out")]
    Cpu,
    /// Time ran out.
    #[error("time ran out")]
    Deadline,
    /// Cancelled, and the grace is over.
    #[error("cancelled")]
    Cancelled,
    /// Its permission to run was taken away.
    #[error("blocked")]
    Blocked,
}

/// What is known about a call when it fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) refusal: Option<limiter::Refusal>,
    pub(super) cpu_used: Duration,
    pub(super) wall_used: Duration,
    pub(super) limits: CallLimits,
}

impl CallFailure {
    pub(super) fn internal(source: wasmtime::Error) -> Self {
        Self::Internal { source: source.into_boxed_dyn_error() }
    }

    /// What an interruption by the host means.
    pub(super) const fn interrupted(interruption: Interruption, facts: &Circumstances) -> Self {
        match interruption {
            Interruption::Cpu => Self::CpuLimit { used: facts.cpu_used, allowed: facts.limits.cpu },
            Interruption::Deadline => Self::DeadlineExceeded { elapsed: facts.wall_used, allowed: facts.limits.wall },
            Interruption::Cancelled => Self::Cancelled,
            Interruption::Blocked => Self::Blocked,
        }
    }

    /// What wasmtime's error means when a guest was to be started.
    pub(super) fn at_start(error: wasmtime::Error, facts: &Circumstances) -> Self {
        Self::from_wasmtime(error, facts)
    }

    /// What wasmtime's error means when a guest was running, or its answer was read.
    pub(super) fn in_call(error: wasmtime::Error, facts: &Circumstances) -> Self {
        // Errors from inside a guest carry its backtrace or a trap; what is left was found in the answer.
        let is_about_the_answer = !error.is::<WasmBacktrace>() && !error.is::<Trap>();
        match Self::from_wasmtime(error, facts) {
            // The guest's own allocator gave the host no place for what the call brings: there is no answer yet.
            Self::Trapped { reason, .. } if is_about_the_answer && !reason.starts_with("realloc return") => {
                Self::ResultInvalid { message: reason }
            }
            failure => failure,
        }
    }

    fn from_wasmtime(error: wasmtime::Error, facts: &Circumstances) -> Self {
        if let Some(interruption) = error.downcast_ref::<Interruption>() {
            return Self::interrupted(*interruption, facts);
        }
        if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
            return Self::Exited { status: exit.0 };
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::internal(error);
        }
        if let Some(excess) = excess::of(&error, &facts.limits) {
            return Self::OverLimit(excess);
        }
        // A guest that is refused memory traps a moment later; the refusal is the reason.
        if let Some(refusal) = facts.refusal {
            return Self::MemoryLimit { resource: refusal.resource, wanted: refusal.wanted, allowed: refusal.allowed };
        }
        if is_crossing_limit(&error) {
            return Self::OutputLimit { reached: None, allowed: facts.limits.host_call_bytes.as_u64() };
        }
        if is_header_limit(&error) {
            let allowed = facts.limits.egress.headers.as_u64();
            return Self::OverLimit(Excess::beyond(Limit::EgressHeaderBytes, allowed));
        }
        let backtrace = error
            .downcast_ref::<WasmBacktrace>()
            .map(|trace| clean(&trace.to_string(), MAX_BACKTRACE_BYTES))
            .unwrap_or_default();
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => clean(&error.root_cause().to_string(), MAX_MESSAGE_BYTES),
        };
        Self::Trapped { reason, backtrace, last_words: None }
    }

    /// The same failure with the message of the panic behind it, where the last line that the guest logged is one
    /// (`addons/sdk` writes it as `panicked: …`).
    pub(super) fn with_last_words(self, logs: &[LogLine]) -> Self {
        let last = logs.last().filter(|line| line.level == LogLevel::Error && line.message.starts_with(PANICKED));
        match (self, last) {
            (Self::Trapped { reason, backtrace, .. }, Some(line)) => {
                let place =
                    line.fields.iter().find(|(name, _)| name == "at").map(|(_, place)| format!(" (at {place})"));
                let words = format!("{}{}", line.message, place.unwrap_or_default());
                Self::Trapped { reason, backtrace, last_words: Some(clean(&words, MAX_MESSAGE_BYTES)) }
            }
            (failure, _) => failure,
        }
    }

    /// What the guest's own error means; its texts are cut and cleaned here, before they go anywhere.
    pub(super) fn reported(error: PortError) -> Self {
        if error.kind == PortErrorKind::Cancelled {
            return Self::Cancelled;
        }
        let details = error.details.filter(|details| details.to_string().len() <= MAX_DETAILS_BYTES);
        Self::Reported(PortError {
            code: clean(&error.code, MAX_CODE_BYTES).into(),
            message: clean(&error.message, MAX_MESSAGE_BYTES),
            details,
            ..error
        })
    }

    /// The stable code that a job ends with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::CpuLimit { .. } => JobCode::CpuLimit,
            Self::MemoryLimit { .. } => JobCode::MemoryLimit,
            Self::DeadlineExceeded { .. } => JobCode::DeadlineExceeded,
            Self::Blocked => JobCode::AddonBlocked,
            Self::Cancelled => JobCode::Cancelled,
            Self::OutputLimit { .. } => JobCode::OutputLimit,
            Self::OverLimit(excess) => match excess.limit.effect() {
                Effect::Ends(code) => code,
                Effect::Told(_) | Effect::Cut | Effect::Waits => JobCode::QuotaExceeded,
            },
            Self::Trapped { .. } | Self::Exited { .. } => JobCode::AddonTrapped,
            Self::Reported(error) => match error.kind {
                PortErrorKind::BadInput => JobCode::AddonBadInput,
                PortErrorKind::Refused => JobCode::AddonRefused,
                PortErrorKind::OverQuota => JobCode::QuotaExceeded,
                PortErrorKind::Cancelled => JobCode::Cancelled,
                PortErrorKind::Transient
                | PortErrorKind::Permanent
                | PortErrorKind::NotGranted
                | PortErrorKind::Missing
                | PortErrorKind::TooLarge
                | PortErrorKind::Unavailable => JobCode::AddonFailed,
            },
            Self::ResultInvalid { .. } => JobCode::AddonResultInvalid,
            Self::ExportMissing { .. } => JobCode::ExportMissing,
            Self::Refused(refused) => refused.code,
            Self::NoRoom { .. } | Self::Internal { .. } => JobCode::Internal,
        }
    }

    /// Whether the guest itself broke: what no caller asked for, and no client's deadline caused.
    #[must_use]
    pub const fn is_crash(&self) -> bool {
        match self {
            Self::Trapped { .. }
            | Self::CpuLimit { .. }
            | Self::MemoryLimit { .. }
            | Self::OutputLimit { .. }
            | Self::OverLimit(_) => true,
            Self::Exited { status } => *status != 0,
            Self::Refused(refused) => refused.is_crash,
            Self::DeadlineExceeded { .. }
            | Self::NoRoom { .. }
            | Self::Blocked
            | Self::Cancelled
            | Self::Reported(_)
            | Self::ResultInvalid { .. }
            | Self::ExportMissing { .. }
            | Self::Internal { .. } => false,
        }
    }

    /// Whether trying again may help, and when.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::DeadlineExceeded { .. } | Self::NoRoom { .. } | Self::Internal { .. } => Disposition::Retry,
            Self::Reported(error) => match (error.kind, error.retry_after) {
                (PortErrorKind::Transient | PortErrorKind::OverQuota | PortErrorKind::Unavailable, Some(wait)) => {
                    Disposition::RetryAfter(clamp_retry_after(wait))
                }
                (PortErrorKind::Transient | PortErrorKind::Unavailable, None) => Disposition::Retry,
                (
                    PortErrorKind::BadInput
                    | PortErrorKind::Refused
                    | PortErrorKind::Permanent
                    | PortErrorKind::Cancelled
                    | PortErrorKind::NotGranted
                    | PortErrorKind::OverQuota
                    | PortErrorKind::Missing
                    | PortErrorKind::TooLarge,
                    _,
                ) => Disposition::GiveUp,
            },
            Self::CpuLimit { .. }
            | Self::MemoryLimit { .. }
            | Self::Blocked
            | Self::Cancelled
            | Self::OutputLimit { .. }
            | Self::OverLimit(_)
            | Self::Trapped { .. }
            | Self::Exited { .. }
            | Self::ResultInvalid { .. }
            | Self::Refused(_)
            | Self::ExportMissing { .. } => Disposition::GiveUp,
        }
    }

    /// The failure as a job shows it, with the numbers behind it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let failure = Failure {
            retryable: self.disposition().is_retryable(),
            details: self.details(),
            ..Failure::permanent(self.code(), self.to_string())
        };
        match self {
            Self::Reported(error) => {
                Failure { message: error.message.clone(), addon_code: Some(error.code.to_string()), ..failure }
            }
            Self::Refused(refused) => Failure { addon_code: refused.addon_code.clone(), ..failure },
            _ => failure,
        }
    }
}

impl From<CallFailure> for JobError {
    fn from(error: CallFailure) -> Self {
        Self { failure: error.failure(), disposition: error.disposition() }
    }
}
