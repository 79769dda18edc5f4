//! The way out for guests: judged, resolved, checked, dialled and timed here; whose right it is was asked before.
//!
//! Not the client of webhooks and sources, though its policy, ranges and resolver: a guest streams in both directions,
//! its connections belong to one tenant and one address, and every address of a name must be allowed, not only one.

mod dial;
mod line;
mod pool;
mod rest;
mod tls;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use crate::config::egress::EgressSettings;
use crate::config::guest_http::GuestHttpSettings;
use crate::model::egress::{EgressFault, Patience};
use crate::net::guard::{Denied, Policy, Purpose, Reach};
use crate::net::resolver::{Lookup, SystemLookup};

use line::{Line, NoAnswer};
use pool::{Key, Pool};
use rest::{Received, Rest, fault_of};

pub use pool::Tenant;

/// Longest URL that is sent, in bytes: what common servers take.
const MAX_URL_BYTES: usize = 8 * 1024;

/// Headers that are never sent for a guest: they are about the connection, or speak for somebody else.
const OWN_HEADERS: [&str; 13] = [
    "connection",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
];
/// The same, by how they begin.
const OWN_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// A body on its way, in either direction.
pub type GuestBody = UnsyncBoxBody<Bytes, EgressFault>;

/// A request of a guest, ready to be sent: its right was asked for exactly this method and URL.
pub struct GuestRequest {
    /// Such as `GET`.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Without those that are the platform's own, which are dropped.
    pub headers: HeaderMap,
    /// What the receiver sees as the sender.
    pub agent: HeaderValue,
    /// The body as it comes.
    pub body: GuestBody,
}

/// Without path, query and headers: secrets may be in them.
impl std::fmt::Debug for GuestRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let origin = self.url.origin().ascii_serialization();
        f.debug_struct("GuestRequest").field("method", &self.method).field("to", &origin).finish_non_exhaustive()
    }
}

/// The head of an answer, its body on the way, and the future that moves both.
pub struct GuestAnswer {
    /// The head, and the body as it comes.
    pub response: Response<GuestBody>,
    rest: Rest,
}

impl GuestAnswer {
    /// The answer and its driver: nothing comes where nobody polls it. Dropped, it closes an unfinished exchange.
    pub fn into_parts(self) -> (Response<GuestBody>, impl Future<Output = ()> + Send + use<>) {
        (self.response, self.rest)
    }
}

impl std::fmt::Debug for GuestAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestAnswer").field("status", &self.response.status()).finish_non_exhaustive()
    }
}

/// The way out for every guest of a process. Cheap to clone; clones share connections, each with its own tenant only.
#[derive(Clone)]
pub struct GuestClient(Arc<Inner>);

struct Inner {
    policy: Policy,
    lookup: Arc<dyn Lookup>,
    tls: Arc<ClientConfig>,
    pool: Pool,
    turns: Arc<Semaphore>,
    settings: GuestHttpSettings,
}

impl std::fmt::Debug for GuestClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestClient").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

/// Why the way out cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS for the requests of addons cannot be set up")]
pub struct GuestSetupError(#[source] tokio_rustls::rustls::Error);

impl GuestClient {
    /// A client that asks the system's resolver. `loopback_allowed` is for `dev`.
    ///
    /// # Errors
    /// [`GuestSetupError`] when TLS cannot be set up.
    pub fn new(
        egress: &EgressSettings,
        settings: &GuestHttpSettings,
        loopback_allowed: bool,
    ) -> Result<Self, GuestSetupError> {
        Self::with_lookup(egress, settings, loopback_allowed, Arc::new(SystemLookup))
    }

    /// A client that asks another resolver; its answers go through the policy all the same.
    ///
    /// # Errors
    /// [`GuestSetupError`] when TLS cannot be set up.
    pub fn with_lookup(
        egress: &EgressSettings,
        settings: &GuestHttpSettings,
        loopback_allowed: bool,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, GuestSetupError> {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self(Arc::new(Inner {
            policy: Policy::new(egress, Purpose::Guests, loopback_allowed),
            lookup,
            tls: tls::settings().map_err(GuestSetupError)?,
            pool: Pool::new(count(settings.idle_connections), settings.idle.duration()),
            turns: Arc::new(Semaphore::new(count(settings.concurrent_in_all.max(1)).min(Semaphore::MAX_PERMITS))),
            settings: settings.clone(),
        })))
    }

    /// Sends a request and answers as soon as the head of its answer is there. Redirects are answers like any other.
    /// Cancel-safe: dropping the future closes the connection.
    ///
    /// # Errors
    /// [`EgressFault`].
    pub async fn send(
        &self,
        tenant: &Tenant,
        request: GuestRequest,
        patience: Patience,
    ) -> Result<GuestAnswer, EgressFault> {
        let reach = self.0.judge(&request)?;
        let turn = self.0.turn().await?;
        let url = request.url.clone();
        let request = ready(request)?;
        let connect = shorter(self.0.settings.connect.duration(), patience.connect);
        let first_byte = shorter(self.0.settings.first_byte.duration(), patience.first_byte);
        let between_bytes = shorter(self.0.settings.between_bytes.duration(), patience.between_bytes);
        let (key, mut line) = self.0.line(tenant, &url, reach, connect).await?;
        let deadline = Instant::now() + first_byte;
        let answered = timeout_at(deadline, line.ask(request)).await;
        let response = match answered.map_err(|_| EgressFault::FirstByteTimeout { allowed: first_byte })? {
            Ok(response) => response,
            // The connection had waited and was closed before it took anything: another one does.
            Err(NoAnswer { unsent: Some(request), .. }) => {
                line = self.0.fresh(&[key.address], &url, connect).await?.1;
                let answered = timeout_at(deadline, line.ask(request)).await;
                let answered = answered.map_err(|_| EgressFault::FirstByteTimeout { allowed: first_byte })?;
                answered.map_err(|no| self.0.fault_of(&no.error))?
            }
            Err(no) => return Err(self.0.fault_of(&no.error)),
        };
        self.0.check_head(&response)?;
        let response = response.map(|body| Received::new(body, between_bytes, turn).boxed_unsync());
        Ok(GuestAnswer { response, rest: Rest::new(key, line, self.0.pool.clone()) })
    }

    /// Closes the connections that waited too long; they are not used either way.
    pub fn sweep(&self) {
        self.0.pool.sweep();
    }

    /// Connections that wait for a next request.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.0.pool.len()
    }
}

