//! Requests a second: ours that enqueues a call, beside bare handlers that do one `EVALSHA`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::api;
use crate::cli::bench::effort::Effort;
use crate::cli::bench::setup::Bench;
use crate::shutdown;

/// Connections of the load generator, each with one request in flight.
const CONNECTIONS: usize = 64;
/// Alternating rounds; the median counts.
const ROUNDS: usize = 3;

/// What was measured of one kind of request.
pub(super) struct Requests {
    pub(super) per_second: f64,
    /// CPU time of one, generator included.
    pub(super) effort: Effort,
}

/// The three kinds of requests, over the same Redis.
pub(super) struct Measured {
    /// `POST …/actions/list`.
    pub(super) enqueue: Requests,
    /// A bare handler that runs an empty script.
    pub(super) bare: Requests,
    /// A bare handler that adds a job by BullMQ's own script: no record, no key, no check.
    pub(super) bare_add: Requests,
}

/// Measures them, in alternating rounds.
pub(super) async fn measure(bench: &mut Bench, seconds: u64) -> anyhow::Result<Measured> {
    let (handle, stop) = shutdown::channel();
    let ours = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let bare = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let (our_address, bare_address) = (ours.local_addr()?, bare.local_addr()?);
    let mut servers = JoinSet::new();
    servers.spawn(api::serve(ours, bench.app.state().clone(), stop.clone()));
    let producer = bench.services().work.producer().clone();
    servers.spawn(api::serve_bare(bare, bench.app.store().clone(), producer, stop));
    let our_request = request(
        our_address,
        &format!("/api/v1/users/{}/addons/{}/actions/list", bench.owner.user, bench.owner.addon),
        &bench.key,
        r#"{"params":{}}"#,
    );
    let bare_request = request(bare_address, "/", &bench.key, r#"{"params":{}}"#);
    let add_request = request(bare_address, "/add", &bench.key, r#"{"params":{}}"#);
    let span = Duration::from_secs(seconds);
    let (mut enqueue, mut bare, mut bare_add) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(round(bench, bare_address, &bare_request, span).await?);
        bare_add.push(round(bench, bare_address, &add_request, span).await?);
        enqueue.push(round(bench, our_address, &our_request, span).await?);
    }
    handle.fire();
    while servers.join_next().await.is_some() {}
    let middle = |rounds| super::middle(rounds, |requests: &Requests| requests.per_second);
    Ok(Measured { enqueue: middle(enqueue)?, bare: middle(bare)?, bare_add: middle(bare_add)? })
}

async fn round(bench: &Bench, address: SocketAddr, request: &str, span: Duration) -> anyhow::Result<Requests> {
    let store = bench.app.store();
    let before = Effort::so_far(store).await?;
    let per_second = load(address, request.to_owned(), span).await?;
    Ok(Requests { per_second, effort: before.each(store, per_second * span.as_secs_f64()).await? })
}

fn request(address: SocketAddr, path: &str, key: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Requests a second from a thread of its own, so that server and generator share the machine but not a scheduler.
async fn load(address: SocketAddr, request: String, span: Duration) -> anyhow::Result<f64> {
    let generator = move || -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let until = Instant::now() + span;
            let mut connections = JoinSet::new();
            for _ in 0..CONNECTIONS {
                connections.spawn(one_connection(address, request.clone(), until));
            }
            let mut answered = 0_u32;
            while let Some(count) = connections.join_next().await {
                answered = answered.saturating_add(count??);
            }
            Ok(f64::from(answered) / span.as_secs_f64())
        })
    };
    tokio::task::spawn_blocking(generator).await.context("the load generator ended abruptly")?
}

async fn one_connection(address: SocketAddr, request: String, until: Instant) -> anyhow::Result<u32> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut answered = 0_u32;
    while Instant::now() < until {
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut buffer).await?;
        answered = answered.saturating_add(1);
    }
    Ok(answered)
}

/// Reads one answer of known length and refuses anything but success.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let rest = buffer.get_mut(filled..).context("the answer is larger than expected")?;
        let count = stream.read(rest).await?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        filled += count;
        let text = String::from_utf8_lossy(buffer.get(..filled).unwrap_or_default()).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if !head.starts_with("HTTP/1.1 2") {
            bail!("the server refused: {head} {body}");
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .context("the answer names no length")?;
        if body.len() >= length {
            return Ok(());
        }
    }
}
