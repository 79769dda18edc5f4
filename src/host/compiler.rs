//! The compiler, in a process of its own: bytes of strangers go in, code or a reason comes out.
//!
//! Compiling is where a component of a few kilobytes can take all memory and all
//! time there is, and wasmtime's own policy does not call that a fault. So the
//! worker never compiles: it starts this executable again as `compile-component`,
//! which limits itself and closes the network before it reads a byte
//! ([`child`]), and takes nothing from it but a line ([`report`]) and code of
//! bounded size. A child that is too slow is killed with its group, and dies
//! with its parent by itself.

pub mod child;
mod confine;
mod failure;
mod fault;
mod orders;
mod report;
mod wall;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::config::sandbox::{CompilerSettings, WallPolicy};
use crate::host::compile_error::CompileError;
use crate::host::compiler::failure::Ending;
use crate::host::engine::{self, Fingerprint};
use crate::model::units::ByteSize;

pub use fault::CompilerFault;
pub use orders::Orders;
pub use wall::Wall;

/// This very executable, as the kernel has it open: also after another version was put in its place.
const OWN_EXECUTABLE: &str = "/proc/self/exe";
/// What the child is called in lists of processes.
const NAME: &str = "semantest";
/// Most bytes of the child's line.
const REPORT_BYTES: u64 = 64 * 1024;
/// Most bytes that are kept of what the child says on stderr, which is for our own log only.
const COMPLAINT_BYTES: u64 = 8 * 1024;
/// The smallest component: it has nothing in it.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// What compiling a component took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// From the start of the child to its end.
    pub wall_time: Duration,
    /// Processor time of the child.
    pub cpu_time: Duration,
    /// Most memory that the child held; 0 where the system does not say.
    pub peak_memory: ByteSize,
    /// What kept the network out of it.
    pub wall: Wall,
}

/// Code for this host's engine.
pub(super) struct Artifact {
    pub(super) code: Vec<u8>,
    pub(super) effort: Effort,
}

/// Compiles a component as a worker with these settings would, and throws its code away.
///
/// # Errors
/// [`CompileError`] with the code that a load job would end with.
pub async fn try_out(settings: &CompilerSettings, component: Bytes) -> Result<Effort, CompileError> {
    let engine = engine::compiler().map_err(|error| CompilerFault::Broken { reason: format!("{error:#}") })?;
    Ok(Compiler::new(settings, Fingerprint::of(&engine)).compile(component).await?.effort)
}

/// Starts children and judges what they say.
pub(super) struct Compiler {
    program: PathBuf,
    arguments: Vec<OsString>,
    settings: CompilerSettings,
    fingerprint: Fingerprint,
}

impl Compiler {
    /// A compiler for code with this fingerprint.
    pub(super) fn new(settings: &CompilerSettings, fingerprint: Fingerprint) -> Self {
        let cpu = settings.cpu.duration();
        let orders = Orders {
            parent: std::process::id(),
            memory: settings.memory,
            // The kernel counts whole seconds; a started one is given whole.
            cpu_secs: cpu.as_secs().saturating_add(u64::from(cpu.subsec_nanos() > 0)).max(1),
            walls: Wall::BUILDABLE.to_vec(),
            is_wall_required: settings.network_wall == WallPolicy::Required,
        };
        Self {
            program: settings.program.clone().unwrap_or_else(own_executable),
            arguments: orders.arguments(),
            settings: settings.clone(),
            fingerprint,
        }
    }

    /// Compiles nothing in particular, to see whether a child starts, shuts itself in and makes code for this engine.
    pub(super) async fn rehearse(&self) -> Result<Effort, CompileError> {
        Ok(self.compile(Bytes::from_static(EMPTY_COMPONENT)).await?.effort)
    }

    /// Compiles `component` in a child. Cancel-safe: a child that nobody waits for any more is killed.
    ///
    /// Must be called on a thread that outlives the child, such as the runtime's own: the kernel counts the thread
    /// that started a child as its parent.
    pub(super) async fn compile(&self, component: Bytes) -> Result<Artifact, CompileError> {
        let started = Instant::now();
        let mut running = Running(self.command().spawn().map_err(|source| CompilerFault::Start { source })?);
        let deadline = self.settings.deadline.duration();
        let ending = tokio::time::timeout(deadline, running.converse(component, self.most_output())).await;
        let wall_time = started.elapsed();
        drop(running);
        let ending = ending.map_err(|_| CompilerFault::Deadline { limit: deadline })??;
        let (report, code) = ending.judge(&self.settings)?;
        if report.fingerprint != self.fingerprint.hex() {
            return Err(CompilerFault::OtherVersion { program: self.program.clone() }.into());
        }
        let effort = Effort {
            wall_time,
            cpu_time: Duration::from_millis(report.cpu_ms),
            peak_memory: ByteSize::bytes(report.peak_memory_bytes),
            wall: report.wall,
        };
        Ok(Artifact { code, effort })
    }

    fn most_output(&self) -> u64 {
        self.settings.max_code.as_u64().saturating_add(REPORT_BYTES)
    }

    /// The child, with nothing of ours: no environment, no open file but its pipes, a group of its own.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg0(NAME)
            .args(&self.arguments)
            .env_clear()
            // The compiler's thread pool reads this one.
            .env("RAYON_NUM_THREADS", self.settings.threads.max(1).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

fn own_executable() -> PathBuf {
    let kernels = Path::new(OWN_EXECUTABLE);
    if kernels.exists() {
        return kernels.to_owned();
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from(NAME))
}

/// A child that does not outlive this value.
struct Running(Child);

impl Running {
    /// Gives the child its component, takes what it says, and waits for its end.
    async fn converse(&mut self, component: Bytes, most_output: u64) -> Result<Ending, CompileError> {
        let (stdin, stdout, stderr) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A child that died early does not read on; its end says why.
                let _ = stdin.write_all(&component).await;
            }
            drop(component);
        };
        let (output, complaint, ()) = tokio::join!(taken(stdout, most_output), taken(stderr, COMPLAINT_BYTES), feed);
        let talk = |source| CompilerFault::Talk { source };
        let (output, complaint) = (output.map_err(talk)?, complaint.map_err(talk)?);
        if u64::try_from(output.len()).unwrap_or(u64::MAX) >= most_output {
            return Ok(Ending::Overflow);
        }
        let status = self.0.wait().await.map_err(talk)?;
        Ok(Ending::Exit { status, output, complaint: String::from_utf8_lossy(&complaint).into_owned() })
    }
}

impl Drop for Running {
    /// Kills the child with its group; one that has ended is not touched, for its number may be somebody else's.
    fn drop(&mut self) {
        if let Some(pid) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // It may be ending at this moment.
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// The first bytes of a pipe. One that has more to say is closed, and its writer left to notice.
async fn taken(pipe: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(most).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}
