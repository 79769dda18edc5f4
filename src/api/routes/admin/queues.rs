//! The queues: how full they are, and whether they hand out jobs.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::Whole;
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::path::{FromPath, Path, PathIds};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Fault, Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::queue::{Lane, LaneDepth};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(pause)).routes(routes!(resume))
}

/// One queue and how full it is.
#[derive(Debug, Serialize)]
struct Queue {
    queue: &'static str,
    #[serde(flatten)]
    depth: LaneDepth,
}

/// `{queue}`.
#[derive(Clone, Copy, Debug)]
struct Named(Lane);

impl FromPath for Named {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let parse = |text: &str| Lane::ALL.into_iter().find(|lane| lane.name() == text).ok_or("is no queue");
        ids.parsed("queue", parse).map(Self)
    }

    fn problem(_faults: Vec<Fault>) -> Problem {
        let names = Lane::ALL.map(Lane::name).join("`, `");
        Problem::new(ProblemCode::NotFound, format!("there is no such queue; there are `{names}`"))
    }
}

/// How full the queues are.
#[utoipa::path(
    get, path = "/api/v1/admin/queues", operation_id = "listQueues", tag = "admin",
    responses((status = 200, body = QueuePage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(State(api): State<ApiState>, _caller: AdminCaller) -> Result<Response, Problem> {
    let mut queues = Vec::with_capacity(Lane::ALL.len());
    for lane in Lane::ALL {
        queues.push(queue(&api, lane).await?);
    }
    Ok(Json(Whole::of(queues)).into_response())
}

/// Hands out no more jobs of a queue, on every worker: what is asked for waits, what runs goes on. May be repeated.
#[utoipa::path(
    post, path = "/api/v1/admin/queues/{queue}/pause", operation_id = "pauseQueue", tag = "admin",
    params(("queue" = String, Path)),
    responses((status = 200, body = QueueDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn pause(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(Named(lane)): Path<Named>,
) -> Result<Response, Problem> {
    api.work().producer().pause(lane).await?;
    Ok(Json(queue(&api, lane).await?).into_response())
}

/// Hands out jobs of a queue again. May be repeated.
#[utoipa::path(
    post, path = "/api/v1/admin/queues/{queue}/resume", operation_id = "resumeQueue", tag = "admin",
    params(("queue" = String, Path)),
    responses((status = 200, body = QueueDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn resume(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Path(Named(lane)): Path<Named>,
) -> Result<Response, Problem> {
    api.work().producer().resume(lane).await?;
    Ok(Json(queue(&api, lane).await?).into_response())
}

async fn queue(api: &ApiState, lane: Lane) -> Result<Queue, Problem> {
    Ok(Queue { queue: lane.name(), depth: api.work().producer().depth(lane).await? })
}

/// One queue and how full it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Queue)]
pub struct QueueDocument {
    /// Its name.
    #[schema(example = "addon-calls")]
    pub queue: String,
    /// Jobs without a priority that wait.
    pub waiting: u64,
    /// Jobs with a priority that wait.
    pub prioritized: u64,
    /// Jobs in workers' hands.
    pub active: u64,
    /// Jobs that wait for their time.
    pub delayed: u64,
    /// Jobs that wait for another job.
    pub waiting_children: u64,
    /// Completed jobs that are still kept.
    pub completed: u64,
    /// Dead letters.
    pub failed: u64,
    /// Age of the job that has waited longest.
    pub oldest_waiting_ms: Option<u64>,
    /// Whether it is paused.
    pub is_paused: bool,
}

/// The queues.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuePage {
    /// One entry a queue.
    pub data: Vec<QueueDocument>,
    /// Always `null`.
    pub next_cursor: Option<String>,
}
