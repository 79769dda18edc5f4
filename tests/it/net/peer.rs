//! A peer on loopback that answers as its script says: bytes and pauses, nothing cleverer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// What the peer does with one request after it has read it.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Writes these bytes and closes.
    Say(Vec<u8>),
    /// Writes the first, then the second again and again with a pause, until the other side is gone.
    Drip(Vec<u8>, Vec<u8>, Duration),
    /// Keeps the connection open and says nothing.
    Silence,
    /// Closes with a reset.
    Reset,
}

/// One request as the peer saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The request line.
    pub(crate) line: String,
    /// Header names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A listening peer; it ends with the value.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    tasks: JoinSet<()>,
}

impl Peer {
    /// A peer on 127.0.0.1 that answers the n-th request with the n-th script, and the last one for ever.
    pub(crate) async fn start(scripts: Vec<Script>) -> std::io::Result<Self> {
        Self::start_on(IpAddr::V4(Ipv4Addr::LOCALHOST), scripts).await
    }

    /// The same on another address of the loopback network.
    pub(crate) async fn start_on(address: IpAddr, scripts: Vec<Script>) -> std::io::Result<Self> {
        Self::listen(TcpListener::bind((address, 0)).await?, scripts)
    }

    /// The same with scripts that name the peer itself.
    pub(crate) async fn start_naming_itself(scripts: impl FnOnce(SocketAddr) -> Vec<Script>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let scripts = scripts(listener.local_addr()?);
        Self::listen(listener, scripts)
    }

    fn listen(listener: TcpListener, scripts: Vec<Script>) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (seen, connections) = (Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, scripts, Arc::clone(&seen), Arc::clone(&connections)));
        Ok(Self { address, seen, connections, tasks })
    }

    /// A URL of this peer by its address.
    pub(crate) fn url(&self, path: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("http://{}{path}", self.address))
    }

    /// A URL of this peer's port under another host.
    pub(crate) fn url_as(&self, host: &str, path: &str) -> Result<Url, url::ParseError> {
        Url::parse(&format!("http://{host}:{}{path}", self.address.port()))
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().map(|seen| seen.clone()).unwrap_or_default()
    }

    /// The connections so far, requests or not.
    pub(crate) fn connections(&self) -> usize {
        self.connections.lock().map_or(usize::MAX, |count| *count)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.tasks.abort_all();
    }
}

async fn accept(
    listener: TcpListener,
    scripts: Vec<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if let Ok(mut count) = connections.lock() {
            *count += 1;
        }
        let (scripts, seen) = (scripts.clone(), Arc::clone(&seen));
        open.spawn(async move {
            let _ = converse(stream, &scripts, &seen).await;
        });
    }
}

async fn converse(mut stream: TcpStream, scripts: &[Script], seen: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    let turn = seen.lock().map_or(0, |mut seen| {
        seen.push(request);
        seen.len() - 1
    });
    match scripts.get(turn).or(scripts.last()) {
        Some(Script::Say(bytes)) => stream.write_all(bytes).await?,
        Some(Script::Drip(first, again, pause)) => {
            stream.write_all(first).await?;
            loop {
                stream.write_all(again).await?;
                tokio::time::sleep(*pause).await;
            }
        }
        Some(Script::Silence) => {
            let _ = stream.read(&mut [0; 1]).await?;
        }
        Some(Script::Reset) | None => stream.set_zero_linger()?,
    }
    Ok(())
}

/// Reads a head and as much body as `content-length` says.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<Seen> {
    let mut bytes = Vec::new();
    let (head, start) = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = bytes.get(..end).unwrap_or_default();
            break (String::from_utf8_lossy(head).into_owned(), end + 4);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { line, headers, body: Vec::new() };
    let length = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while bytes.len() < start + length && stream.read_buf(&mut bytes).await? != 0 {}
    seen.body = bytes.split_off(start.min(bytes.len()));
    Ok(seen)
}

/// An answer with a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Script {
    let length = body.len();
    Script::Say(
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into(),
    )
}

/// A redirect.
pub(crate) fn redirect(status: u16, to: &str) -> Script {
    answer(status, &format!("location: {to}\r\n"), "")
}
