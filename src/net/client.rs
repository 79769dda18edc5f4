//! The guarded client: it judges, dials, counts and times.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::net::error::NetError;
use crate::net::guard::{Policy, Reach};
use crate::net::incoming::Incoming;
use crate::net::limits::ClientLimits;
use crate::net::request::{Answer, Body, Method, Overflow, Request};
use crate::net::resolver::{GuardedResolver, Lookup, SystemLookup};

/// What every receiver sees of us.
const USER_AGENT: &str = concat!("semantest/", env!("CARGO_PKG_VERSION"));
/// How long an idle connection is kept: long enough for a burst of deliveries to one receiver.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// Idle connections kept to one receiver.
const POOL_MAX_IDLE: usize = 8;

/// The way out for one purpose. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    policy: Arc<Policy>,
    limits: ClientLimits,
    public: reqwest::Client,
    listed: Option<reqwest::Client>,
    granted: Option<reqwest::Client>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that asks the system's resolver.
    ///
    /// # Errors
    /// [`NetError::Setup`] when TLS cannot be set up.
    pub fn new(policy: Policy, limits: ClientLimits) -> Result<Self, NetError> {
        let lookup: Arc<dyn Lookup> = Arc::new(SystemLookup);
        Self::with_lookup(policy, limits, &lookup)
    }

    /// A client that asks another resolver; its answers go through the policy all the same.
    ///
    /// # Errors
    /// [`NetError::Setup`] when TLS cannot be set up.
    pub fn with_lookup(policy: Policy, limits: ClientLimits, lookup: &Arc<dyn Lookup>) -> Result<Self, NetError> {
        let policy = Arc::new(policy);
        // One pool for each reach: a connection that a wide reach opened is never reused by a narrow one.
        let build = |reach| {
            let resolver = GuardedResolver { policy: Arc::clone(&policy), reach, lookup: Arc::clone(lookup) };
            build(&limits, resolver)
        };
        let build_if_any = |reach| if policy.has_any(reach) { build(reach).map(Some) } else { Ok(None) };
        let (public, listed) = (build(Reach::Public)?, build_if_any(Reach::Listed)?);
        let granted = build_if_any(Reach::Granted)?;
        Ok(Self(Arc::new(Inner { policy: Arc::clone(&policy), limits, public, listed, granted })))
    }

    /// What this client may reach.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Sends `request` and reads the answer, whatever its status. Cancel-safe: dropping it closes the connection.
    ///
    /// # Errors
    /// [`NetError`] when the destination is refused, cannot be reached, or does not answer within time and size.
    pub async fn send(&self, request: Request) -> Result<Answer, NetError> {
        let mut incoming = self.begin(&request).await?;
        let (status, headers) = (incoming.status(), incoming.headers());
        let (body, is_cut) = match request.overflow {
            Overflow::Refuse => (incoming.whole().await?, false),
            Overflow::Cut => incoming.beginning().await,
        };
        Ok(Answer { status, headers, body, is_cut })
    }

    /// Asks for `request` and answers with its body still on the way, for bodies too large to be held. Anything but 2xx
    /// is an error, and so is an announced size over the request's `max_answer`; what comes slower than the client's
    /// limits bear is given up.
    ///
    /// # Errors
    /// [`NetError`] as for [`Client::send`], and [`NetError::Status`].
    pub async fn open(&self, request: &Request) -> Result<Incoming, NetError> {
        let incoming = self.begin(request).await?;
        if !(200..300).contains(&incoming.status()) {
            return Err(NetError::Status { status: incoming.status() });
        }
        incoming.refuse_announced_size()?;
        Ok(incoming.at_least_as_fast_as(&self.0.limits))
    }

    /// The answer's head, whatever its status, with the body still on the way.
    async fn begin(&self, request: &Request) -> Result<Incoming, NetError> {
        let deadline = self.deadline(request.timeout);
        let response = self.exchange(request, deadline).await?;
        Ok(Incoming::new(response, deadline, request.max_answer))
    }

    fn deadline(&self, timeout: Duration) -> Instant {
        Instant::now() + timeout.min(self.0.limits.total)
    }

    /// Sends the request, and follows redirects of a GET as far as the purpose allows, each hop judged anew.
    async fn exchange(&self, request: &Request, deadline: Instant) -> Result<reqwest::Response, NetError> {
        let most_hops = if request.method == Method::Get { self.0.policy.purpose().redirects() } else { 0 };
        let mut headers = headers_of(&request.headers)?;
        let mut url = request.url.clone();
        let mut hops = 0;
        loop {
            let response = self.dial(request, &url, headers.clone(), deadline).await?;
            let location = response.headers().get(LOCATION).filter(|_| response.status().is_redirection());
            let Some(location) = location.filter(|_| most_hops > 0) else { return Ok(response) };
            if hops >= most_hops {
                return Err(NetError::Redirect { why: "too many" });
            }
            let next = next_hop(&url, location)?;
            if next.origin() != url.origin() {
                // Credentials and anything else that was meant for the first origin stay there.
                let accept = headers.remove(ACCEPT);
                headers = accept.map(|value| (ACCEPT, value)).into_iter().collect();
            }
            url = next;
            hops += 1;
        }
    }

    /// One request to one URL, without redirects, up to the answer's headers.
    async fn dial(
        &self,
        request: &Request,
        url: &Url,
        headers: HeaderMap,
        deadline: Instant,
    ) -> Result<reqwest::Response, NetError> {
        let client = self.client_for(url)?;
        let mut builder = client.request(method_of(request.method), url.clone()).headers(headers);
        if let Body::Bytes(bytes) = &request.body {
            builder = builder.body(bytes.clone());
        }
        let response =
            timeout_at(deadline, builder.send()).await.map_err(|_| NetError::TimedOut)?.map_err(NetError::of)?;
        let limit = self.0.limits.header_bytes;
        let size: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > limit.as_usize() {
            return Err(NetError::HeadersTooLarge { limit });
        }
        Ok(response)
    }

    /// The pool whose resolver filters as narrowly as `url` deserves.
    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, NetError> {
        let reach = self.0.policy.judge(url).map_err(NetError::Denied)?;
        let wide = match reach {
            Reach::Public => None,
            Reach::Listed => self.0.listed.as_ref(),
            Reach::Granted => self.0.granted.as_ref(),
        };
        Ok(wide.unwrap_or(&self.0.public))
    }
}

