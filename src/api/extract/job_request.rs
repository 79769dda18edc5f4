//! A request for a job: its body with the job options, and the headers that say how it is answered.

use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;

use super::body;
use super::caller::Caller;
use super::fields::{Fields, read_object};
use super::job_options::RawOptions;
use super::prefer::Prefer;
use super::{idempotency, trace};
use crate::api::problem::Problem;
use crate::api::state::ApiState;
use crate::model::id::UserId;
use crate::work::{Admission, IdempotencyKey, JobOptions};

/// A request for a job; the body's own members are read into `T`.
#[derive(Debug)]
pub struct JobRequest<T> {
    /// What is to be done.
    pub body: T,
    /// What is said about the job itself.
    pub options: JobOptions,
    /// The client's name for this request.
    pub idempotency: Option<IdempotencyKey>,
    /// Whether to wait for the end.
    pub prefer: Prefer,
    /// The caller's trace.
    pub traceparent: Option<String>,
}

/// A body that makes a job.
pub trait FromJobFields: Sized {
    /// Whether the body may be left out, as `DELETE` has none.
    const MAY_BE_EMPTY: bool = false;

    /// For whom the job is, where the body says so: their requests may have a limit of their own.
    fn user(&self) -> Option<&UserId> {
        None
    }

    /// Reads the members; `options` is for bodies that carry job options in a second place.
    fn read(fields: &mut Fields<'_>, options: &mut RawOptions) -> Option<Self>;
}

impl<T: FromJobFields> FromRequest<ApiState> for JobRequest<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, content) = request.into_parts();
        let bytes = if T::MAY_BE_EMPTY && body::media_type(&parts.headers).is_empty() {
            body::collect(&parts.headers, content, state.config.server.json_limit).await?
        } else {
            body::json_bytes(&parts.headers, content, state.config.server.json_limit).await?
        };
        let value = if T::MAY_BE_EMPTY && bytes.is_empty() {
            serde_json::Value::Object(serde_json::Map::new())
        } else {
            body::parse(&bytes)?
        };
        let mut faults = Vec::new();
        let idempotency = idempotency::of_request(&parts, &bytes).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let read = read_object(value, String::new(), &mut faults, |fields| {
            let mut raw = RawOptions::default();
            raw.take(fields);
            let body = T::read(fields, &mut raw);
            let options = raw.read(fields, &|url| {
                state.services.webhooks.check_target(url.as_str()).map_err(|error| error.to_string())
            });
            body.map(|body| (body, options))
        });
        let (body, mut options) = body::done(read, faults)?;
        options.admission = admission(&parts, body.user());
        Ok(Self {
            body,
            options,
            idempotency,
            prefer: Prefer::of(&parts.headers),
            traceparent: trace::traceparent(&parts.headers).map(str::to_owned),
        })
    }
}

/// Where the request counts, once it is known for whom it is.
fn admission(parts: &Parts, user: Option<&UserId>) -> Option<Admission> {
    let admission = parts.extensions.get::<Admission>()?;
    if let (Some(user), Some(caller)) = (user, parts.extensions.get::<Caller>()) {
        admission.is_for(caller.client(), user);
    }
    Some(admission.clone())
}

/// No members of its own: only job options.
#[derive(Clone, Copy, Debug)]
pub struct OptionsOnly;

impl FromJobFields for OptionsOnly {
    const MAY_BE_EMPTY: bool = true;

    fn read(_fields: &mut Fields<'_>, _options: &mut RawOptions) -> Option<Self> {
        Some(Self)
    }
}

/// The headers of a request for a job whose body is not JSON.
#[derive(Debug)]
pub struct JobHeaders {
    /// The client's name for this request; the body's fingerprint is still to be set.
    pub idempotency: Option<IdempotencyKey>,
    /// Whether to wait for the end.
    pub prefer: Prefer,
}

impl JobHeaders {
    /// Reads the headers for a body that was read as `bytes`.
    ///
    /// # Errors
    /// The problem that names a bad `Idempotency-Key`.
    pub fn of(parts: &Parts, bytes: &[u8]) -> Result<Self, Problem> {
        let idempotency = idempotency::of_request(parts, bytes).map_err(|fault| Problem::invalid(vec![fault]))?;
        Ok(Self { idempotency, prefer: Prefer::of(&parts.headers) })
    }
}
