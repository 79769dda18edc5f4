//! A process that must not outlive the one that started it.

use std::io;

/// Has the kernel kill this process when its parent ends, and refuses to go on where the parent is not `parent` any more.
///
/// The kernel means the parent's *thread* that started this process, so whoever starts one does it on a thread that
/// lives as long as itself.
///
/// # Errors
/// The parent is gone, or the kernel refuses.
#[cfg(target_os = "linux")]
pub fn end_with(parent: u32) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // The parent may have died before; then no signal comes any more.
    if u32::try_from(nix::unistd::getppid().as_raw()) == Ok(parent) {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, "the supervisor that started this process is gone"))
    }
}

/// Other systems have no such signal: the process stops when the line to its supervisor is cut.
///
/// # Errors
/// None here.
#[cfg(not(target_os = "linux"))]
pub fn end_with(_: u32) -> io::Result<()> {
    Ok(())
}
