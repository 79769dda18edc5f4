//! The thread that holds the server: it starts it, waits for it, and ends it.
//!
//! The kernel's parent-death signal fires when the *thread* that forked ends, so this thread lives as long as the
//! server does, and only the end of the whole process takes it away earlier.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the thread looks whether the server ended by itself.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Holds the thread. Dropping it kills the server.
#[derive(Debug)]
pub(super) struct Keeper {
    pid: u32,
    has_ended: Arc<AtomicBool>,
    /// Says how long the server may take to end.
    orders: SyncSender<Duration>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the server with a configuration file.
    pub(super) fn start(program: &Path, config: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        // Its own process group: a Ctrl-C at the terminal is for us, and we still need Redis to stop in order.
        command.arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        die_with_parent(&mut command);
        let (orders, inbox) = sync_channel(1);
        let (started, start) = sync_channel(1);
        let has_ended = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&has_ended);
        let thread = std::thread::Builder::new().name(String::from("dev-redis")).spawn(move || {
            match command.spawn() {
                Ok(child) => {
                    // The receiver waits for exactly this one message.
                    let _ = started.send(Ok(child.id()));
                    hold(child, &inbox);
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
            ended.store(true, Ordering::Release);
        })?;
        let pid = start.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))??;
        Ok(Self { pid, has_ended, orders, thread: Some(thread) })
    }

    /// The server's process.
    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the server ended.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Ends the server: asks it first, unless `grace` is zero. Returns when it is gone.
    pub(super) fn end(&mut self, grace: Duration) {
        // The thread may have ended with the server already.
        let _ = self.orders.try_send(grace);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread is in the log; there is nothing left to end.
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Waits for an order or the server's own end, whichever comes first.
fn hold(mut child: Child, inbox: &Receiver<Duration>) {
    loop {
        match inbox.recv_timeout(LOOK_EVERY) {
            Ok(grace) => return end(child, grace),
            Err(RecvTimeoutError::Disconnected) => return end(child, Duration::ZERO),
            Err(RecvTimeoutError::Timeout) if matches!(child.try_wait(), Ok(None)) => {}
            Err(RecvTimeoutError::Timeout) => return,
        }
    }
}

fn end(mut child: Child, grace: Duration) {
    let deadline = Instant::now() + grace;
    if !grace.is_zero() {
        super::leftover::signal(i32::try_from(child.id()).unwrap_or(0), libc::SIGTERM);
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // It may have ended in between, which is what we want.
    let _ = child.kill();
    let _ = child.wait();
}

/// Has the kernel kill the child when this thread ends.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let prepare = move || {
        // SAFETY: prctl with these arguments touches no memory of ours and is safe between fork and exec.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: getppid only reads.
        let now = unsafe { libc::getppid() };
        // The parent may have died before the call above; then nobody would ever send the signal.
        if u32::try_from(now) == Ok(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    };
    // SAFETY: the closure makes two system calls and allocates nothing, which is all that is allowed after fork.
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Other systems have no such signal; the next start finds the leftover by its pid file.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