impl Inner {
    /// How far the URL reaches, after everything that it shows by itself was looked at.
    fn judge(&self, request: &GuestRequest) -> Result<Reach, EgressFault> {
        let reached = request.url.as_str().len();
        if reached > MAX_URL_BYTES {
            let number = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
            return Err(EgressFault::UrlTooLong { reached: number(reached), allowed: number(MAX_URL_BYTES) });
        }
        // A tunnel leads anywhere, and TRACE gives back what was put into the request on the way.
        if matches!(request.method, Method::CONNECT | Method::TRACE) || request.method.as_str() == "TRACK" {
            return Err(EgressFault::Method { method: request.method.to_string() });
        }
        self.policy.judge(&request.url).map_err(|denied| EgressFault::Closed {
            is_address: matches!(denied, Denied::Address { .. } | Denied::Name { .. }),
            rule: denied.to_string(),
        })
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, EgressFault> {
        let turn = timeout(self.settings.first_byte.duration(), Arc::clone(&self.turns).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(EgressFault::Busy { allowed: u64::from(self.settings.concurrent_in_all) }),
        }
    }

    /// A connection to an address that was checked just now: one that waits, or a fresh one.
    async fn line(
        &self,
        tenant: &Tenant,
        url: &Url,
        reach: Reach,
        connect: Duration,
    ) -> Result<(Key, Line), EgressFault> {
        let deadline = Instant::now() + connect;
        let addresses = timeout_at(deadline, dial::addresses(&self.policy, reach, url, &self.lookup)).await;
        // As for a name that does not resolve: how long that takes says nothing either.
        let addresses = addresses.map_err(|_| EgressFault::Unreachable)??;
        let origin: Arc<str> = url.origin().ascii_serialization().into();
        let key = |address| Key { tenant: tenant.clone(), origin: Arc::clone(&origin), address };
        for address in &addresses {
            let key = key(*address);
            while let Some(mut line) = self.pool.take(&key) {
                if line.is_usable().await {
                    return Ok((key, line));
                }
            }
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let (address, line) = self.fresh(&addresses, url, left).await?;
        Ok((key(address), line))
    }

    async fn fresh(
        &self,
        addresses: &[std::net::SocketAddr],
        url: &Url,
        time: Duration,
    ) -> Result<(std::net::SocketAddr, Line), EgressFault> {
        let allowed = self.settings.connect.duration().min(time);
        let (address, stream) = dial::connect(addresses, url, &self.tls, (Instant::now() + time, allowed)).await?;
        let line = Line::over(stream, self.settings.headers.as_usize()).await;
        Ok((address, line.map_err(|error| self.fault_of(&error))?))
    }

    fn check_head(&self, response: &Response<Incoming>) -> Result<(), EgressFault> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(EgressFault::Upgrade);
        }
        let size: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > self.settings.headers.as_usize() {
            return Err(EgressFault::HeadTooLarge { allowed: self.settings.headers.as_u64() });
        }
        Ok(())
    }

    fn fault_of(&self, error: &hyper::Error) -> EgressFault {
        if error.is_parse_too_large() {
            return EgressFault::HeadTooLarge { allowed: self.settings.headers.as_u64() };
        }
        fault_of(error)
    }
}

fn shorter(ours: Duration, theirs: Option<Duration>) -> Duration {
    theirs.map_or(ours, |theirs| theirs.min(ours))
}

/// The request as it goes over the wire: the target and the host are those of the URL that was judged.
fn ready(request: GuestRequest) -> Result<Request<GuestBody>, EgressFault> {
    let GuestRequest { method, url, headers, agent, body } = request;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let target = Uri::try_from(target).map_err(|_| EgressFault::Url)?;
    let host = url.host_str().ok_or(EgressFault::Url)?;
    let host = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let mut sent = headers;
    let own: Vec<HeaderName> = sent.keys().filter(|name| is_own(name)).cloned().collect();
    for name in own {
        sent.remove(name);
    }
    if sent.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err(EgressFault::Protocol);
    }
    sent.insert(HOST, HeaderValue::try_from(host).map_err(|_| EgressFault::Url)?);
    sent.insert(http::header::USER_AGENT, agent);
    let mut ready = Request::new(body);
    *ready.method_mut() = method;
    *ready.uri_mut() = target;
    *ready.headers_mut() = sent;
    Ok(ready)
}

/// Whether a header is the platform's own business, in a request's head and in its trailers.
#[must_use]
pub fn is_own(name: &HeaderName) -> bool {
    let text = name.as_str();
    OWN_HEADERS.contains(&text) || OWN_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}
