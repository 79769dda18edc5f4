//! The server program, its configuration, and a sign of life from it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DevRedisError, Durability};

/// The configuration's file name. It holds the password, so that no process list shows it.
pub(super) const CONFIG: &str = "redis.conf";
/// The log's file name.
const LOG: &str = "redis.log";
/// Programs that will do, in order.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// Longest wait for a server on this machine to accept or answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of the log that an error repeats.
const LOG_TAIL: usize = 600;

/// What makes clients of an earlier run find the server again.
pub(super) struct Identity {
    pub(super) port: u16,
    pub(super) password: String,
}

impl Identity {
    /// What the last run in `folder` used.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(CONFIG)).ok()?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Some(Self { port: value("port")?.parse().ok()?, password: value("requirepass")?.to_owned() })
    }

    /// The server's configuration.
    pub(super) fn to_config(&self, folder: &Path, durability: Durability) -> String {
        let folder = folder.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let (appendonly, appendfsync) = match durability {
            Durability::None => ("no", "no"),
            Durability::EverySecond => ("yes", "everysec"),
            Durability::Always => ("yes", "always"),
        };
        // `hash-max-ziplist-value` is the name that every version understands: with 4096 instead of 64, a job's hash
        // stays compact and takes less than half the memory, at no cost in speed.
        format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\nprotected-mode yes\ndaemonize no\n\
             dir \"{folder}\"\nlogfile \"{folder}/{LOG}\"\nloglevel notice\nsave \"\"\n\
             appendonly {appendonly}\nappendfsync {appendfsync}\nmaxmemory-policy noeviction\n\
             hash-max-ziplist-value 4096\n",
            port = self.port,
            password = self.password,
        )
    }
}

/// The program: `SEMANTEST_REDIS_BIN`, else the first on the PATH.
pub(super) fn find() -> Result<PathBuf, DevRedisError> {
    if let Some(named) = std::env::var_os("SEMANTEST_REDIS_BIN").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_file() { Ok(named) } else { Err(DevRedisError::BadServer(named)) };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    PROGRAMS
        .iter()
        .flat_map(|program| folders.iter().map(move |folder| folder.join(program)))
        .find(|candidate| candidate.is_file())
        .ok_or(DevRedisError::NoServer)
}

/// Whether the server takes our password and is done loading.
pub(super) fn answers(identity: &Identity) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, identity.port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        write!(stream, "AUTH {}\r\nPING\r\nQUIT\r\n", identity.password)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("+OK\r\n+PONG\r\n"))
}

/// The last lines of the server's log.
pub(super) fn end_of_log(folder: &Path) -> String {
    let text = std::fs::read(folder.join(LOG)).unwrap_or_default();
    let start = text.len().saturating_sub(LOG_TAIL);
    String::from_utf8_lossy(text.get(start..).unwrap_or_default()).trim().to_owned()
}
