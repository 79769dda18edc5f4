//! The wall between the compiling child and the network.
//!
//! The first choice is a seccomp filter that knows the few system calls which
//! compiling needs: memory, threads of its own, the pipes that are open already.
//! Whatever is not listed does not exist, so neither a socket nor a file can be
//! opened and no program started. Where the kernel has no such filter, an empty
//! network namespace keeps the network out, and that alone.

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
mod filter;

/// What keeps the network out of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wall {
    /// A seccomp filter: no sockets, no files, no programs.
    Seccomp,
    /// An empty network namespace.
    Namespace,
    /// Nothing.
    None,
}

impl Wall {
    /// Those that can be built, the better one first.
    pub const BUILDABLE: [Self; 2] = [Self::Seccomp, Self::Namespace];

    /// The wall's name in logs, evidence and arguments.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::Namespace => "namespace",
            Self::None => "none",
        }
    }

    /// Reads a wall by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Seccomp, Self::Namespace, Self::None].into_iter().find(|wall| wall.as_str() == text)
    }

    /// Builds the wall around this process, which must have one thread only.
    pub(super) fn build(self) -> Result<(), WallError> {
        match self {
            Self::Seccomp => seccomp(),
            Self::Namespace => namespace(),
            Self::None => Ok(()),
        }
    }
}

impl std::fmt::Display for Wall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a wall cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum WallError {
    /// The filter cannot be made, or the kernel does not take it.
    #[cfg(target_os = "linux")]
    #[error("seccomp: {0}")]
    Seccomp(Box<dyn std::error::Error + Send + Sync>),
    /// The kernel does not give a namespace.
    #[cfg(target_os = "linux")]
    #[error("namespace: {0}")]
    Namespace(#[from] nix::errno::Errno),
    /// Another system than Linux.
    #[cfg(not(target_os = "linux"))]
    #[error("this system has none")]
    Unknown,
}

#[cfg(target_os = "linux")]
fn seccomp() -> Result<(), WallError> {
    let program = filter::program().map_err(WallError::Seccomp)?;
    seccompiler::apply_filter(&program).map_err(|error| WallError::Seccomp(error.into()))
}

#[cfg(target_os = "linux")]
fn namespace() -> Result<(), WallError> {
    use nix::sched::CloneFlags;
    // A user namespace of its own gives the right to make the other one, to everybody where the kernel allows it.
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn seccomp() -> Result<(), WallError> {
    Err(WallError::Unknown)
}

#[cfg(not(target_os = "linux"))]
fn namespace() -> Result<(), WallError> {
    Err(WallError::Unknown)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    type Attempt = (&'static str, bool);

    /// What a thread behind the filter still can do; the filter is the thread's own, so the test process stays free.
    fn attempts() -> Vec<Attempt> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").ok();
        let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        vec![
            ("udp", std::net::UdpSocket::bind("127.0.0.1:0").is_ok()),
            ("listen", listener.is_some()),
            ("connect", address.is_some_and(|address| std::net::TcpStream::connect(address).is_ok())),
            ("unix", std::os::unix::net::UnixStream::pair().is_ok()),
            ("read a file", std::fs::File::open("/proc/self/environ").is_ok()),
            ("list a folder", std::fs::read_dir("/").is_ok()),
            ("write a file", std::fs::File::create(std::env::temp_dir().join("semantest-wall")).is_ok()),
            ("start a program", std::process::Command::new("true").status().is_ok()),
            ("compute in a thread", std::thread::spawn(|| 1 + 1).join().is_ok()),
        ]
    }

    #[test]
    fn behind_the_filter_there_is_no_network_no_file_and_no_program() {
        let before: Vec<Attempt> = attempts();
        assert!(before.iter().all(|(_, worked)| *worked), "{before:?}");
        let behind = std::thread::spawn(|| Wall::Seccomp.build().map(|()| attempts())).join();
        let behind = behind.ok().and_then(Result::ok).unwrap_or_default();
        let working: Vec<&str> = behind.iter().filter(|(_, worked)| *worked).map(|(what, _)| *what).collect();
        assert_eq!(working, ["compute in a thread"]);
    }

    #[test]
    fn walls_are_read_by_their_names() {
        for wall in [Wall::Seccomp, Wall::Namespace, Wall::None] {
            assert_eq!(Wall::parse(wall.as_str()), Some(wall));
        }
        assert_eq!(Wall::parse("moat"), None);
    }
}
