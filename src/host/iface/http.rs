//! `wasi:http/outgoing-handler`: a guest's requests go through a budget, and then through the call's port.
//!
//! The crate that speaks WASI is built without a sender of its own, so what is written here is the only way out.

mod counted;
mod words;

use std::future::Future;
use std::sync::Arc;

use http::header::HeaderName;
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks,
};

use crate::host::logbook::SharedLogBook;
use crate::host::ports::{HttpAnswer, HttpPort};
use crate::host::traffic::{Direction, Traffic};
use crate::model::egress::{EgressFault, Patience};
use crate::model::limits::EgressLimits;

use counted::Counted;
use words::as_wasi;

/// Bytes that a guest may write to a request's body at once: the host holds two such pieces for each body.
const WRITE_BYTES: usize = 16 * 1024;
/// Headers beyond [`DEFAULT_FORBIDDEN_HEADERS`] that are the host's own business, in requests, answers and trailers.
const FORBIDDEN: [&str; 4] = ["te", "trailer", "forwarded", "x-real-ip"];
/// The same, by how they begin.
const FORBIDDEN_PREFIXES: [&str; 2] = ["proxy-", "x-forwarded-"];

/// The door of one call.
pub(in crate::host) struct HttpDoor {
    context: WasiHttpCtx,
    hooks: Hooks,
}

impl HttpDoor {
    pub(in crate::host) fn new(port: Option<Arc<dyn HttpPort>>, limits: EgressLimits, log: SharedLogBook) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(limits.headers.as_usize());
        Self { context, hooks: Hooks { port, traffic: Arc::new(Traffic::new(limits, log)) } }
    }

    pub(in crate::host) const fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks: &mut self.hooks, table, ctx: &mut self.context }
    }

    /// What went through it.
    pub(in crate::host) fn traffic(&self) -> &Traffic {
        &self.hooks.traffic
    }
}

/// What this host does differently from the crate's defaults.
struct Hooks {
    port: Option<Arc<dyn HttpPort>>,
    traffic: Arc<Traffic>,
}

/// Something that ends a request, seen by the exchange's own task.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Rest), Error>;

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(is_forbidden)
    }

    /// The host is written from the URL that was judged.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        WRITE_BYTES
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (port, traffic) = (self.port.clone(), Arc::clone(&self.traffic));
        // Counted here and not in the future: a guest that never looks for the answer has asked all the same.
        let begun = traffic.begin();
        Box::new(async move {
            let sent = async {
                begun?;
                let port = port.ok_or(EgressFault::NoPort)?;
                send(port, &traffic, request, options).await
            };
            sent.await.map_err(|fault| as_wasi(&traffic.failed(fault)))
        })
    }
}

/// Sends one request and counts what goes out and what comes in.
async fn send(
    port: Arc<dyn HttpPort>,
    traffic: &Arc<Traffic>,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(Response<WasiBody>, Rest), EgressFault> {
    let turn = turn(traffic).await?;
    traffic.count_head(request.uri().to_string().len().saturating_add(size_of_head(request.headers())));
    let request = request.map(|body| {
        let body = body.map_err(|_| EgressFault::Aborted).boxed_unsync();
        Counted::new(body, Direction::Sent, Arc::clone(traffic), None).boxed_unsync()
    });
    let HttpAnswer { response, exchange } = port.send(request, patience(options)).await?;
    traffic.count_head(size_of_head(response.headers()));
    if let Some(announced) = response.body().size_hint().exact() {
        traffic.has_room_for(announced)?;
    }
    let response = response.map(|body| {
        let body = Counted::new(body, Direction::Received, Arc::clone(traffic), Some(turn));
        body.map_err(|fault| as_wasi(&fault)).boxed_unsync()
    });
    let rest: Rest = Box::new(async move {
        exchange.await;
        Ok(())
    });
    Ok((response, rest))
}

async fn turn(traffic: &Traffic) -> Result<OwnedSemaphorePermit, EgressFault> {
    let (limits, turns) = traffic.turns();
    match tokio::time::timeout(limits.wait, turns.acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(EgressFault::Busy { allowed: u64::from(limits.concurrent) }),
    }
}

fn patience(options: Option<RequestOptions>) -> Patience {
    let options = options.unwrap_or_default();
    Patience {
        connect: options.connect_timeout,
        first_byte: options.first_byte_timeout,
        between_bytes: options.between_bytes_timeout,
    }
}

fn is_forbidden(name: &HeaderName) -> bool {
    let text = name.as_str();
    DEFAULT_FORBIDDEN_HEADERS.contains(name)
        || FORBIDDEN.contains(&text)
        || FORBIDDEN_PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

fn size_of_head(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).sum()
}
