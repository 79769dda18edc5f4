//! How the child shuts itself in, before it reads a byte of a stranger's.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::host::compiler::orders::Orders;
use crate::host::compiler::wall::{Wall, WallError};

/// How far the child steps back behind everybody else who wants the processor.
const NICENESS: i32 = 10;
/// Open files: the three pipes, and the one figure that is read at the end.
const OPEN_FILES: rlim_t = 4;

/// Why the child does not compile.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    /// The parent is not the one that asked.
    #[cfg(target_os = "linux")]
    #[error("the process that asked is gone")]
    Orphaned,
    /// The system refuses a limit.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: nix::errno::Errno,
    },
    /// No wall stands, and one is required.
    #[error("nothing keeps the network out ({})", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Open(Vec<WallError>),
}

/// Ties the process to its parent, limits it and builds the first wall that stands.
///
/// Must run while the process has one thread.
pub(super) fn confine(orders: &Orders) -> Result<Wall, ConfineError> {
    tie(orders)?;
    step_back();
    limit(orders)?;
    die_plainly();
    wall(orders)
}

/// Dies with the parent, and gains no rights by whatever it may start.
#[cfg(target_os = "linux")]
fn tie(orders: &Orders) -> Result<(), ConfineError> {
    use nix::sys::prctl;
    let system = |what| move |source| ConfineError::System { what, source };
    prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(system("be ended with the parent"))?;
    // The parent may have died before; then no signal comes any more.
    if u32::try_from(nix::unistd::getppid().as_raw()) != Ok(orders.parent) {
        return Err(ConfineError::Orphaned);
    }
    prctl::set_no_new_privs().map_err(system("give up new privileges"))
}

#[cfg(not(target_os = "linux"))]
fn tie(_: &Orders) -> Result<(), ConfineError> {
    Ok(())
}

/// Lets everybody else go first. Where that fails, compiling is merely less polite.
fn step_back() {
    // SAFETY: nice takes a number and touches no memory of ours.
    unsafe {
        libc::nice(NICENESS);
    }
}

fn limit(orders: &Orders) -> Result<(), ConfineError> {
    let seconds = orders.cpu_secs.max(1);
    let limits = [
        ("limit the processor time", Resource::RLIMIT_CPU, seconds, seconds.saturating_add(1)),
        ("limit the open files", Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES),
        ("limit the size of files", Resource::RLIMIT_FSIZE, 0, 0),
        ("turn memory dumps off", Resource::RLIMIT_CORE, 0, 0),
        #[cfg(target_os = "linux")]
        ("limit the address space", Resource::RLIMIT_AS, orders.memory.as_u64(), orders.memory.as_u64()),
    ];
    for (what, resource, soft, hard) in limits {
        let system = |source| ConfineError::System { what, source };
        // Nobody may raise the limit that stands already.
        let (_, standing) = getrlimit(resource).map_err(system)?;
        setrlimit(resource, soft.min(standing), hard.min(standing)).map_err(system)?;
    }
    Ok(())
}

/// Makes a stack that ran out end as a broken memory access, so that the parent can tell it from memory that ran out:
/// the standard library's own handler would end both with the same signal.
fn die_plainly() {
    // SAFETY: the default action of a signal runs no code of ours, and no other thread exists yet.
    unsafe {
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
    }
}

fn wall(orders: &Orders) -> Result<Wall, ConfineError> {
    let mut faults = Vec::new();
    for wall in &orders.walls {
        match wall.build() {
            Ok(()) => return Ok(*wall),
            Err(fault) => faults.push(fault),
        }
    }
    if orders.is_wall_required { Err(ConfineError::Open(faults)) } else { Ok(Wall::None) }
}
