//! The child: shuts itself in, reads a component from stdin, writes a line about it and its code to stdout.

use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::host::compiler::confine::confine;
use crate::host::compiler::orders::Orders;
use crate::host::compiler::report::{Report, Verdict};
use crate::host::compiler::wall::Wall;
use crate::host::engine::{self, Fingerprint};

/// What the system says of this process; opened before the walls stand, read behind them.
const STATUS: &str = "/proc/self/status";
/// Bytes of it that are read: it is shorter.
const STATUS_BYTES: u64 = 16 * 1024;
/// Most characters of a reason: it may quote names of any length, and a job's record keeps it.
const REASON_CHARACTERS: usize = 2000;

/// Runs the child to its end. The process must have one thread only.
///
/// Nothing of the component runs. The line that this writes first is the result, the exit code only repeats
/// whether there is code: 0, or 1.
#[must_use]
pub fn run(orders: &Orders) -> ExitCode {
    let status = File::open(STATUS).ok();
    let (wall, outcome) = match confine(orders) {
        Ok(wall) => (wall, work()),
        Err(error) => (Wall::None, Outcome::of(Verdict::Unconfined { reason: error.to_string() })),
    };
    let is_compiled = outcome.verdict == Verdict::Compiled;
    let report = Report {
        verdict: outcome.verdict,
        wall,
        fingerprint: outcome.fingerprint,
        cpu_ms: cpu_ms(),
        peak_memory_bytes: status.map_or(0, peak_memory),
    };
    let is_said = say(&report, &outcome.code).is_ok();
    if is_compiled && is_said { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Outcome {
    verdict: Verdict,
    fingerprint: String,
    code: Vec<u8>,
}

impl Outcome {
    const fn of(verdict: Verdict) -> Self {
        Self { verdict, fingerprint: String::new(), code: Vec::new() }
    }
}

fn work() -> Outcome {
    let engine = match engine::compiler() {
        Ok(engine) => engine,
        Err(error) => return Outcome::of(Verdict::Broken { reason: format!("{error:#}") }),
    };
    let fingerprint = Fingerprint::of(&engine).hex();
    let mut component = Vec::new();
    if let Err(error) = io::stdin().lock().read_to_end(&mut component) {
        let verdict = match error.kind() {
            io::ErrorKind::OutOfMemory => Verdict::OutOfMemory,
            _ => Verdict::Broken { reason: format!("reading the component: {error}") },
        };
        return Outcome { fingerprint, ..Outcome::of(verdict) };
    }
    let compiled = catch_unwind(AssertUnwindSafe(|| engine.precompile_component(&component)));
    let (verdict, code) = match compiled {
        Ok(Ok(code)) => (Verdict::Compiled, code),
        Ok(Err(error)) => (refusal(&error), Vec::new()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            (Verdict::Broken { reason: cut(text) }, Vec::new())
        }
    };
    Outcome { verdict, fingerprint, code }
}

/// The compiler also says “refused” when it could not have the memory for its result.
fn refusal(error: &wasmtime::Error) -> Verdict {
    let is_memory = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<wasmtime::OutOfMemory>()
            || cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
    };
    if error.is::<wasmtime::OutOfMemory>() || error.chain().any(is_memory) {
        return Verdict::OutOfMemory;
    }
    Verdict::Refused { reason: cut(&format!("{error:#}")) }
}

fn cut(reason: &str) -> String {
    reason.chars().take(REASON_CHARACTERS).collect()
}

fn say(report: &Report, code: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    out.write_all(b"\n")?;
    out.write_all(code)?;
    out.flush()
}

fn cpu_ms() -> u64 {
    let millis = |time: TimeVal| u64::try_from(time.num_milliseconds()).unwrap_or(0);
    getrusage(UsageWho::RUSAGE_SELF)
        .map_or(0, |usage| millis(usage.user_time()).saturating_add(millis(usage.system_time())))
}

/// The most memory that this process held, in bytes. What `getrusage` says of it may be the parent's, since a new
/// process begins in its parent's memory.
fn peak_memory(status: File) -> u64 {
    let mut bytes = Vec::new();
    // A figure that cannot be read is not worth a failure.
    let _ = status.take(STATUS_BYTES).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0).saturating_mul(1024)
}