/// A pool of connections whose names go through `resolver`.
fn build(limits: &ClientLimits, resolver: GuardedResolver) -> Result<reqwest::Client, NetError> {
    let resolver = Arc::new(resolver);
    let builder = || {
        reqwest::Client::builder()
            .dns_resolver(Arc::clone(&resolver))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // A proxy would do the name resolution, and nobody would check its answers.
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .user_agent(USER_AGENT)
            .connect_timeout(limits.connect)
            .http1_max_headers(limits.headers)
            .http2_max_header_list_size(u32::try_from(limits.header_bytes.as_u64()).unwrap_or(u32::MAX))
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_MAX_IDLE)
    };
    match builder().build() {
        Ok(client) => Ok(client),
        // A machine without any CA certificates can still do everything that needs no TLS; with an empty list of
        // roots every TLS connection fails, which is what it would have done anyway.
        Err(error) => {
            tracing::warn!(%error, "No CA certificates found: every https destination will be unreachable");
            builder().tls_certs_only([]).build().map_err(NetError::Setup)
        }
    }
}

/// Where a redirect leads. The URL it gives is judged before it is dialled.
fn next_hop(from: &Url, location: &HeaderValue) -> Result<Url, NetError> {
    let error = |why| NetError::Redirect { why };
    let location = location.to_str().map_err(|_| error("its location is not text"))?;
    let next = from.join(location).map_err(|_| error("its location is not a URL"))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(error("it leaves https"));
    }
    Ok(next)
}

const fn method_of(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Turns our pairs into the library's headers, all values marked as secret for its debug output.
fn headers_of(pairs: &[(String, String)]) -> Result<HeaderMap, NetError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(name.as_str()).map_err(|_| NetError::Malformed { part: "a header's name" })?;
        let mut value =
            HeaderValue::try_from(value.as_str()).map_err(|_| NetError::Malformed { part: "a header's value" })?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}
