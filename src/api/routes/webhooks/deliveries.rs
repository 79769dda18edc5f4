//! What was sent to an endpoint: tried out, looked at, sent again.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::path::Path;
use crate::api::extract::query::{FromQuery, Paging, Query, QueryFields};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::model::id::{DeliveryId, EndpointId};
use crate::store::deliveries::DeliveryStatus;
use crate::webhooks::DeliveryView;
use crate::work;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(test))
        .routes(routes!(list))
        .routes(routes!(replay))
        .routes(routes!(replay_since))
}

/// Sends a `webhook.test` the way that every event goes. It is not tried again.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhookId}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("webhookId" = String, Path)),
    responses((status = 202, description = "It is on its way; `GET …/deliveries` shows what comes of it", body = DeliveryDocument),
              WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn test(tenant: Tenant, Path(id): Path<EndpointId>) -> Result<Response, Problem> {
    let delivery = tenant.test_endpoint(&id).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)).into_response())
}

/// Which deliveries, and which page of them.
#[derive(Debug)]
struct ListQuery {
    status: Option<DeliveryStatus>,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        let status = query.parsed("status", |text| {
            DeliveryStatus::parse(text).ok_or("must be one of `pending`, `delivered`, `failed`")
        });
        Self { status, paging: Paging::read(query) }
    }
}

/// An endpoint's deliveries, newest first, with what came of each attempt. `status=failed` are its dead letters.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhookId}/deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(("webhookId" = String, Path), ("status" = Option<String>, Query), ("cursor" = Option<String>, Query),
           ("limit" = Option<u32>, Query)),
    responses((status = 200, body = DeliveryPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(tenant: Tenant, Path(id): Path<EndpointId>, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    let page = tenant.deliveries(&id, query.status, &query.paging).await?;
    let page: work::Page<DeliveryView> = work::Page { data: page.items, next_cursor: page.next_cursor };
    Ok(Json(page).into_response())
}

/// Sends a delivery once more, under the same `webhook-id`, with all its attempts.
#[utoipa::path(
    post, path = "/api/v1/webhooks/deliveries/{deliveryId}/replay", operation_id = "replayWebhookDelivery", tag = "webhooks",
    params(("deliveryId" = String, Path)),
    responses((status = 202, description = "It is on its way", body = DeliveryDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn replay(tenant: Tenant, Path(id): Path<DeliveryId>) -> Result<Response, Problem> {
    let delivery = tenant.replay(&id).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery)).into_response())
}

/// Which deliveries are sent again.
#[derive(Debug)]
struct SinceQuery {
    since: DateTime<Utc>,
    only_failed: bool,
}

impl FromQuery for SinceQuery {
    fn read(query: &mut QueryFields) -> Self {
        let is_said = query.peek("since");
        let since = query.parsed("since", |text| {
            DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time such as 2026-11-20T10:00:00Z")
        });
        if !is_said {
            query.fault("since", "is required: a time such as 2026-11-20T10:00:00Z");
        }
        let only_failed = query.parsed("status", |text| match text {
            "failed" => Ok(true),
            "all" => Ok(false),
            _ => Err("must be `failed` or `all`"),
        });
        let since = since.map_or(DateTime::<Utc>::MAX_UTC, |since| since.with_timezone(&Utc));
        Self { since, only_failed: only_failed.unwrap_or(true) }
    }
}

/// How many deliveries are on their way again.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookReplay)]
struct Replayed {
    /// How many.
    replayed: u32,
}

/// Sends once more what was given up since a time; with `status=all` everything that was sent since then. What is on its way is
/// left alone.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhookId}/replay", operation_id = "replayWebhook", tag = "webhooks",
    params(("webhookId" = String, Path), ("since" = String, Query, description = "A time such as 2026-11-20T10:00:00Z"),
           ("status" = Option<String>, Query, description = "`failed` (default) or `all`")),
    responses((status = 202, description = "They are on their way", body = Replayed), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn replay_since(
    tenant: Tenant,
    Path(id): Path<EndpointId>,
    Query(query): Query<SinceQuery>,
) -> Result<Response, Problem> {
    let replayed = tenant.replay_since(&id, query.since, query.only_failed).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { replayed })).into_response())
}

/// One event's delivery to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
struct DeliveryDocument {
    /// Its id.
    #[schema(example = "wd_21fe31dfa154a261626bf854046fd227")]
    id: String,
    /// Where to.
    endpoint_id: String,
    /// The event's id, as the receiver sees it.
    webhook_id: String,
    /// What happened.
    #[schema(example = "job.completed")]
    event: String,
    /// The job that it happened to.
    job_id: Option<String>,
    /// `pending`, `delivered` or `failed`.
    status: String,
    /// What was tried, oldest first.
    attempts: Vec<DeliveryAttemptDocument>,
    /// When the next attempt is due.
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

/// One attempt of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt)]
struct DeliveryAttemptDocument {
    /// Its number, from 1; a replay counts anew.
    number: u32,
    /// When it ended.
    at: DateTime<Utc>,
    /// The receiver's HTTP status, where it gave one.
    status: Option<u16>,
    /// How long it took.
    latency_ms: u64,
    /// The first kilobyte of the receiver's answer.
    answer: Option<String>,
    /// Why it does not count as delivered.
    error: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DeliveryPage {
    /// The deliveries, newest first.
    data: Vec<DeliveryDocument>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}
