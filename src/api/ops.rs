//! The operators' listener of every role: whether the process lives, is ready, has started, and its numbers.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;

use super::layers;

/// How one part of the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It works.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// One part of the process that readiness depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its name, such as `redis`.
    pub name: String,
    /// How it stands.
    pub status: Health,
    /// A sentence for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Tells whether this process can do its work. Implemented where the process is put together.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Every part, looked at now; bounded in time.
    async fn components(&self) -> Vec<Component>;
    /// Whether the start is over.
    fn has_started(&self) -> bool;
    /// Whether the process was told to stop and takes no new work.
    fn is_stopping(&self) -> bool;
}

/// Renders the numbers of this process as Prometheus text.
pub type RenderMetrics = dyn Fn() -> String + Send + Sync;

/// What the operators' listener answers from.
#[derive(Clone)]
pub struct OpsState {
    /// Whether the process can work.
    pub readiness: Arc<dyn Readiness>,
    /// Its numbers.
    pub metrics: Arc<RenderMetrics>,
}

/// The router of the operators' listener.
pub fn router(state: OpsState) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(|State(ops): State<OpsState>| async move { readyz(ops.readiness.as_ref()).await }))
        .route("/startupz", get(startupz))
        .route("/metrics", get(metrics))
        .fallback(layers::no_route)
        .layer(middleware::from_fn(layers::around))
        .with_state(state)
}

/// The process runs and its executor turns.
pub(super) async fn livez() -> Response {
    text(StatusCode::OK, "ok")
}

/// Whether the process should get work.
pub(super) async fn readyz(readiness: &dyn Readiness) -> Response {
    if readiness.is_stopping() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "stopping");
    }
    if !readiness.has_started() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "starting");
    }
    let components = readiness.components().await;
    let status = match worst(&components) {
        Health::Healthy | Health::Degraded => StatusCode::OK,
        Health::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(serde_json::json!({ "status": worst(&components), "components": components }))).into_response()
}

/// The health of the whole: that of its worst part.
pub(super) fn worst(components: &[Component]) -> Health {
    components.iter().map(|component| component.status).max().unwrap_or(Health::Healthy)
}

async fn startupz(State(ops): State<OpsState>) -> Response {
    if ops.readiness.has_started() {
        text(StatusCode::OK, "ok")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, "starting")
    }
}

async fn metrics(State(ops): State<OpsState>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], (ops.metrics)()).into_response()
}

fn text(status: StatusCode, words: &'static str) -> Response {
    (status, words).into_response()
}
