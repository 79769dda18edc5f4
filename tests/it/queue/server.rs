//! A private Redis: on a free port, gone when dropped.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use semantest::config::redis::RedisSettings;
use tempfile::TempDir;

/// A Redis server of one test.
pub(super) struct Server {
    port: u16,
    folder: TempDir,
    is_durable: bool,
    child: Child,
}

impl Server {
    /// A server that forgets everything when it stops.
    pub(super) fn start() -> Result<Self> {
        Self::with(false)
    }

    /// A server that has everything it acknowledged on disk (`appendfsync always`).
    pub(super) fn durable() -> Result<Self> {
        Self::with(true)
    }

    fn with(is_durable: bool) -> Result<Self> {
        // Another test may take the port between our look and the server's bind; then the next one is tried.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let folder = tempfile::tempdir()?;
            let mut child = spawn(port, &folder, is_durable)?;
            if is_up(port, &mut child) {
                return Ok(Self { port, folder, is_durable, child });
            }
        }
        bail!("no Redis would start")
    }

    /// Where it is.
    pub(super) fn settings(&self) -> RedisSettings {
        RedisSettings {
            url: format!("redis://127.0.0.1:{}", self.port),
            prefix: String::from("{test}"),
            ..RedisSettings::default()
        }
    }

    /// A plain connection.
    pub(super) async fn connection(&self) -> Result<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.settings().url)?;
        Ok(client.get_multiplexed_async_connection().await?)
    }

    /// Ends it as a power cut would.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Freezes it (`STOP`) or lets it go on (`CONT`): the port is open, and nobody answers.
    pub(super) fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { bail!("kill -{name} failed") }
    }

    /// Starts it again, on the same port and the same folder.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.child = spawn(self.port, &self.folder, self.is_durable)?;
        if is_up(self.port, &mut self.child) { Ok(()) } else { bail!("Redis would not start again") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir, is_durable: bool) -> Result<Child> {
    let binary = std::env::var_os("SEMANTEST_REDIS_BIN").unwrap_or_else(|| "redis-server".into());
    let mut command = Command::new(binary);
    command.args([
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
    ]);
    command.arg("--dir").arg(folder.path());
    if is_durable {
        command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("starting redis-server")
}

/// Waits until the server answers; `false` when it has ended instead.
fn is_up(port: u16, child: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return false;
        }
        let answer = redis::Client::open(format!("redis://127.0.0.1:{port}"))
            .and_then(|client| client.get_connection_with_timeout(Duration::from_millis(200)))
            .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
        if answer.is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
