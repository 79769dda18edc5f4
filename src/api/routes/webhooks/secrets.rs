//! What signs webhooks: of an endpoint, of per-request addresses, and the public keys.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::fields::Fields;
use crate::api::extract::job_options::UrlCheck;
use crate::api::extract::path::Path;
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::extract::receiver::{FromReceiverFields, ReceiverBody};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::api::tenant::{Tenant, Visitor};
use crate::model::id::{ClientId, EndpointId};
use crate::webhooks::{KeyPair, SecretPair, WebhookSecret};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(rotate))
        .routes(routes!(read_default))
        .routes(routes!(rotate_default))
        .routes(routes!(keys))
}

/// A secret, and the one before it as long as that signs too.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
struct SecretDocument {
    /// As Standard Webhooks writes it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// The one before the last rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<PreviousDocument>,
}

/// A secret that still signs.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviousWebhookSecret)]
struct PreviousDocument {
    /// As Standard Webhooks writes it.
    secret: String,
    /// Until when it signs too.
    until: DateTime<Utc>,
}

impl From<SecretPair> for SecretDocument {
    fn from(pair: SecretPair) -> Self {
        let previous = pair.previous.map(|(secret, until)| PreviousDocument { secret: secret.reveal(), until });
        Self { secret: pair.secret.reveal(), previous }
    }
}

/// Secrets are for one pair of eyes: no cache keeps them.
fn shown(pair: SecretPair) -> Response {
    let mut response = Json(SecretDocument::from(pair)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What signs for an endpoint.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{webhookId}/secret", operation_id = "getWebhookSecret", tag = "webhooks",
    params(("webhookId" = String, Path)),
    responses((status = 200, body = SecretDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(tenant: Tenant, Path(id): Path<EndpointId>) -> Result<Response, Problem> {
    Ok(shown(tenant.endpoint_secret(&id).await?))
}

/// A secret that the client has made itself.
struct RotateBody(Option<WebhookSecret>);

impl FromReceiverFields for RotateBody {
    const MAY_BE_EMPTY: bool = true;

    fn read(fields: &mut Fields<'_>, _may_call: &UrlCheck<'_>) -> Option<Self> {
        Some(Self(fields.parsed("secret", WebhookSecret::parse)))
    }
}

/// A secret for a rotation.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RotateWebhookRequest {
    /// As Standard Webhooks writes it; made here when left out.
    pub secret: Option<String>,
}

/// Gives an endpoint another secret. For a day the one before signs too, so that a receiver verifies with either.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{webhookId}/rotate", operation_id = "rotateWebhookSecret", tag = "webhooks",
    params(("webhookId" = String, Path)), request_body(content = Option<RotateWebhookRequest>, description = "May be left out"),
    responses((status = 200, body = SecretDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn rotate(
    tenant: Tenant,
    Path(id): Path<EndpointId>,
    ReceiverBody(RotateBody(given)): ReceiverBody<RotateBody>,
) -> Result<Response, Problem> {
    Ok(shown(tenant.rotate_endpoint(&id, given.as_ref()).await?))
}

/// What signs webhooks that go to the client's per-request addresses.
#[utoipa::path(
    get, path = "/api/v1/webhooks/default-secret", operation_id = "getDefaultWebhookSecret", tag = "webhooks",
    responses((status = 200, body = SecretDocument), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read_default(tenant: Tenant) -> Result<Response, Problem> {
    Ok(shown(tenant.default_secret().await?))
}

/// Gives the client another default secret, and another key pair. For a day those before sign too.
#[utoipa::path(
    post, path = "/api/v1/webhooks/default-secret/rotate", operation_id = "rotateDefaultWebhookSecret", tag = "webhooks",
    responses((status = 200, body = SecretDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn rotate_default(tenant: Tenant) -> Result<Response, Problem> {
    Ok(shown(tenant.rotate_default_secret().await?))
}

/// Whose keys are asked for.
#[derive(Debug)]
struct KeysQuery {
    client: Option<ClientId>,
}

impl FromQuery for KeysQuery {
    fn read(query: &mut QueryFields) -> Self {
        Self { client: query.parsed("client", ClientId::parse) }
    }
}

/// Public keys, as a JSON Web Key Set.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookKeys)]
struct KeysDocument {
    /// The keys that sign now, the newest first.
    keys: Vec<KeyDocument>,
}

/// A public key (RFC 8037).
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookKey)]
struct KeyDocument {
    /// Always `OKP`.
    kty: &'static str,
    /// Always `Ed25519`.
    crv: &'static str,
    /// Always `EdDSA`.
    alg: &'static str,
    /// Always `sig`.
    r#use: &'static str,
    /// The key's name, made from the key.
    kid: String,
    /// The 32 bytes in base64url.
    x: String,
    /// The same as Standard Webhooks writes it.
    #[schema(example = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    whpk: String,
}

/// What verifies `v1a` signatures of one client's webhooks: of the client that `client` names, or of the one whose key is sent.
/// Each client has key pairs of its own, so that nobody else's webhook passes for one of its.
#[utoipa::path(
    get, path = "/.well-known/webhook-keys", operation_id = "getWebhookKeys", tag = "webhooks",
    params(("client" = Option<String>, Query, description = "The client's name; needs no key then")),
    responses((status = 200, body = KeysDocument), ReadProblems),
    security((), ("bearer" = []), ("apiKey" = [])),
)]
async fn keys(visitor: Visitor, Query(query): Query<KeysQuery>) -> Result<Response, Problem> {
    let pairs = visitor.webhook_key_pairs(query.client).await?;
    let keys: Vec<_> = pairs.iter().map(KeyPair::public).collect();
    Ok(Json(serde_json::json!({ "keys": keys })).into_response())
}
