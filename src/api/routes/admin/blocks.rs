//! The kill switch: what is blocked, blocking with what it hits, and taking it back.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use semver::VersionReq;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::publishers::PublisherKeyDocument;
use crate::addons::forbid::{BlockView, Impact};
use crate::addons::publishers::PublisherKeyView;
use crate::api::answer::Whole;
use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::path::{BlockId, KeyOfPublisher, Path};
use crate::api::layers::NothingChanged;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::clock;
use crate::model::block::BlockTarget;
use crate::model::digest::Digest;
use crate::model::id::AddonId;
use crate::model::signature::PublisherKeyId;

/// Longest reason, in characters: it is shown to the people whose addon stops.
const MAX_REASON_CHARS: usize = 280;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, block)).routes(routes!(unblock)).routes(routes!(revoke))
}

/// What is to be blocked.
struct BlockBody {
    target: BlockTarget,
    reason: String,
    dry_run: bool,
}

impl FromFields for BlockBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let digest = fields.parsed("digest", Digest::parse).map(|digest| BlockTarget::Digest { digest });
        let addon = fields.parsed("addon", AddonId::parse);
        let has_range = fields.peek("range").is_some();
        let range = fields.parsed("range", VersionReq::parse);
        if addon.is_none() && has_range {
            fields.fault("range", "belongs to an `addon`");
        }
        let versions = addon.map(|addon| BlockTarget::Versions { addon, range: range.unwrap_or(VersionReq::STAR) });
        let key = fields.parsed("publisherKey", PublisherKeyId::parse);
        let since = read_since(fields);
        let signed = key.map(|key| BlockTarget::Signed { key, since: since.unwrap_or(DateTime::UNIX_EPOCH) });
        let (reason, dry_run) = read_reason(fields);
        let mut targets: Vec<BlockTarget> = [digest, versions, signed].into_iter().flatten().collect();
        let target = targets.pop();
        match &target {
            None if fields.fault_count() == 0 => {
                fields.fault("digest", "either `digest`, `addon` or `publisherKey` is required");
            }
            Some(_) if !targets.is_empty() => {
                fields.fault("digest", "only one of `digest`, `addon` and `publisherKey` may be given");
            }
            _ => {}
        }
        Some(Self { target: target?, reason: reason?, dry_run })
    }
}

/// Why, and whether only to show what would happen.
fn read_reason(fields: &mut Fields<'_>) -> (Option<String>, bool) {
    let dry_run = fields.boolean("dryRun").unwrap_or(false);
    if dry_run {
        return (Some(fields.text("reason", MAX_REASON_CHARS).unwrap_or_default()), true);
    }
    (fields.required_text("reason", MAX_REASON_CHARS), false)
}

/// A moment that is over.
fn read_since(fields: &mut Fields<'_>) -> Option<DateTime<Utc>> {
    let since = fields.parsed("since", |text| {
        DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time such as 2026-11-20T10:00:00Z")
    })?;
    if since > clock::now() {
        fields.fault("since", "lies in the future");
    }
    Some(since.with_timezone(&Utc))
}

/// What a block hits, and the block, where one was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blocked {
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PublisherKeyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<BlockView>,
    impact: Impact,
}

impl Blocked {
    /// What it would hit: nothing was changed.
    fn trial(impact: Impact) -> Response {
        let shown = Self { dry_run: true, key: None, block: None, impact };
        let mut response = Json(shown).into_response();
        response.extensions_mut().insert(NothingChanged);
        response
    }
}

