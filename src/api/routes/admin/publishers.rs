//! Publishers and their keys: registered, listed, retired.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{KeyOfPublisher, Path, PublisherName};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::signature::PublicKey;

/// Longest note beside a key, in characters.
const MAX_NOTE_CHARS: usize = 280;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(keys, register)).routes(routes!(retire))
}

/// Every publisher that ever had a key.
#[utoipa::path(
    get, path = "/api/v1/admin/publishers", operation_id = "listPublishers", tag = "admin",
    responses((status = 200, body = PublisherPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    Ok(Json(Whole::of(api.addons().publishers().await?)).into_response())
}

/// A publisher's keys, retired and revoked ones too.
#[utoipa::path(
    get, path = "/api/v1/admin/publishers/{publisher}/keys", operation_id = "listPublisherKeys", tag = "admin",
    params(("publisher" = String, Path)),
    responses((status = 200, body = PublisherKeyPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn keys(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(PublisherName(publisher)): Path<PublisherName>,
) -> Result<Response, Problem> {
    Ok(Json(Whole::of(api.addons().publisher_keys(&publisher).await?)).into_response())
}

/// A key that is to be registered.
struct RegisterBody {
    key: PublicKey,
    note: Option<String>,
}

impl FromFields for RegisterBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("publicKey");
        let key = fields.parsed("publicKey", PublicKey::parse);
        let note = fields.text("note", MAX_NOTE_CHARS);
        Some(Self { key: key?, note })
    }
}

/// Registers a key that a publisher signs with. The same key again changes nothing.
#[utoipa::path(
    post, path = "/api/v1/admin/publishers/{publisher}/keys", operation_id = "registerPublisherKey", tag = "admin",
    request_body = RegisterKeyRequest, params(("publisher" = String, Path)),
    responses((status = 201, body = PublisherKeyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn register(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(PublisherName(publisher)): Path<PublisherName>,
    JsonBody(wish): JsonBody<RegisterBody>,
) -> Result<Response, Problem> {
    let view = api.addons().register_key(&publisher, wish.key, wish.note).await?;
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Takes a key out of use: what it signed before goes on being believed.
#[utoipa::path(
    post, path = "/api/v1/admin/publishers/{publisher}/keys/{keyId}/retire", operation_id = "retirePublisherKey", tag = "admin",
    params(("publisher" = String, Path), ("keyId" = String, Path)),
    responses((status = 200, body = PublisherKeyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn retire(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(path): Path<KeyOfPublisher>,
) -> Result<Response, Problem> {
    Ok(Json(api.addons().retire_key(&path.publisher, &path.key).await?).into_response())
}

/// A key that is to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterKeyRequest {
    /// The 32 bytes of an Ed25519 public key in base64, as `semantest addon keygen` prints them.
    #[schema(example = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    pub public_key: String,
    /// For people.
    #[schema(max_length = 280)]
    pub note: Option<String>,
}

/// A publisher's key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublisherKey)]
pub struct PublisherKeyDocument {
    /// Its name: the first 16 bytes of the sha-256 of its 32 bytes, in hexadecimal digits.
    #[schema(example = "21fe31dfa154a261626bf854046fd227")]
    pub key_id: String,
    /// Whose it is.
    pub publisher: String,
    /// The key.
    pub public_key: String,
    /// `active`, `retired` or `revoked`.
    pub state: String,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// Since when it is retired.
    pub retired_at: Option<DateTime<Utc>>,
    /// Since when it may be in other hands.
    pub revoked_since: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// What was written beside it.
    pub note: Option<String>,
}

/// A publisher's keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublisherKeyPage {
    /// The keys, oldest first.
    pub data: Vec<PublisherKeyDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}

/// A publisher.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Publisher)]
pub struct PublisherDocument {
    /// Its namespace.
    pub publisher: String,
    /// Keys that sign.
    pub active_keys: usize,
    /// Keys, old ones included.
    pub keys: usize,
    /// What a missing or wrong signature means for it: `require`, `warn` or `off`.
    pub signatures: String,
}

/// Publishers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublisherPage {
    /// The publishers.
    pub data: Vec<PublisherDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}
