//! What the platform's own people do: keys, queues, approvals, the policy.

pub mod blocks;
pub mod keys;
pub mod policy;
pub mod publishers;
pub mod secrets;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{QueuePage, VersionDocument};
use crate::api::answer::Whole;
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::path::{AddonVersion, Path};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::queue::{Lane, LaneDepth};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(queues))
        .merge(keys::routes())
        .merge(publishers::routes())
        .merge(policy::routes())
        .merge(blocks::routes())
        .merge(secrets::routes())
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

/// One queue and how full it is.
#[derive(Debug, Serialize)]
struct Queue {
    queue: &'static str,
    #[serde(flatten)]
    depth: LaneDepth,
}

/// How full the queues are.
#[utoipa::path(
    get, path = "/api/v1/admin/queues", operation_id = "listQueues", tag = "admin",
    responses((status = 200, body = QueuePage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn queues(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    let producer = api.work().producer();
    let mut queues = Vec::with_capacity(Lane::ALL.len());
    for lane in Lane::ALL {
        queues.push(Queue { queue: lane.name(), depth: producer.depth(lane).await? });
    }
    Ok(Json(Whole::of(queues)).into_response())
}