/// Everything that is blocked, oldest first.
#[utoipa::path(
    get, path = "/api/v1/admin/blocks", operation_id = "listBlocks", tag = "admin",
    responses((status = 200, body = BlockPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    Ok(Json(Whole::of(api.addons().blocks().await?)).into_response())
}

/// Blocks a component, versions of an addon, or what a key signed: new work is refused, running calls end within a second.
/// `dryRun` only shows what it would hit.
#[utoipa::path(
    post, path = "/api/v1/admin/blocks", operation_id = "createBlock", tag = "admin", request_body = BlockRequest,
    responses((status = 201, body = BlockedDocument),
              (status = 200, description = "`dryRun`: what it would hit", body = BlockedDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn block(
    State(api): State<ApiState>,
    caller: AdminCaller,
    JsonBody(wish): JsonBody<BlockBody>,
) -> Result<Response, Problem> {
    if wish.dry_run {
        let impact = api.addons().impact(&wish.target).await?;
        return Ok(Blocked::trial(impact));
    }
    let (block, impact) = api.addons().block(wish.target, wish.reason, caller.client()).await?;
    let answer = Blocked { dry_run: false, key: None, block: Some(block), impact };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Takes a block back: everything that it covered is as it was.
#[utoipa::path(
    delete, path = "/api/v1/admin/blocks/{blockId}", operation_id = "removeBlock", tag = "admin", params(("blockId" = String, Path)),
    responses((status = 204, description = "It does not hold any more"), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn unblock(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(BlockId(id)): Path<BlockId>,
) -> Result<Response, Problem> {
    api.addons().unblock(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A revocation.
struct RevokeBody {
    since: Option<DateTime<Utc>>,
    reason: String,
    dry_run: bool,
}

impl FromFields for RevokeBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let since = read_since(fields);
        let (reason, dry_run) = read_reason(fields);
        Some(Self { since, reason: reason?, dry_run })
    }
}

/// Revokes a publisher's key as of `since` (now when left out): it signs no more, and everything that it signed from then
/// on, or that was first seen from then on, is blocked.
#[utoipa::path(
    post, path = "/api/v1/admin/publishers/{publisher}/keys/{keyId}/revoke", operation_id = "revokePublisherKey", tag = "admin",
    request_body = RevokeKeyRequest, params(("publisher" = String, Path), ("keyId" = String, Path)),
    responses((status = 200, body = BlockedDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn revoke(
    State(api): State<ApiState>,
    caller: AdminCaller,
    Path(path): Path<KeyOfPublisher>,
    JsonBody(wish): JsonBody<RevokeBody>,
) -> Result<Response, Problem> {
    let since = wish.since.unwrap_or_else(clock::now);
    if wish.dry_run {
        let impact = api.addons().revocation_impact(&path.publisher, &path.key, since).await?;
        return Ok(Blocked::trial(impact));
    }
    let revoking = api.addons().revoke_key(&path.publisher, &path.key, since, wish.reason, caller.client());
    let (key, block, impact) = revoking.await?;
    Ok(Json(Blocked { dry_run: false, key: Some(key), block: Some(block), impact }).into_response())
}

/// What is to be blocked: one of `digest`, `addon` and `publisherKey`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockRequest {
    /// One component.
    pub digest: Option<String>,
    /// Versions of one addon.
    #[schema(example = "acme.weather-art")]
    pub addon: Option<String>,
    /// Which of its versions, pre-releases included; all when left out.
    #[schema(example = "<1.4.2")]
    pub range: Option<String>,
    /// What was signed with this key.
    pub publisher_key: Option<String>,
    /// From when on it was signed; all of it when left out.
    pub since: Option<DateTime<Utc>>,
    /// For the people whose addon stops; may be left out with `dryRun` only.
    #[schema(max_length = 280)]
    pub reason: Option<String>,
    /// Only show what it would hit.
    pub dry_run: Option<bool>,
}

/// A revocation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokeKeyRequest {
    /// Since when the key may be in other hands; now when left out.
    pub since: Option<DateTime<Utc>>,
    /// For the people whose addon stops; may be left out with `dryRun` only.
    #[schema(max_length = 280)]
    pub reason: Option<String>,
    /// Only show what it would hit.
    pub dry_run: Option<bool>,
}

/// One entry of the list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Block)]
pub struct BlockDocument {
    /// Its id.
    pub block_id: String,
    /// The component that it covers.
    pub digest: Option<String>,
    /// The addon whose versions it covers.
    pub addon: Option<String>,
    /// Which of its versions.
    pub range: Option<String>,
    /// The key whose signatures it covers.
    pub publisher_key: Option<String>,
    /// From when on.
    pub since: Option<DateTime<Utc>>,
    /// For the people whose addon does not run any more.
    pub reason: String,
    /// `admin`, `key-revoked` or `quarantine`.
    pub cause: String,
    /// Since when it holds.
    pub created_at: DateTime<Utc>,
    /// The client whose key said so.
    pub created_by: Option<String>,
}

/// What is blocked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockPage {
    /// The entries, oldest first.
    pub data: Vec<BlockDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}

/// A version that a block hits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HitVersion)]
pub struct HitVersionDocument {
    /// The addon.
    pub addon_id: String,
    /// Its version.
    pub version: String,
    /// The component.
    pub digest: String,
}

/// What a block hits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Impact)]
pub struct ImpactDocument {
    /// The versions that are published now.
    pub versions: Vec<HitVersionDocument>,
    /// Enablements of these versions that are not switched off.
    pub enablements: u64,
    /// Users that have one.
    pub users: u64,
    /// Clients that such users belong to.
    pub clients: u64,
    /// Calls that run just now, in all processes, as of about a second ago.
    pub running_calls: u64,
}

/// What was blocked, or would be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Blocked)]
pub struct BlockedDocument {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The key that was revoked.
    pub key: Option<PublisherKeyDocument>,
    /// The block.
    pub block: Option<BlockDocument>,
    /// What it hits.
    pub impact: ImpactDocument,
}
