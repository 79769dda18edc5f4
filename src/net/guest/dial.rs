//! From a judged URL to a connection: resolve, check every address, dial one of exactly these.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use url::{Host, Url};

use crate::model::egress::EgressFault;
use crate::net::guard::{Denied, Policy, Reach};
use crate::net::resolver::Lookup;

/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// A connection's bytes, whether in clear or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The addresses that a URL leads to. One address that is refused refuses the name: who answers with a public and a
/// private one wants to be found out which of them is dialled.
pub(super) async fn addresses(
    policy: &Policy,
    reach: Reach,
    url: &Url,
    lookup: &Arc<dyn Lookup>,
) -> Result<Vec<SocketAddr>, EgressFault> {
    let found: Vec<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
        Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
        Some(Host::Domain(name)) => lookup.lookup(name).await.map_err(|error| {
            tracing::debug!(host = name, %error, "A name that an addon asked for does not resolve");
            EgressFault::Unreachable
        })?,
        None => return Err(EgressFault::Url),
    };
    for address in &found {
        if let Err(denied) = policy.check_within(reach, *address) {
            tracing::warn!(host = url.host_str(), %denied, "An addon asked for a name with an address that is not allowed");
            return Err(refusal(policy, &found, &denied));
        }
    }
    if found.is_empty() {
        return Err(EgressFault::Unreachable);
    }
    let port = url.port_or_known_default().unwrap_or(0);
    let canonical = found.into_iter().map(|address| SocketAddr::new(address.to_canonical(), port));
    Ok(canonical.take(MOST_ADDRESSES).collect())
}

/// What a guest hears of a name that is refused: of public addresses that only scheme or port closes, the reason.
fn refusal(policy: &Policy, found: &[IpAddr], denied: &Denied) -> EgressFault {
    if found.iter().all(|address| policy.check_within(Reach::Public, *address).is_ok()) {
        return EgressFault::Closed { rule: denied.to_string(), is_address: false };
    }
    EgressFault::Unreachable
}

/// Connects to the first of `addresses` that takes the connection, each in its share of the time.
pub(super) async fn connect(
    addresses: &[SocketAddr],
    url: &Url,
    tls: &Arc<ClientConfig>,
    (deadline, allowed): (Instant, Duration),
) -> Result<(SocketAddr, Box<dyn Stream>), EgressFault> {
    let mut last = EgressFault::Unreachable;
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let turns = u32::try_from(addresses.len().saturating_sub(index)).unwrap_or(1).max(1);
        let until = Instant::now() + left.checked_div(turns).unwrap_or(left);
        match timeout_at(until, TcpStream::connect(*address)).await {
            Ok(Ok(stream)) => {
                // Best effort: without it small requests are only slower.
                let _: Result<(), _> = stream.set_nodelay(true);
                return Ok((*address, secured(stream, url, tls, (deadline, allowed)).await?));
            }
            Ok(Err(error)) => last = refused(&error, allowed),
            Err(_) => last = EgressFault::ConnectTimeout { allowed },
        }
    }
    Err(last)
}

/// The connection itself for `http`, TLS in the URL's own name over it for `https`.
async fn secured(
    stream: TcpStream,
    url: &Url,
    tls: &Arc<ClientConfig>,
    (deadline, allowed): (Instant, Duration),
) -> Result<Box<dyn Stream>, EgressFault> {
    if url.scheme() != "https" {
        return Ok(Box::new(stream));
    }
    let name = match url.host() {
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| EgressFault::Url)?
        }
        Some(Host::Ipv4(address)) => ServerName::IpAddress(IpAddr::V4(address).into()),
        Some(Host::Ipv6(address)) => ServerName::IpAddress(IpAddr::V6(address).into()),
        None => return Err(EgressFault::Url),
    };
    match timeout_at(deadline, TlsConnector::from(Arc::clone(tls)).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(EgressFault::Tls { what: error.to_string() }),
        Err(_) => Err(EgressFault::ConnectTimeout { allowed }),
    }
}

fn refused(error: &std::io::Error, allowed: Duration) -> EgressFault {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => EgressFault::ConnectionRefused,
        std::io::ErrorKind::TimedOut => EgressFault::ConnectTimeout { allowed },
        _ => EgressFault::Unreachable,
    }
}
