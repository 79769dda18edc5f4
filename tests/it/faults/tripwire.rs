//! A road to Redis that kills the process on it at a chosen word: before Redis hears it, or after Redis answered.

use std::process::Command;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// On which side of the word the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Redis never hears the word.
    Before,
    /// Redis did what it was told, and the process may or may not have read so.
    After,
}

/// What the wire waits for.
#[derive(Clone, Debug)]
struct Trap {
    pid: u32,
    word: Vec<u8>,
    side: Side,
}

/// A listener in front of Redis. Dropped, it lets go of every connection.
pub(super) struct Tripwire {
    url: String,
    trap: Arc<Mutex<Option<Trap>>>,
    _roads: JoinSet<()>,
}

impl Tripwire {
    /// A road to the Redis at `url`.
    pub(super) async fn before(url: &str) -> Self {
        let target = url::Url::parse(url).expect("the address of a Redis");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = format!("{}:{}", target.host_str().unwrap_or("127.0.0.1"), target.port().unwrap_or(6379));
        let mut own = target;
        own.set_port(Some(port)).expect("a port in the address");
        let trap: Arc<Mutex<Option<Trap>>> = Arc::default();
        let (set, mut roads) = (Arc::clone(&trap), JoinSet::new());
        roads.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                connections.spawn(road(client, server, Arc::clone(&set)));
            }
        });
        Self { url: own.to_string(), trap, _roads: roads }
    }

    /// The address that leads over the wire.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Kills `pid` at the next occurrence of `word` in what it tells Redis.
    pub(super) fn arm(&self, pid: u32, word: &str, side: Side) {
        *self.trap.lock() = Some(Trap { pid, word: word.as_bytes().to_vec(), side });
    }

    /// Whether the word was met.
    pub(super) fn is_sprung(&self) -> bool {
        self.trap.lock().is_none()
    }
}

/// One connection, both ways.
async fn road(mut client: TcpStream, mut server: TcpStream, trap: Arc<Mutex<Option<Trap>>>) {
    let (mut said, mut heard) = (vec![0_u8; 64 * 1024], vec![0_u8; 64 * 1024]);
    // A word may be cut in two by the way it travels.
    let mut tail: Vec<u8> = Vec::new();
    let mut dying: Option<u32> = None;
    loop {
        tokio::select! {
            count = client.read(&mut said) => {
                let Ok(count @ 1..) = count else { return };
                tail.extend_from_slice(&said[..count]);
                let met = trap.lock().take_if(|trap| tail.windows(trap.word.len()).any(|part| part == trap.word));
                match met {
                    Some(Trap { pid, side: Side::Before, .. }) => return kill(pid),
                    Some(Trap { pid, side: Side::After, .. }) => dying = Some(pid),
                    None => {}
                }
                let kept = tail.len().saturating_sub(256);
                tail.drain(..kept);
                if server.write_all(&said[..count]).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut heard) => {
                let Ok(count @ 1..) = count else { return };
                if let Some(pid) = dying {
                    return kill(pid);
                }
                if client.write_all(&heard[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
    assert!(killed.is_ok_and(|status| status.success()), "the process is killed");
}
