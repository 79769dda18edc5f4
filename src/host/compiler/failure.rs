//! How a child ended, and what that means for the component and for the job that wanted it.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tracing::warn;

use crate::config::sandbox::CompilerSettings;
use crate::host::compile_error::CompileError;
use crate::host::compiler::report::{Report, Verdict};
use crate::host::compiler::split;
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

/// How a child ended.
pub(super) enum Ending {
    /// It said more than it may.
    Overflow,
    /// By itself, or by a signal.
    Exit {
        /// The system's word.
        status: ExitStatus,
        /// What it wrote.
        output: Vec<u8>,
        /// What it said on stderr.
        complaint: String,
    },
}

impl Ending {
    /// The child's report and its code, or why there is none.
    pub(super) fn judge(self, settings: &CompilerSettings) -> Result<(Report, Vec<u8>), CompileError> {
        let Self::Exit { status, mut output, complaint } = self else {
            return Err(CompilerFault::TooLarge { limit: settings.max_code }.into());
        };
        if !complaint.is_empty() {
            warn!(complaint, "The compiling process complains");
        }
        let Some((report, length)) = split(&output).filter(|_| status.code().is_some()) else {
            return Err(silence(status, settings).into());
        };
        let code = output.split_off(length);
        let is_too_large = u64::try_from(code.len()).unwrap_or(u64::MAX) > settings.max_code.as_u64();
        match &report.verdict {
            Verdict::Compiled if is_too_large => Err(CompilerFault::TooLarge { limit: settings.max_code }.into()),
            Verdict::Compiled if status.success() => Ok((report, code)),
            Verdict::Compiled => Err(CompilerFault::Broken { reason: format!("it ended with {status}") }.into()),
            Verdict::Refused { reason } => Err(CompileError::Invalid { source: reason.clone().into() }),
            Verdict::OutOfMemory => Err(CompilerFault::OutOfMemory { limit: settings.memory }.into()),
            Verdict::Unconfined { reason } => Err(CompilerFault::Unconfined { reason: reason.clone() }.into()),
            Verdict::Broken { reason } => Err(CompilerFault::Broken { reason: reason.clone() }.into()),
        }
    }
}

/// What it means that a child ended without a word.
fn silence(status: ExitStatus, settings: &CompilerSettings) -> CompilerFault {
    let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
    match signal {
        Some(Signal::SIGXCPU) => CompilerFault::OutOfTime { limit: settings.cpu.duration() },
        // An allocation that fails aborts; nothing else in the child does.
        Some(Signal::SIGABRT) => CompilerFault::OutOfMemory { limit: settings.memory },
        Some(Signal::SIGSEGV | Signal::SIGBUS) => {
            let reason =
                "it lost its footing in memory, as when its stack runs out; does the component nest too deeply?";
            CompilerFault::Broken { reason: reason.to_owned() }
        }
        Some(Signal::SIGKILL) => CompilerFault::Killed,
        Some(_) | None => CompilerFault::Broken { reason: format!("it ended with {status}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(raw: i32, output: &str) -> Result<usize, CompileError> {
        let ending = Ending::Exit {
            status: ExitStatus::from_raw(raw),
            output: output.as_bytes().to_vec(),
            complaint: String::new(),
        };
        ending.judge(&CompilerSettings::default()).map(|(_, code)| code.len())
    }

    fn line(verdict: &Verdict) -> String {
        let report = Report {
            verdict: verdict.clone(),
            wall: crate::host::compiler::Wall::Seccomp,
            fingerprint: String::from("00"),
            cpu_ms: 1,
            peak_memory_bytes: 2,
        };
        serde_json::to_string(&report).unwrap_or_default() + "\n"
    }

    #[test]
    fn each_ending_has_its_code_and_its_verdict() {
        let exit = |code: i32| code << 8;
        let refused = Verdict::Refused { reason: String::from("bad") };
        let unconfined = Verdict::Unconfined { reason: String::from("no wall") };
        let give_up = Disposition::GiveUp;
        for (raw, output, code, disposition) in [
            (libc::SIGXCPU, String::new(), JobCode::CompileOutOfTime, give_up),
            (libc::SIGABRT, String::new(), JobCode::CompileOutOfMemory, give_up),
            (libc::SIGSEGV, String::new(), JobCode::CompileFailed, give_up),
            (libc::SIGKILL, String::new(), JobCode::CompileOutOfMemory, Disposition::Retry),
            // Half a result of a process that was ended is none.
            (libc::SIGXCPU, line(&Verdict::Compiled) + "code", JobCode::CompileOutOfTime, give_up),
            (exit(1), line(&Verdict::OutOfMemory), JobCode::CompileOutOfMemory, give_up),
            (exit(1), line(&refused), JobCode::CompileFailed, give_up),
            (exit(1), line(&unconfined), JobCode::Internal, Disposition::Retry),
            (exit(1), line(&Verdict::Compiled) + "code", JobCode::CompileFailed, give_up),
            (exit(0), String::from("code\n"), JobCode::CompileFailed, give_up),
            (exit(2), String::new(), JobCode::CompileFailed, give_up),
        ] {
            let error = ended(raw, &output).err();
            let found = error.as_ref().map(|error| (error.code(), error.disposition()));
            assert_eq!(found, Some((code, disposition)), "{raw} {output}: {error:?}");
        }
        assert_eq!(ended(exit(0), &(line(&Verdict::Compiled) + "co\nde")).ok(), Some(5));
    }
}
