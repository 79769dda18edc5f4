//! Jobs of every client: looked at, and tried again in numbers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::extract::body::{FromFields, JsonBody};
use crate::api::extract::caller::AdminCaller;
use crate::api::extract::fields::Fields;
use crate::api::extract::query::{FromQuery, Paging, Query, QueryFields};
use crate::api::layers::NothingChanged;
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::Problem;
use crate::api::routes::schemas::JobDocument;
use crate::api::state::ApiState;
use crate::model::code::JobCode;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job::{JobKind, JobStatus};
use crate::queue::Lane;
use crate::work::{JobFilter, RetriedMany, RetryPace};

/// Longest time that one turn of trying again takes: shorter than clients and proxies wait for an answer.
const LONGEST_TURN: Duration = Duration::from_secs(20);
/// Most jobs of one turn.
const MOST_OF_A_TURN: u64 = 10_000;
/// Jobs of one turn, and a second, where nothing else is asked for.
const USUAL: (u64, u64) = (200, 20);
/// Longest cursor, in characters.
const MAX_CURSOR_CHARS: usize = 2000;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(retry))
}

/// Which jobs a list shows, and which page of it.
#[derive(Debug)]
struct ListQuery {
    client: Option<ClientId>,
    filter: JobFilter,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        let filter = JobFilter {
            user: query.parsed("userId", UserId::parse),
            kind: query.parsed("kind", kind),
            status: query.parsed("status", |text| JobStatus::parse(text).ok_or("is not a status of a job")),
            code: query.parsed("code", code),
            addon: query.parsed("addonId", AddonId::parse),
            lane: query.parsed("queue", queue),
        };
        Self { client: query.parsed("client", ClientId::parse), filter, paging: Paging::read(query) }
    }
}

fn kind(text: &str) -> Result<JobKind, &'static str> {
    JobKind::parse(text).ok_or("is not a kind of job")
}

fn code(text: &str) -> Result<JobCode, &'static str> {
    JobCode::parse(text).ok_or("is not a code of a failed job")
}

fn queue(text: &str) -> Result<String, &'static str> {
    Lane::parse(text).map(|lane| lane.name().to_owned()).ok_or("is no queue; GET /admin/queues lists them")
}

/// Jobs of every client, client by client, each client's newest first. A page may be shorter than `limit`, even empty, and
/// still have a next one.
#[utoipa::path(
    get, path = "/api/v1/admin/jobs", operation_id = "listAllJobs", tag = "admin",
    params(("client" = Option<String>, Query), ("userId" = Option<String>, Query), ("kind" = Option<String>, Query),
           ("status" = Option<String>, Query), ("code" = Option<String>, Query), ("addonId" = Option<String>, Query),
           ("queue" = Option<String>, Query), ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = OwnedJobPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let (cursor, limit) = (query.paging.cursor.as_deref(), query.paging.limit);
    let page = api.work().list_everywhere(query.client.as_ref(), &query.filter, cursor, limit).await?;
    Ok(Json(page).into_response())
}

/// Which failed jobs are tried again, and how fast.
#[derive(Debug)]
struct RetryBody {
    client: Option<ClientId>,
    filter: JobFilter,
    cursor: Option<String>,
    pace: RetryPace,
}

impl FromFields for RetryBody {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let filter = JobFilter {
            user: fields.parsed("userId", UserId::parse),
            kind: fields.parsed("kind", kind),
            status: None,
            code: fields.parsed("code", code),
            addon: fields.parsed("addonId", AddonId::parse),
            lane: fields.parsed("queue", queue),
        };
        let limit = fields.integer("limit", 1..=MOST_OF_A_TURN).unwrap_or(USUAL.0);
        let per_second = fields.integer("perSecond", 1..=1000).unwrap_or(USUAL.1);
        Some(Self {
            client: fields.parsed("client", ClientId::parse),
            filter,
            cursor: fields.text("cursor", MAX_CURSOR_CHARS),
            pace: RetryPace {
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
                per_second: u32::try_from(per_second).unwrap_or(u32::MAX),
                is_dry: fields.boolean("dryRun").unwrap_or(false),
            },
        })
    }
}

/// The answer to one turn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Turn {
    dry_run: bool,
    #[serde(flatten)]
    retried: RetriedMany,
}

/// Puts failed jobs that match back into their queues, `perSecond` of them a second, at most `limit` and for at most 20 seconds. Where
/// `nextCursor` is not `null` there may be more: send the same request with it as `cursor`. `dryRun` only counts.
#[utoipa::path(
    post, path = "/api/v1/admin/jobs/retry", operation_id = "retryJobs", tag = "admin", request_body = RetryJobsRequest,
    responses((status = 200, body = RetriedJobsDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn retry(
    State(api): State<ApiState>,
    _caller: AdminCaller,
    JsonBody(body): JsonBody<RetryBody>,
) -> Result<Response, Problem> {
    let (client, cursor, pace) = (body.client.as_ref(), body.cursor.as_deref(), body.pace);
    let patience = (LONGEST_TURN, &api.stop);
    let retried = api.work().retry_everywhere(client, &body.filter, cursor, pace, patience).await?;
    let mut response = Json(Turn { dry_run: pace.is_dry, retried }).into_response();
    if pace.is_dry {
        response.extensions_mut().insert(NothingChanged);
    }
    Ok(response)
}

/// Which failed jobs are tried again, and how fast.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetryJobsRequest {
    /// Only those of this client.
    pub client: Option<String>,
    /// Only those for this end user.
    pub user_id: Option<String>,
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those that failed so.
    #[schema(example = "PROVIDER_UNAVAILABLE")]
    pub code: Option<String>,
    /// Only those about this addon.
    pub addon_id: Option<String>,
    /// Only those of this queue.
    pub queue: Option<String>,
    /// How many a second; 20 when left out.
    #[schema(minimum = 1, maximum = 1000)]
    pub per_second: Option<u32>,
    /// How many at most; 200 when left out.
    #[schema(minimum = 1, maximum = 10_000)]
    pub limit: Option<u32>,
    /// `nextCursor` of the answer to the same request before.
    pub cursor: Option<String>,
    /// Only counts those that match.
    pub dry_run: Option<bool>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RetriedJobs)]
pub struct RetriedJobsDocument {
    /// Whether they were only counted.
    pub dry_run: bool,
    /// Failed jobs that match and were looked at.
    pub matched: u64,
    /// Jobs that wait for a worker again.
    pub retried: u64,
    /// Jobs whose queue does not keep their ticket any more: they have to be asked for anew.
    pub gone: u64,
    /// Where the next request goes on; `null` where every job was looked at.
    pub next_cursor: Option<String>,
}

/// A job, and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OwnedJob)]
pub struct OwnedJobDocument {
    /// The client.
    pub client_id: String,
    /// The queue.
    #[schema(example = "image-generation")]
    pub queue: String,
    /// The job.
    #[serde(flatten)]
    pub job: JobDocument,
}

/// Jobs of every client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnedJobPage {
    /// The jobs.
    pub data: Vec<OwnedJobDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}
