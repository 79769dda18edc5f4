//! Jobs: read, listed, cancelled, tried again, and their logs.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schemas::{JobDocument, JobPage};
use crate::api::answer::{self, no_job, too_late};
use crate::api::extract::path::Path;
use crate::api::extract::query::{FromQuery, Paging, Query, QueryFields};
use crate::api::openapi::{ReadProblems, WriteProblems};
use crate::api::problem::{Problem, ProblemCode};
use crate::api::state::ApiState;
use crate::api::tenant::AnyKey;
use crate::model::code::JobCode;
use crate::model::id::{JobId, UserId};
use crate::model::job::{JobKind, JobStatus};
use crate::work::{CancelAnswer, JobFilter, RetryAnswer};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(cancel))
        .routes(routes!(retry))
        .routes(routes!(logs))
}

/// A job as it is.
#[utoipa::path(
    get, path = "/api/v1/jobs/{jobId}", operation_id = "getJob", tag = "jobs", params(("jobId" = String, Path)),
    responses((status = 200, body = JobDocument), (status = 304, description = "The client has it"), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn read(AnyKey(tenant): AnyKey, Path(id): Path<JobId>, fields: HeaderMap) -> Result<Response, Problem> {
    answer::job(&tenant.job(&id).await?, &fields)
}

/// Which jobs a list shows, and which page of it.
#[derive(Debug)]
struct ListQuery {
    filter: JobFilter,
    paging: Paging,
}

impl FromQuery for ListQuery {
    fn read(query: &mut QueryFields) -> Self {
        let filter = JobFilter {
            user: query.parsed("userId", UserId::parse),
            kind: query.parsed("kind", |text| JobKind::parse(text).ok_or("is not a kind of job")),
            status: query.parsed("status", |text| JobStatus::parse(text).ok_or("is not a status of a job")),
            code: query.parsed("code", |text| JobCode::parse(text).ok_or("is not a code of a failed job")),
            ..JobFilter::default()
        };
        Self { filter, paging: Paging::read(query) }
    }
}

/// The client's jobs, newest first. `status=failed` are the dead letters.
#[utoipa::path(
    get, path = "/api/v1/jobs", operation_id = "listJobs", tag = "jobs",
    params(("userId" = Option<String>, Query), ("kind" = Option<String>, Query), ("status" = Option<String>, Query),
           ("code" = Option<String>, Query), ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = JobPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn list(AnyKey(tenant): AnyKey, Query(query): Query<ListQuery>) -> Result<Response, Problem> {
    Ok(Json(tenant.jobs(&query.filter, &query.paging).await?).into_response())
}

/// Cancels a job; may be repeated. A running one is interrupted.
#[utoipa::path(
    post, path = "/api/v1/jobs/{jobId}/cancel", operation_id = "cancelJob", tag = "jobs", params(("jobId" = String, Path)),
    responses((status = 200, description = "It is cancelled", body = JobDocument),
              (status = 202, description = "Its worker was told to stop", body = JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn cancel(AnyKey(tenant): AnyKey, Path(id): Path<JobId>) -> Result<Response, Problem> {
    let status = match tenant.cancel(&id).await? {
        CancelAnswer::Cancelled | CancelAnswer::Over(JobStatus::Cancelled) => StatusCode::OK,
        CancelAnswer::Cancelling => StatusCode::ACCEPTED,
        CancelAnswer::Over(status) => {
            return Err(Problem::new(ProblemCode::Conflict, format!("the job is over: {status}")));
        }
        CancelAnswer::TooLate => return Err(too_late()),
        CancelAnswer::Missing => return Err(no_job(&id)),
    };
    Ok((status, Json(tenant.job(&id).await?)).into_response())
}

/// Puts a failed job back into its queue, with all its attempts.
#[utoipa::path(
    post, path = "/api/v1/jobs/{jobId}/retry", operation_id = "retryJob", tag = "jobs", params(("jobId" = String, Path)),
    responses((status = 202, description = "It waits for a worker again", body = JobDocument), WriteProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn retry(AnyKey(tenant): AnyKey, Path(id): Path<JobId>) -> Result<Response, Problem> {
    let conflict = |text: String| Err(Problem::new(ProblemCode::Conflict, text));
    match tenant.retry(&id).await? {
        RetryAnswer::Queued => {}
        RetryAnswer::NotFailed(status) => {
            return conflict(format!("only failed jobs are tried again; this one is {status}"));
        }
        RetryAnswer::Gone => {
            return conflict(String::from("the queue does not keep this job's ticket any more; ask anew"));
        }
        RetryAnswer::Missing => return Err(no_job(&id)),
    }
    let view = tenant.job(&id).await?;
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    if let Ok(location) = HeaderValue::from_str(&answer::job_path(&id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Most lines that a job's log keeps (`queue::Delivery::log`); no cursor is larger.
const MOST_LOG_LINES: usize = 1000;

/// Which lines of a log.
#[derive(Debug)]
struct LogQuery {
    start: usize,
    limit: usize,
}

impl FromQuery for LogQuery {
    fn read(query: &mut QueryFields) -> Self {
        let start = query.parsed("cursor", |text| {
            let start = text.parse::<usize>().ok().filter(|start| *start <= MOST_LOG_LINES);
            start.ok_or("is not a cursor of this list")
        });
        Self { start: start.unwrap_or(0), limit: query.limit() }
    }
}

/// Lines of a job's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LogPage {
    /// The lines, oldest first.
    data: Vec<String>,
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// What the job and its addon wrote down.
#[utoipa::path(
    get, path = "/api/v1/jobs/{jobId}/logs", operation_id = "getJobLogs", tag = "jobs",
    params(("jobId" = String, Path), ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = LogPage), ReadProblems),
    security(("bearer" = []), ("apiKey" = [])),
)]
async fn logs(
    AnyKey(tenant): AnyKey,
    Path(id): Path<JobId>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Problem> {
    let data = tenant.logs(&id, query.start, query.limit).await?;
    let next_cursor = (data.len() == query.limit).then(|| (query.start + data.len()).to_string());
    Ok(Json(LogPage { data, next_cursor }).into_response())
}
