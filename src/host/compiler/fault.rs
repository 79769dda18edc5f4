//! Why there is no code, and what that means for the component and for the job that wanted it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::units::ByteSize;

/// Why the compiling child gave no code.
#[derive(Debug, thiserror::Error)]
pub enum CompilerFault {
    /// It cannot be started.
    #[error("the compiling process cannot be started")]
    Start {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Its pipes broke.
    #[error("the compiling process cannot be talked to")]
    Talk {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It could not be shut in as the settings demand.
    #[error("the compiling process cannot shut itself in, so it compiles nothing: {reason}; see `sandbox.compiler`")]
    Unconfined {
        /// Why.
        reason: String,
    },
    /// It makes code for another engine than this process runs.
    #[error("{} is another version than the one that runs; restart this process", .program.display())]
    OtherVersion {
        /// What was started.
        program: PathBuf,
    },
    /// It needed more memory than it may have.
    #[error("compiling needs more than {limit} of memory; make the component's functions fewer or smaller")]
    OutOfMemory {
        /// `sandbox.compiler.memory`.
        limit: ByteSize,
    },
    /// It needed more processor time than it may have.
    #[error("compiling needs more than {} s of processor time; make the component's functions fewer or smaller", .limit.as_secs())]
    OutOfTime {
        /// `sandbox.compiler.cpu`.
        limit: Duration,
    },
    /// It was not done in time, though it did not use its processor time up: the machine is busy.
    #[error("compiling was not done within {} s on a busy machine", .limit.as_secs())]
    Deadline {
        /// `sandbox.compiler.deadline`.
        limit: Duration,
    },
    /// The code is larger than it may be.
    #[error("the compiled code is larger than {limit}; make the component smaller")]
    TooLarge {
        /// `sandbox.compiler.max_code`.
        limit: ByteSize,
    },
    /// Somebody killed it: the system, when memory is short.
    #[error("the compiling process was killed from outside; is this machine short of memory?")]
    Killed,
    /// It broke down on this component.
    #[error("the compiler broke down on this component: {reason}")]
    Broken {
        /// How.
        reason: String,
    },
}

impl CompilerFault {
    /// Whether trying again may help: with the machine's troubles it may, with the component's it does not.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Start { .. }
            | Self::Talk { .. }
            | Self::Unconfined { .. }
            | Self::OtherVersion { .. }
            | Self::Deadline { .. }
            | Self::Killed => Disposition::Retry,
            Self::OutOfMemory { .. } | Self::OutOfTime { .. } | Self::TooLarge { .. } | Self::Broken { .. } => {
                Disposition::GiveUp
            }
        }
    }

    /// The job code that this fault ends a load with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::Start { .. } | Self::Talk { .. } | Self::Unconfined { .. } | Self::OtherVersion { .. } => {
                JobCode::Internal
            }
            Self::OutOfMemory { .. } | Self::Killed => JobCode::CompileOutOfMemory,
            Self::OutOfTime { .. } | Self::Deadline { .. } => JobCode::CompileOutOfTime,
            Self::TooLarge { .. } => JobCode::CompileTooLarge,
            Self::Broken { .. } => JobCode::CompileFailed,
        }
    }

    /// The limit that was met, for programs.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::OutOfMemory { limit } => Some(json!({ "limit": "memory", "limitBytes": limit.as_u64() })),
            Self::OutOfTime { limit } => Some(json!({ "limit": "cpu", "limitMs": millis(*limit) })),
            Self::Deadline { limit } => Some(json!({ "limit": "deadline", "limitMs": millis(*limit) })),
            Self::TooLarge { limit } => Some(json!({ "limit": "max-code", "limitBytes": limit.as_u64() })),
            Self::Start { .. }
            | Self::Talk { .. }
            | Self::Unconfined { .. }
            | Self::OtherVersion { .. }
            | Self::Killed
            | Self::Broken { .. } => None,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
