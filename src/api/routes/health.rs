//! Whether the service works, in the older form and in the form of orchestrators, and a word of welcome.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::ops;
use crate::api::state::ApiState;
use crate::clock;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(older_health))
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(welcome))
}

/// How the service stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Of the server.
    version: &'static str,
    /// Now.
    timestamp: DateTime<Utc>,
    /// Its parts, by name.
    services: Services,
}

/// The parts that the service stands on.
#[derive(Debug, Serialize, ToSchema)]
struct Services {
    /// The record store.
    #[schema(example = "healthy")]
    redis: &'static str,
    /// The queues.
    #[schema(example = "healthy")]
    queues: &'static str,
    /// Where bytes live. Without it the service is `degraded`: chat and what is in Redis go on.
    #[schema(example = "healthy")]
    storage: &'static str,
}

/// Longest wait for the place of the bytes.
const STORAGE_WAIT: Duration = Duration::from_secs(2);

/// The word for the whole, and the status that load balancers go by: a degraded service still answers.
const fn verdict(stands: bool, is_whole: bool) -> (&'static str, StatusCode) {
    match (stands, is_whole) {
        (true, true) => ("healthy", StatusCode::OK),
        (true, false) => ("degraded", StatusCode::OK),
        (false, _) => ("unhealthy", StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn look(api: &ApiState) -> Response {
    let (store, producer) = (&api.store, api.work().producer());
    let storage = timeout(STORAGE_WAIT, api.services.gallery.is_reachable());
    let (redis, queues, storage) = tokio::join!(store.ping(), producer.ping(), storage);
    let has_storage = storage.unwrap_or(false);
    let word = |is_well: bool| if is_well { "healthy" } else { "unhealthy" };
    let services = Services { redis: word(redis.is_ok()), queues: word(queues.is_ok()), storage: word(has_storage) };
    let (word, status) = verdict(redis.is_ok() && queues.is_ok(), has_storage);
    let health = Health { status: word, version: env!("CARGO_PKG_VERSION"), timestamp: clock::now(), services };
    (status, Json(health)).into_response()
}

/// How the service and its parts stand.
#[utoipa::path(
    get, path = "/api/v1/health", operation_id = "getHealth", tag = "service",
    responses((status = 200, body = Health), (status = 503, description = "It does not work", body = Health)),
)]
async fn health(State(api): State<ApiState>) -> Response {
    look(&api).await
}

/// The same where the platform's first API had it.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealthAtRoot", tag = "service",
    responses((status = 200, body = Health), (status = 503, description = "It does not work", body = Health)),
)]
async fn older_health(State(api): State<ApiState>) -> Response {
    look(&api).await
}

/// Whether the process lives.
#[utoipa::path(get, path = "/livez", operation_id = "livez", tag = "service", responses((status = 200, description = "It lives", body = String)))]
async fn livez() -> Response {
    ops::livez().await
}

/// Whether the process should get traffic.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "service",
    responses((status = 200, description = "It should", body = String), (status = 503, description = "Not now, and why", body = String)),
)]
async fn readyz(State(api): State<ApiState>) -> Response {
    if api.stop.has_fired() {
        return ops::verdict(Err(String::from("stopping")));
    }
    let (store, producer) = (&api.store, api.work().producer());
    let (redis, queues) = tokio::join!(store.ping(), producer.ping());
    let redis = redis.map(|_| ()).map_err(|error| format!("redis: {error}"));
    ops::verdict(redis.and(queues.map(|_| ()).map_err(|error| format!("queues: {error}"))))
}

/// Where to go from here.
#[utoipa::path(get, path = "/", operation_id = "welcome", tag = "service", responses((status = 200, body = Object)))]
async fn welcome(State(api): State<ApiState>) -> Response {
    let base = api.public_url.get().map_or("", String::as_str);
    Json(json!({
        "service": "semantest",
        "version": env!("CARGO_PKG_VERSION"),
        "api": format!("{base}/api/v1"),
        "openapi": format!("{base}/openapi.json"),
        "health": format!("{base}/health"),
    }))
    .into_response()
}
