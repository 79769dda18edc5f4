//! One worker process: started with two sockets in the place of its standard input and output, signalled, waited for.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::app::line::Asker;
use crate::host::vault::Counter;

/// This very executable, as the kernel has it open: also after another version was put in its place.
const OWN_EXECUTABLE: &str = "/proc/self/exe";
/// What the process is called in lists of processes.
const NAME: &str = "semantest";

/// How worker processes are started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The words on their command line; `--number` and `--parent` are added.
    pub arguments: Vec<OsString>,
    /// Variables that they get besides this process's own.
    pub variables: Vec<(String, String)>,
    /// Variables of this process that they do not get.
    pub hidden: Vec<String>,
}

/// A running worker process. Dropping it kills it.
pub(super) struct Child {
    process: tokio::process::Child,
    pub(super) pid: u32,
    pub(super) line: Arc<Asker>,
}

impl Child {
    /// Starts the process with this number. To be called on the thread that lives longest: the kernel ends the child
    /// with it.
    pub(super) fn start(launch: &Launch, number: usize, counter: &Counter) -> io::Result<Self> {
        // What it asks for compiled code over, and what it is asked over.
        let (shop, customer) = UnixStream::pair()?;
        let (ours, theirs) = UnixStream::pair()?;
        let line = Arc::new(Asker::new(ours)?);
        let mut command = Command::new(program()?);
        for name in &launch.hidden {
            command.env_remove(name);
        }
        command
            .arg0(NAME)
            .args(&launch.arguments)
            .arg("--number")
            .arg(number.to_string())
            .arg("--parent")
            .arg(std::process::id().to_string())
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::from(OwnedFd::from(customer)))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::inherit())
            // A group of its own: a Ctrl-C at the terminal is for the supervisor, which tells its workers once.
            .process_group(0)
            .kill_on_drop(true);
        let process = command.spawn()?;
        // Our copies of the child's ends: with them open nobody would notice that it hung up.
        drop(command);
        let pid = process.id().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let counter = counter.clone();
        std::thread::Builder::new().name(format!("counter-{number}")).spawn(move || counter.serve(shop))?;
        Ok(Self { process, pid, line })
    }

    /// Waits for its end. Cancel-safe.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }

    /// Tells it to stop, and waits; one that takes longer than `grace` is killed. Whether it ended by itself.
    pub(super) async fn drain(&mut self, grace: Duration) -> bool {
        // None once it was waited for: then its number may be somebody else's.
        if let Some(pid) = self.process.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended in between, which is what we want.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if tokio::time::timeout(grace, self.process.wait()).await.is_ok() {
            return true;
        }
        // The same; and a process that was killed is reaped by the next wait or by the end of this one.
        let _ = self.process.kill().await;
        false
    }
}

fn program() -> io::Result<std::path::PathBuf> {
    let kernels = std::path::PathBuf::from(OWN_EXECUTABLE);
    if kernels.exists() { Ok(kernels) } else { std::env::current_exe() }
}

/// How a process ended, in words.
pub(super) fn in_words(ended: &io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => match (status.signal(), status.code()) {
            (Some(number), _) => {
                let name = Signal::try_from(number).map_or_else(|_| number.to_string(), |signal| signal.to_string());
                format!("killed by {name}")
            }
            (None, Some(code)) => format!("with exit code {code}"),
            (None, None) => status.to_string(),
        },
        Err(error) => format!("unseen: {error}"),
    }
}

/// Whether it said itself that it cannot work, as it does over a wrong setting or a Redis that is not there.
pub(super) fn is_refusal(ended: &io::Result<ExitStatus>) -> bool {
    ended.as_ref().is_ok_and(|status| status.code() == Some(1))
}
