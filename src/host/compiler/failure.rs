//! How a child ended, and what fault that was.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use tracing::warn;

use crate::config::sandbox::CompilerSettings;
use crate::host::compile_error::CompileError;
use crate::host::compiler::fault::CompilerFault;
use crate::host::compiler::report::{Report, Verdict, split};

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
    use crate::model::code::JobCode;
    use crate::model::disposition::Disposition;

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
            wall: crate::host::compiler::wall::Wall::Seccomp,
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
