//! Standing webhook endpoints: made, listed, read, changed, removed.

mod deliveries;
pub mod secrets;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::UrlCheck;
use crate::api::extract::path::Path;
use crate::api::extract::receiver::{FromReceiverFields, ReceiverBody, event_filter, receiver_url};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::Tenant;
use crate::model::id::EndpointId;
use crate::webhooks::{EndpointChange, EndpointSpec, EndpointView, WebhookSecret};

/// Longest description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 280;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(read, change, remove))
        .merge(secrets::routes())
        .merge(deliveries::routes())
}

struct CreateBody(EndpointSpec);

impl FromReceiverFields for CreateBody {
    fn read(fields: &mut Fields<'_>, may_call: &UrlCheck<'_>) -> Option<Self> {
        fields.demand("url");
        let url = receiver_url(fields, "url", may_call);
        let events = event_filter(fields, "events").unwrap_or_default();
        let description = fields.text("description", MAX_DESCRIPTION_CHARS);
        let secret = fields.parsed("secret", WebhookSecret::parse);
        Some(Self(EndpointSpec { url: url?, events, description, secret }))
    }
}

struct ChangeBody(EndpointChange);

impl FromReceiverFields for ChangeBody {
    fn read(fields: &mut Fields<'_>, may_call: &UrlCheck<'_>) -> Option<Self> {
        let url = receiver_url(fields, "url", may_call);
        let events = event_filter(fields, "events");
        // `null` takes the description away.
        let description = match fields.peek("description") {
            Some(Value::Null) => fields.raw("description").map(|_| None),
            Some(_) | None => fields.text("description", MAX_DESCRIPTION_CHARS).map(Some),
        };
        let is_active = fields.word("state", &[("active", true), ("disabled", false)]);
        Some(Self(EndpointChange { url, events, description, is_active }))
    }
}

/// A fresh endpoint with its secret.
#[derive(Serialize)]
struct Created {
    secret: String,
    #[serde(flatten)]
    endpoint: EndpointView,
}

/// Makes an endpoint: from now on it hears of what it wants to hear.
#[utoipa::path(
    post, path = "/api/v1/webhooks", operation_id = "createWebhook", tag = "webhooks", request_body = CreateWebhookRequest,
    responses((status = 201, body = CreatedWebhookDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn create(tenant: Tenant, ReceiverBody(CreateBody(spec)): ReceiverBody<CreateBody>) -> Result<Response, Problem> {
    let (endpoint, secret) = tenant.create_endpoint(spec).await?;
    let location = format!("/api/v1/webhooks/{}", endpoint.id);
    let mut response = (StatusCode::CREATED, Json(Created { secret: secret.reveal(), endpoint })).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The client's endpoints, oldest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses((status = 200, body = WebhookPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(tenant: Tenant) -> Result<Response, Problem> {
    Ok(Json(Whole::of(tenant.endpoints().await?)).into_response())
}

/// An endpoint as it is, and how it fares.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhookId}", operation_id = "getWebhook", tag = "webhooks",
    params(("webhookId" = String, Path)),
    responses((status = 200, body = WebhookDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(tenant: Tenant, Path(id): Path<EndpointId>) -> Result<Response, Problem> {
    Ok(Json(tenant.endpoint(&id).await?).into_response())
}

/// Changes an endpoint; what is left out stays. `state: "active"` starts one again that was disabled.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{webhookId}", operation_id = "changeWebhook", tag = "webhooks",
    params(("webhookId" = String, Path)), request_body = ChangeWebhookRequest,
    responses((status = 200, body = WebhookDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn change(
    tenant: Tenant,
    Path(id): Path<EndpointId>,
    ReceiverBody(ChangeBody(change)): ReceiverBody<ChangeBody>,
) -> Result<Response, Problem> {
    Ok(Json(tenant.change_endpoint(&id, &change).await?).into_response())
}

/// Removes an endpoint with everything that is known of its deliveries; what is on its way there is not sent any more.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{webhookId}", operation_id = "deleteWebhook", tag = "webhooks",
    params(("webhookId" = String, Path)),
    responses((status = 204, description = "It is gone"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn remove(tenant: Tenant, Path(id): Path<EndpointId>) -> Result<Response, Problem> {
    tenant.remove_endpoint(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An endpoint that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateWebhookRequest {
    /// Where its events go.
    #[schema(example = "https://example.com/hooks/semantest", max_length = 2048)]
    pub url: String,
    /// Which events; all when left out or empty.
    #[schema(example = json!(["job.completed", "job.failed", "addon.blocked"]))]
    pub events: Option<Vec<String>>,
    /// For people.
    #[schema(max_length = 280)]
    pub description: Option<String>,
    /// What signs, as Standard Webhooks writes it; made here when left out.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
}

/// What is changed about an endpoint; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangeWebhookRequest {
    /// Where its events go.
    #[schema(max_length = 2048)]
    pub url: Option<String>,
    /// Which events; all when empty.
    pub events: Option<Vec<String>>,
    /// For people; `null` takes it away.
    #[schema(max_length = 280)]
    pub description: Option<String>,
    /// `active` or `disabled`.
    pub state: Option<String>,
}

/// A standing endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
struct WebhookDocument {
    /// Its id.
    #[schema(example = "we_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    id: String,
    /// Where its events go.
    url: String,
    /// Which events; all where it is empty.
    events: Vec<String>,
    /// For people.
    description: Option<String>,
    /// `active` or `disabled`.
    state: String,
    /// Why it gets nothing.
    disabled: Option<DisabledDocument>,
    /// Since when nothing has arrived there.
    failing_since: Option<DateTime<Utc>>,
    /// Attempts that failed since.
    failures: u64,
    /// When something last arrived.
    last_delivered_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation signs too.
    previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

/// Why an endpoint gets nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDisabled)]
struct DisabledDocument {
    /// `requested` by its client, `gone` (it answered 410) or `failing` (nothing arrived for days).
    reason: String,
    /// Since when.
    at: DateTime<Utc>,
    /// What to do.
    note: String,
}

/// A fresh endpoint.
#[derive(Debug, Serialize, ToSchema)]
struct CreatedWebhookDocument {
    /// What signs; `GET …/secret` shows it again.
    secret: String,
    /// The endpoint.
    #[serde(flatten)]
    endpoint: WebhookDocument,
}

/// A client's endpoints.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WebhookPage {
    /// The endpoints, oldest first.
    data: Vec<WebhookDocument>,
    /// Always `null`.
    next_cursor: Option<String>,
}
