//! A server that keeps its connections, and knows how many there were and are.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// A listening server; it ends with the value.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    open: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

impl Server {
    /// A server on 127.0.0.1 that answers each request with these bytes, as they are, and goes on listening.
    pub(super) async fn saying(answer: &'static str) -> std::io::Result<Self> {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), answer).await
    }

    /// The same on another address of the loopback network.
    pub(super) async fn start_on(address: IpAddr, answer: &'static str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((address, 0)).await?;
        let (address, state) = (listener.local_addr()?, Arc::new(State::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, answer, Arc::clone(&state)));
        Ok(Self { address, state, _tasks: tasks })
    }

    pub(super) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("an address is a host")
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Connections that the other side did not close yet.
    pub(super) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// The heads of the requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.state.heads.lock().clone()
    }
}

async fn accept(listener: TcpListener, answer: &'static str, state: Arc<State>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        state.open.fetch_add(1, Ordering::SeqCst);
        let state = Arc::clone(&state);
        open.spawn(async move {
            let _ = converse(stream, answer, &state).await;
            state.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Reads heads (and bodies of a known length) until the other side is gone. An empty answer is none at all.
async fn converse(stream: TcpStream, answer: &str, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        loop {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
            if head.ends_with("\r\n\r\n") {
                break;
            }
        }
        let length = head
            .lines()
            .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .find_map(|text| text.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        state.heads.lock().push(head);
        stream.read_exact(&mut body).await?;
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
}
