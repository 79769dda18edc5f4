//! The private Redis of `semantest dev` and `semantest bench`: found, started, and gone when we are gone.
//!
//! It listens on loopback only, under a random password, and keeps everything in one folder. It must never outlive its
//! parent, whatever ends that one: the kernel kills it when the thread that started it ends (Linux), so a thread of
//! its own holds it for as long as the process lives; elsewhere, and after a power cut, the next start finds the
//! leftover by its pid file. Nothing here is used outside of `dev`, `bench` and the tests.

mod keeper;
mod leftover;
mod server;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::distr::{Alphanumeric, SampleString as _};

use keeper::Keeper;

/// Characters of the password: 62 kinds each, about 190 bits.
const PASSWORD_CHARS: usize = 32;
/// Longest wait for readiness: a large append-only file takes a while to read.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How often a server that died at once is tried again: somebody may have taken the port between our look and its start.
const TRIES: usize = 3;
/// Pause between looks at a server that starts.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How surely a write survives a power cut. (A mere kill of the server loses nothing but with [`Durability::None`].)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// In memory only: for tests and benchmarks.
    None,
    /// Flushed to disk every second.
    #[default]
    EverySecond,
    /// Flushed to disk before each answer.
    Always,
}

/// What to start.
#[derive(Clone, Debug)]
pub struct DevRedisOptions {
    /// Folder for everything of this server; made where missing.
    pub folder: PathBuf,
    /// How surely writes survive.
    pub durability: Durability,
}

/// Why there is no private Redis.
#[derive(Debug, thiserror::Error)]
pub enum DevRedisError {
    /// No server program was found.
    #[error(
        "no redis-server or valkey-server is on the PATH. Install one (Debian and Ubuntu: `sudo apt-get install \
         redis-server`; Fedora: `sudo dnf install valkey`; macOS: `brew install redis`), name one with \
         SEMANTEST_REDIS_BIN=/path/to/redis-server, or use a running one with --redis-url"
    )]
    NoServer,
    /// `SEMANTEST_REDIS_BIN` names something that is not there.
    #[error("SEMANTEST_REDIS_BIN names {0}, which is not a file")]
    BadServer(PathBuf),
    /// The folder or a file in it cannot be used.
    #[error("cannot use {path}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No port could be had, or the program could not be run.
    #[error("cannot start {server}")]
    Start {
        /// The program.
        server: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server ended, or did not get ready in time.
    #[error("{server} did not get ready; the end of its log: {log}")]
    NotReady {
        /// The program.
        server: PathBuf,
        /// Its last lines.
        log: String,
    },
    /// A server of an earlier run does not end.
    #[error("the Redis of an earlier run (process {pid}) does not end")]
    Leftover {
        /// Its process.
        pid: i32,
    },
}

/// A running private Redis. Dropping it kills the server.
#[derive(Debug)]
pub struct DevRedis {
    url: String,
    port: u16,
    server: PathBuf,
    keeper: Keeper,
}

impl DevRedis {
    /// Stops what an earlier run left, starts a server and waits until it answers. Port and password stay those of the
    /// last run in the same folder, where the port is free. Blocks: inside a runtime, call it in `spawn_blocking`.
    ///
    /// # Errors
    /// [`DevRedisError`] says what to do.
    pub fn start(options: &DevRedisOptions) -> Result<Self, DevRedisError> {
        let program = server::find()?;
        let folder = prepare(&options.folder)?;
        leftover::stop(&folder)?;
        let before = server::Identity::read(&folder);
        let password = before
            .as_ref()
            .map_or_else(|| Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARS), |last| last.password.clone());
        let mut wish = before.map(|last| last.port);
        let mut log = String::new();
        for _ in 0..TRIES {
            let port =
                free_port(wish.take()).map_err(|source| DevRedisError::Start { server: program.clone(), source })?;
            let identity = server::Identity { port, password: password.clone() };
            write_private(&folder.join(server::CONFIG), &identity.to_config(&folder, options.durability))?;
            let keeper = Keeper::start(&program, &folder.join(server::CONFIG))
                .map_err(|source| DevRedisError::Start { server: program.clone(), source })?;
            write_private(&folder.join(leftover::PID_FILE), &keeper.pid().to_string())?;
            if wait_until_ready(&identity, &keeper) {
                let url = format!("redis://:{password}@127.0.0.1:{port}");
                return Ok(Self { url, port, server: program, keeper });
            }
            log = server::end_of_log(&folder);
        }
        Err(DevRedisError::NotReady { server: program, log })
    }

    /// Where it is, password included.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The program that runs.
    #[must_use]
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// Its process.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.keeper.pid()
    }

    /// Asks it to end (SIGTERM: it writes out everything), and kills it when it takes longer than `grace`. Blocks.
    pub fn stop(mut self, grace: Duration) {
        self.keeper.end(grace);
    }

    /// Kills it (SIGKILL), as a crash would. Blocks until it is gone.
    pub fn kill(mut self) {
        self.keeper.end(Duration::ZERO);
    }
}

/// Makes the folder, for our eyes only, and answers its absolute path.
fn prepare(folder: &Path) -> Result<PathBuf, DevRedisError> {
    let failed = |source| DevRedisError::Folder { path: folder.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    folder.canonicalize().map_err(failed)
}

/// Writes a file that only we can read.
fn write_private(path: &Path, text: &str) -> Result<(), DevRedisError> {
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())
    };
    write().map_err(|source| DevRedisError::Folder { path: path.to_owned(), source })
}

/// The wished port where it is free, any other where not.
fn free_port(wish: Option<u16>) -> io::Result<u16> {
    if let Some(port) = wish
        && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    {
        return Ok(port);
    }
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Whether the server answers before it ends or the deadline comes.
fn wait_until_ready(identity: &server::Identity, keeper: &Keeper) -> bool {
    let deadline = Instant::now() + START_DEADLINE;
    while Instant::now() < deadline && !keeper.has_ended() {
        if server::answers(identity) {
            return true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    false
}
