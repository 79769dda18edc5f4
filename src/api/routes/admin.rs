//! What the platform's own people do: clients, keys, queues, jobs, approvals, the policy, and the trail of all of it.

pub mod audit;
pub mod blocks;
pub mod clients;
pub mod enablements;
pub mod jobs;
pub mod keys;
pub mod policy;
pub mod providers;
pub mod publishers;
pub mod queues;
pub mod secrets;
pub mod spend;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::VersionDocument;
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::path::{AddonVersion, Path};
use crate::api::openapi::WriteProblems;
use crate::api::problem::Problem;
use crate::api::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .merge(clients::routes())
        .merge(keys::routes())
        .merge(publishers::routes())
        .merge(policy::routes())
        .merge(blocks::routes())
        .merge(secrets::routes())
        .merge(spend::routes())
        .merge(queues::routes())
        .merge(enablements::routes())
        .merge(jobs::routes())
        .merge(providers::routes())
        .merge(audit::routes())
}

/// Lets a pending version into the registry.
#[utoipa::path(
    post, path = "/api/v1/admin/addons/{addonId}/versions/{version}/approve", operation_id = "approveAddonVersion", tag = "admin",
    params(("addonId" = String, Path), ("version" = String, Path)),
    responses((status = 200, body = VersionDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn approve(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(path): Path<AddonVersion>,
) -> Result<Response, Problem> {
    Ok(Json(api.addons().approve(&path.addon, &path.version).await?).into_response())
}
