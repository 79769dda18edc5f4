//! Answers that several routes give: a job was accepted, a job as it is, a list.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::prefer::Prefer;
use super::problem::{Problem, ProblemCode};
use super::state::ApiState;
use crate::model::digest::Digest;
use crate::model::id::{ClientId, JobId};
use crate::work::{JobView, Submitted};

/// A job was accepted; it runs later.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The job.
    #[schema(example = "img_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    pub job_id: String,
    /// Where it stands.
    #[schema(example = "queued")]
    pub status: &'static str,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Where its state is read.
    #[schema(example = "/api/v1/jobs/img_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    pub status_url: String,
    /// Where its events stream.
    pub events_url: String,
    /// Where it is cancelled.
    pub cancel_url: String,
    /// How many jobs wait before it, where that is cheap to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// The chat, echoed or made; chat only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The chat message; chat only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
}

impl Accepted {
    fn of(submitted: &Submitted, chat: Chat) -> Self {
        let status_url = job_path(&submitted.job_id);
        Self {
            job_id: submitted.job_id.to_string(),
            status: submitted.status.as_str(),
            created_at: submitted.created_at,
            events_url: format!("{status_url}/events"),
            cancel_url: format!("{status_url}/cancel"),
            status_url,
            queue_position: submitted.queue_position,
            session_id: chat.session_id,
            message_id: chat.message_id,
        }
    }
}

/// The ids of a chat that an answer carries.
#[derive(Debug, Default)]
pub(super) struct Chat {
    /// The session.
    pub(super) session_id: Option<String>,
    /// The message.
    pub(super) message_id: Option<String>,
}

/// Where a job is read.
pub(super) fn job_path(id: &JobId) -> String {
    format!("/api/v1/jobs/{id}")
}

/// 202 with links, or, where the client prefers to wait, 200 with the finished job.
///
/// # Errors
/// 503 when the job cannot be watched.
pub(super) async fn submitted(
    state: &ApiState,
    client: &ClientId,
    submitted: &Submitted,
    prefer: Prefer,
    chat: Chat,
) -> Result<Response, Problem> {
    let mut response = match waited(state, client, &submitted.job_id, prefer).await? {
        Some((view, wait)) => {
            let mut response = job(&view, &HeaderMap::new())?;
            if let Ok(applied) = HeaderValue::from_str(&format!("wait={}", wait.as_secs())) {
                response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
            }
            response
        }
        None => {
            let mut response = (StatusCode::ACCEPTED, Json(Accepted::of(submitted, chat))).into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
    };
    if let Ok(location) = HeaderValue::from_str(&job_path(&submitted.job_id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if submitted.is_replay {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The job, where the client prefers to wait and it ends in time; a server that stops lets nobody wait.
async fn waited(
    state: &ApiState,
    client: &ClientId,
    id: &JobId,
    prefer: Prefer,
) -> Result<Option<(JobView, Duration)>, Problem> {
    let Some(wait) = prefer.wait else { return Ok(None) };
    let view = tokio::select! {
        view = state.work().wait(client, id, wait) => view?,
        () = state.stop.fired() => None,
    };
    Ok(view.filter(|view| view.status.is_finished()).map(|view| (view, wait)))
}

/// 200 with the job and its `ETag`, or 304.
///
/// # Errors
/// When the job cannot be written as JSON.
pub(super) fn job(view: &JobView, fields: &HeaderMap) -> Result<Response, Problem> {
    tagged(view, fields)
}

/// 200 with a document and an `ETag` of its bytes, or 304 where the client has them.
///
/// # Errors
/// When the document cannot be written as JSON.
pub(super) fn tagged<T: Serialize>(document: &T, fields: &HeaderMap) -> Result<Response, Problem> {
    let body = serde_json::to_vec(document)
        .map_err(|error| Problem::internal().because(format!("writing an answer: {error}")))?;
    let digest = Digest::of(&body).hex();
    let tag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest));
    let kind = HeaderValue::from_static("application/json");
    let mut response = if is_known(fields, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, kind)], body).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    Ok(response)
}

/// Whether `If-None-Match` names the tag; weak and strong tags count as equal there (RFC 9110).
pub(super) fn is_known(fields: &HeaderMap, tag: &str) -> bool {
    fields
        .get_all(header::IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// A list without further pages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whole<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Whole<T> {
    /// All there is.
    pub(super) const fn of(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

/// The job has done what it was asked for, and only its end is still to be written.
pub(super) fn too_late() -> Problem {
    let message = "the job has just done what it was asked for and cannot be stopped any more; GET it for how it ends";
    Problem::new(ProblemCode::Conflict, message)
}

/// There is no such job, or it is another client's.
pub(super) fn no_job(id: &JobId) -> Problem {
    Problem::new(ProblemCode::JobNotFound, format!("there is no job `{id}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_is_found_among_others() {
        for (text, expected) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false)]
        {
            let mut fields = HeaderMap::new();
            fields.insert(header::IF_NONE_MATCH, HeaderValue::from_static(text));
            assert_eq!(is_known(&fields, "\"a\""), expected, "{text}");
        }
    }
}
