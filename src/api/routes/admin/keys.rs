//! Keys: made, listed, rotated, revoked. A key's text is shown once.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{KeyId, Path};
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::routes::schemas::{KeyDocument, KeyPage};
use crate::api::state::ApiState;
use crate::clock;
use crate::model::id::{AddonId, ClientId};
use crate::store::control::Message;
use crate::store::keys::{self, KeyRecord, KeyScope, NewKey};

/// Longest life of a key that has an end, in days.
const MAX_DAYS: u64 = 3650;
/// Most namespaces of one key.
const MAX_NAMESPACES: usize = 50;
/// How long a rotated key goes on where nothing else is asked for: a day to roll out the new one.
const OVERLAP_SECS: u64 = 24 * 60 * 60;
/// The most that may be asked for: 30 days.
const MAX_OVERLAP_SECS: u64 = 30 * OVERLAP_SECS;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(rotate)).routes(routes!(revoke))
}

/// A key that is wanted.
#[derive(Debug)]
struct CreateBody {
    key: NewKey,
}

impl FromFields for CreateBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.demand("client");
        let client = fields.parsed("client", ClientId::parse);
        fields.demand("scopes");
        let scopes = fields.items("scopes", KeyScope::ALL.len(), |item| {
            item.as_str().and_then(KeyScope::parse).ok_or("must be `client`, `publisher` or `admin`")
        });
        if scopes.as_ref().is_some_and(Vec::is_empty) {
            fields.fault("scopes", "must name at least one scope");
        }
        let days = fields.integer("expiresInDays", 1..=MAX_DAYS);
        let expires_at =
            days.and_then(|days| i64::try_from(days).ok()).map(|days| clock::now() + TimeDelta::days(days));
        let namespaces = fields.items("namespaces", MAX_NAMESPACES, read_namespace).unwrap_or_default();
        Some(Self { key: NewKey { client: client?, scopes: scopes?, namespaces, expires_at } })
    }
}

/// What stands before the dot in the ids of a publisher's addons, or `*`.
fn read_namespace(item: &Value) -> Result<String, &'static str> {
    let is_good = |text: &&str| *text == "*" || AddonId::parse(&format!("{text}.any")).is_ok();
    item.as_str().filter(is_good).map(str::to_owned).ok_or("must be the part before the dot of addon ids, or `*`")
}

/// A fresh key with its text.
#[derive(Serialize)]
struct Created {
    key: String,
    #[serde(flatten)]
    record: KeyRecord,
}

/// Makes a key. Its text is in this answer and never shown again.
#[utoipa::path(
    post, path = "/api/v1/admin/keys", operation_id = "createKey", tag = "admin", request_body = CreateKeyRequest,
    responses((status = 201, body = CreatedKeyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn create(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    JsonBody(wish): JsonBody<CreateBody>,
) -> Result<Response, Problem> {
    let environment = &api.config.server.key_environment;
    let (key, record) = api.keys.issue(&wish.key, environment).await?;
    Ok((StatusCode::CREATED, Json(Created { key, record })).into_response())
}

/// Whose keys are listed.
#[derive(Debug)]
struct ListQuery {
    client: Option<ClientId>,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        Self { client: query.parsed("client", ClientId::parse) }
    }
}

/// Every key, or those of one client; revoked and expired ones too.
#[utoipa::path(
    get, path = "/api/v1/admin/keys", operation_id = "listKeys", tag = "admin", params(("client" = Option<String>, Query)),
    responses((status = 200, body = KeyPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let clients = match query.client {
        Some(client) => vec![client],
        None => api.keys.clients().await?,
    };
    let mut keys = Vec::new();
    for client in &clients {
        keys.extend(api.keys.list(client).await?);
    }
    Ok(Json(Whole::of(keys)).into_response())
}

/// How long the old key goes on.
#[derive(Debug)]
struct RotateBody {
    overlap: Duration,
}

impl FromFields for RotateBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let seconds = fields.integer("overlapSecs", 0..=MAX_OVERLAP_SECS).unwrap_or(OVERLAP_SECS);
        Some(Self { overlap: Duration::from_secs(seconds) })
    }
}

/// A key in the place of another one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    replaces: String,
    old_key_ends_at: DateTime<Utc>,
    #[serde(flatten)]
    created: Created,
}

/// Makes a key in the place of another one, with the same client, scopes and namespaces. The old one goes on working for
/// `overlapSecs` (a day when left out), so that whoever uses it can change over.
#[utoipa::path(
    post, path = "/api/v1/admin/keys/{keyId}/rotate", operation_id = "rotateKey", tag = "admin", params(("keyId" = String, Path)),
    request_body = RotateKeyRequest,
    responses((status = 201, body = RotatedKeyDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn rotate(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(KeyId(id)): Path<KeyId>,
    JsonBody(wish): JsonBody<RotateBody>,
) -> Result<Response, Problem> {
    let rotation = match api.keys.rotate(&id, wish.overlap).await? {
        keys::Rotated::Done(rotation) => *rotation,
        keys::Rotated::Missing => return Err(no_key()),
        keys::Rotated::Over => {
            return Err(Problem::new(ProblemCode::Conflict, "this key does not work any more; make a new one"));
        }
        keys::Rotated::Before(next) => {
            let detail = format!("this key was rotated before: rotate the one in its place, `{next}`");
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
    };
    api.key_cache.hear(&Message::KeyChanged { id: id.clone() });
    let created = Created { key: rotation.text, record: rotation.record };
    let answer = Rotated { replaces: id, old_key_ends_at: rotation.old_ends_at, created };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

fn no_key() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no key with this id")
}

/// Stops a key everywhere, at once.
#[utoipa::path(
    post, path = "/api/v1/admin/keys/{keyId}/revoke", operation_id = "revokeKey", tag = "admin", params(("keyId" = String, Path)),
    responses((status = 204, description = "It does not work any more"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn revoke(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(KeyId(id)): Path<KeyId>,
) -> Result<Response, Problem> {
    if !api.keys.revoke(&id).await? {
        return Err(no_key());
    }
    // The others forget when the message arrives; this process at once.
    api.key_cache.hear(&Message::KeyChanged { id });
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A key that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateKeyRequest {
    /// The client that it belongs to; made when it is new.
    #[schema(example = "acme")]
    pub client: String,
    /// `client`, `publisher`, `admin`.
    pub scopes: Vec<String>,
    /// Where a publisher's key may publish: `acme` for `acme.*`, `*` for all but the platform's own.
    pub namespaces: Option<Vec<String>>,
    /// Days until it stops working; never when left out.
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}

/// How long the old key goes on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotateKeyRequest {
    /// Seconds that the old key goes on working, at most 30 days; a day when left out.
    #[schema(maximum = 2_592_000)]
    pub overlap_secs: Option<u32>,
}

/// A key in the place of another one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RotatedKey)]
pub struct RotatedKeyDocument {
    /// The id of the old key.
    pub replaces: String,
    /// When the old key stops working.
    pub old_key_ends_at: DateTime<Utc>,
    /// The new key.
    #[serde(flatten)]
    pub created: CreatedKeyDocument,
}

/// A fresh key.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKeyDocument {
    /// The key itself; never shown again.
    #[schema(example = "sk_live_…")]
    pub key: String,
    /// What is known of it.
    #[serde(flatten)]
    pub record: KeyDocument,
}
