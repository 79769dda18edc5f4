//! What stands around every handler: the request's id, its span, its client's limits, the last word on problems, and the numbers.
//!
//! One layer with a few plain steps, not a tower of layers: each layer of axum
//! costs two allocations a request, and the order of steps reads from the top.

mod accept;
mod admission;
mod audit;
mod fields;
mod head;
mod metrics;
mod panic;
mod rate_fields;
mod request_id;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::{Instrument as _, debug_span, error};

use super::extract::trace;
use super::problem::{Problem, ProblemCode};
use super::state::ApiState;

pub use audit::NothingChanged;
pub use request_id::RequestId;

/// Goes around every request of the operators' listener.
pub async fn around(request: Request, next: Next) -> Response {
    enclose(request, |request| next.run(request)).await
}

/// Goes around every request of the public listener, and counts those of clients.
pub(super) async fn around_clients(State(api): State<ApiState>, request: Request, next: Next) -> Response {
    enclose(request, |request| admission::admit(api, request, next)).await
}

async fn enclose<F: Future<Output = Response>>(mut request: Request, answer: impl FnOnce(Request) -> F) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = RequestId::of(request.headers());
    // At debug, since a span costs more than all the rest of this layer; problems are logged with the id anyway.
    let span = debug_span!(
        "request",
        request.id = %id.as_str(),
        http.method = %method,
        http.route = route.as_ref().map_or("", MatchedPath::as_str),
        trace.id = trace::traceparent(request.headers()).map_or("", trace::trace_id),
    );
    let refused = accept::refusal(route.as_ref().map_or("", MatchedPath::as_str), request.headers());
    request.extensions_mut().insert(id.clone());
    let mut response = match refused {
        Some(problem) => problem.into_response(),
        None => AssertUnwindSafe(answer(request))
            .catch_unwind()
            .instrument(span.clone())
            .await
            .unwrap_or_else(|payload| span.in_scope(|| panic::answer(payload.as_ref()))),
    };
    span.in_scope(|| finish_problem(&mut response, &id));
    fields::add(&mut response, &id);
    metrics::record(&method, route.as_ref().map_or("", MatchedPath::as_str), response.status(), started.elapsed());
    response
}

/// What answers where no route is.
pub async fn no_route() -> Problem {
    Problem::new(ProblemCode::NotFound, "this path leads nowhere; /openapi.json lists those that do")
}

/// Writes the problem's body, now that the id is known, and logs what is ours.
fn finish_problem(response: &mut Response, id: &RequestId) {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let problem =
                Problem::new(ProblemCode::MethodNotAllowed, "the field `Allow` lists the methods of this path");
            response.headers_mut().insert(header::CONTENT_TYPE, super::problem::MEDIA_TYPE);
            problem
        }
        None => return,
    };
    if let Some(cause) = problem.cause() {
        error!(request.id = %id.as_str(), code = problem.code().as_str(), error = cause, "Could not answer a request: {cause}");
    }
    let body = problem.body(id.as_str());
    response.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
    *response.body_mut() = body.into();
}
