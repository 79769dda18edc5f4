//! The registry: which addons there are, what they ask for, and their bytes.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{AddonDocument, AddonPage, VersionDocument};
use crate::addons::views::VersionView;
use crate::api::answer::{self, Whole};
use crate::api::extract::caller::Caller;
use crate::api::extract::path::{AddonVersion, Path};
use crate::api::extract::query::{FromQuery, Query, QueryFields};
use crate::api::openapi::ReadProblems;
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::model::capability::CapabilityKind;
use crate::model::id::AddonId;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read))
        .routes(routes!(version))
        .routes(routes!(component))
        .routes(routes!(older_manifest))
        .routes(routes!(older_download))
}

/// Which addons are looked for.
#[derive(Debug)]
pub(super) struct Search {
    query: Option<String>,
    capability: Option<CapabilityKind>,
}

impl FromQuery for Search {
    fn read(query: &mut QueryFields) -> Self {
        let kind = |text: &str| {
            CapabilityKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or("is not a capability")
        };
        Self { query: query.text("query"), capability: query.parsed("capability", kind) }
    }
}

/// The registry, or what of it fits the search.
#[utoipa::path(
    get, path = "/api/v1/addons", operation_id = "listAddons", tag = "addons",
    params(("query" = Option<String>, Query), ("capability" = Option<String>, Query)),
    responses((status = 200, body = AddonPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
pub(super) async fn list(
    State(api): State<ApiState>,
    _caller: Caller,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let capability = search.capability.map(CapabilityKind::as_str);
    let views = api.addons().list(search.query.as_deref(), capability).await?;
    Ok(Json(Whole::of(views)).into_response())
}

/// One addon with its versions.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}", operation_id = "getAddon", tag = "addons", params(("addonId" = String, Path)),
    responses((status = 200, body = AddonDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(
    State(api): State<ApiState>,
    _caller: Caller,
    Path(id): Path<AddonId>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    answer::tagged(&api.addons().addon(&id).await?, &fields)
}

/// One version: its manifest, digest, size, state, and what it asks for in plain words.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}/versions/{version}", operation_id = "getAddonVersion", tag = "addons",
    params(("addonId" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = VersionDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn version(
    State(api): State<ApiState>,
    _caller: Caller,
    Path(path): Path<AddonVersion>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    answer::tagged(&api.addons().version(&path.addon, &path.version).await?, &fields)
}

/// The component's bytes; `ETag` is their digest.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}/versions/{version}/component", operation_id = "getAddonComponent", tag = "addons",
    params(("addonId" = String, Path), ("version" = String, Path)),
    responses((status = 200, description = "The component", content_type = "application/wasm", body = Vec<u8>),
              (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn component(
    State(api): State<ApiState>,
    _caller: Caller,
    Path(path): Path<AddonVersion>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let view = api.addons().version(&path.addon, &path.version).await?;
    bytes_of(&api, &path, &view, &fields).await
}

async fn bytes_of(
    api: &ApiState,
    path: &AddonVersion,
    view: &VersionView,
    fields: &HeaderMap,
) -> Result<Response, Problem> {
    let tag = format!("\"{}\"", view.digest);
    let mut response = if answer::is_known(fields, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (_, bytes) = api.addons().component_bytes(&path.addon, &path.version).await?;
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/wasm"))], bytes).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    Ok(response)
}

/// The manifest of the newest approved version, where the platform's first API had it.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}/manifest", operation_id = "getAddonManifest", tag = "addons",
    params(("addonId" = String, Path)),
    responses((status = 200, body = Object), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn older_manifest(
    State(api): State<ApiState>,
    _caller: Caller,
    Path(id): Path<AddonId>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    answer::tagged(&latest(&api, &id).await?.manifest, &fields)
}

/// The component of the newest approved version, where the platform's first API had it.
#[utoipa::path(
    get, path = "/api/v1/addons/{addonId}/download", operation_id = "downloadAddon", tag = "addons",
    params(("addonId" = String, Path)),
    responses((status = 200, description = "The component", content_type = "application/wasm", body = Vec<u8>),
              (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn older_download(
    State(api): State<ApiState>,
    _caller: Caller,
    Path(id): Path<AddonId>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let view = latest(&api, &id).await?;
    let path = AddonVersion { addon: id, version: view.manifest.version.clone() };
    bytes_of(&api, &path, &view, &fields).await
}

async fn latest(api: &ApiState, id: &AddonId) -> Result<VersionView, Problem> {
    let missing = || Problem::new(ProblemCode::AddonNotFound, format!("no version of `{id}` is approved"));
    api.addons().addon(id).await?.latest.ok_or_else(missing)
}
