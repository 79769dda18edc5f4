//! A server that an earlier run left behind: found by its pid file, recognised, and stopped.

use std::path::Path;
use std::time::{Duration, Instant};

use super::DevRedisError;

/// The pid file's name.
pub(super) const PID_FILE: &str = "semantest-redis.pid";
/// How long it may take to write out everything and end.
const GRACE: Duration = Duration::from_secs(10);
/// How long a killed process may take to vanish.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Stops the server of an earlier run in `folder`, if it still runs.
pub(super) fn stop(folder: &Path) -> Result<(), DevRedisError> {
    let Ok(text) = std::fs::read_to_string(folder.join(PID_FILE)) else { return Ok(()) };
    let Some(pid) = text.trim().parse::<i32>().ok().filter(|pid| *pid > 1) else { return Ok(()) };
    // Numbers are used again: only a Redis that runs in this folder is ours.
    if !is_ours(pid, folder) {
        return Ok(());
    }
    for (number, grace) in [(libc::SIGTERM, GRACE), (libc::SIGKILL, KILL_GRACE)] {
        signal(pid, number);
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline {
            if !is_ours(pid, folder) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Err(DevRedisError::Leftover { pid })
}

/// Sends a signal to one process; a number that is no process of ours is refused by the kernel.
pub(super) fn signal(pid: i32, number: i32) {
    if pid > 1 {
        // SAFETY: kill touches no memory; the pid is one process, never a group.
        unsafe {
            libc::kill(pid, number);
        }
    }
}

/// Whether the process is a Redis that works in `folder`.
#[cfg(target_os = "linux")]
fn is_ours(pid: i32, folder: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
    let is_redis = name.starts_with("redis-server") || name.starts_with("valkey-server");
    // A zombie has no working folder any more.
    is_redis && std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
}

/// Whether the process is a Redis that was started with the configuration in `folder`.
#[cfg(not(target_os = "linux"))]
fn is_ours(pid: i32, folder: &Path) -> bool {
    let listed = std::process::Command::new("lsof").args(["-a", "-d", "cwd", "-Fn", "-p", &pid.to_string()]).output();
    let Ok(listed) = listed else { return false };
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    text.lines().any(|line| line.strip_prefix('n').is_some_and(|cwd| Path::new(cwd) == folder))
}
