//! The operators' listener of every role: whether the process lives, is ready, has started, and its numbers.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Router, middleware};
use futures::future::BoxFuture;

use super::layers;

/// Answers with what is missing; nothing means ready.
pub type ReadinessCheck = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Makes the page of figures, in Prometheus' text format.
pub type Figures = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// What the operators' listener answers from.
#[derive(Clone)]
pub struct OpsState {
    /// Whether the process can work; the listener is there before everything else is.
    pub readiness: ReadinessCheck,
    /// Its figures.
    pub figures: Figures,
}

/// The router of the operators' listener.
pub fn router(state: OpsState) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/startupz", get(readyz))
        .route("/metrics", get(figures))
        .fallback(layers::no_route)
        .layer(middleware::from_fn(layers::around))
        .with_state(state)
}

/// The process runs and its executor turns.
pub(super) async fn livez() -> Response {
    (StatusCode::OK, "ok").into_response()
}

/// Ready, or what is missing.
pub(super) fn verdict(check: Result<(), String>) -> Response {
    match check {
        Ok(()) => (StatusCode::OK, "ok").into_response(),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}

async fn readyz(State(ops): State<OpsState>) -> Response {
    verdict((ops.readiness)().await)
}

async fn figures(State(ops): State<OpsState>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], (ops.figures)().await).into_response()
}
