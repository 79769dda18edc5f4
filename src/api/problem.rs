//! What a client gets instead of success: RFC 9457 `application/problem+json`.
//!
//! A handler returns a [`Problem`]; the outermost layer writes its body, because
//! only there the request's id is known for every road that leads to an answer.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use super::problem_code::ProblemCode;

/// The media type of every problem.
pub const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Where in the request a fault is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the JSON body.
    #[default]
    Body,
    /// In the query string.
    Query,
    /// In the path.
    Path,
    /// In a header field.
    Header,
}

impl Place {
    fn is_body(&self) -> bool {
        *self == Self::Body
    }
}

/// One fault of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON Pointer to what is wrong; for query, path and header it is `/` and the name.
    #[schema(example = "/imageGeneration/count")]
    pub pointer: String,
    /// What is wrong with it.
    #[schema(example = "must be 1-4")]
    pub message: String,
    /// Where the pointer points into; left out for the body.
    #[serde(rename = "in", skip_serializing_if = "Place::is_body")]
    pub place: Place,
}

impl Fault {
    /// A fault of the body.
    #[must_use]
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), place: Place::Body }
    }

    /// A fault of the parameter or header called `name`.
    #[must_use]
    pub fn of(place: Place, name: &str, message: impl Into<String>) -> Self {
        Self { pointer: format!("/{name}"), message: message.into(), place }
    }
}

/// An answer that is not success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: ProblemCode,
    detail: Cow<'static, str>,
    faults: Vec<Fault>,
    retry_after: Option<Duration>,
    fields: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Box<str>>,
}

impl Problem {
    /// A problem with a sentence about this occurrence.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), faults: Vec::new(), retry_after: None, fields: Vec::new(), cause: None }
    }

    /// The input is at fault, in all these ways.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [only] => Cow::Owned(format!("`{}` {}", only.pointer, only.message)),
            all => Cow::Owned(format!("{} faults, see `errors`", all.len())),
        };
        Self { faults, ..Self::new(ProblemCode::ValidationError, detail) }
    }

    /// There is no usable key.
    #[must_use]
    pub fn unauthenticated(detail: &'static str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"semantest\"");
        Self::new(ProblemCode::Unauthenticated, detail).with_field(header::WWW_AUTHENTICATE, challenge)
    }

    /// A fault of ours; the cause stays in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ProblemCode::Internal, "the operator's log has the cause under the request id")
    }

    /// The queue or its store is away: nothing was accepted.
    #[must_use]
    pub fn queue_unavailable() -> Self {
        Self::new(ProblemCode::QueueUnavailable, "the queue cannot be reached or is full; nothing was accepted")
            .retry_after(Duration::from_secs(1))
    }

    /// The same problem, worth repeating after `wait`.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The same problem with one more header field.
    #[must_use]
    pub fn with_field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same problem with what was behind it: for the log, never for the client.
    #[must_use]
    pub fn because(self, cause: impl Into<Box<str>>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// What was behind it, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> ProblemCode {
        self.code
    }

    /// The faults of the input.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The body, for the layer that knows the request's id.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let document = ProblemDocument {
            kind: format!("/problems/{}", self.code.slug()),
            title: Cow::Borrowed(self.code.title()),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: Cow::Borrowed(self.code.as_str()),
            request_id: request_id.to_owned(),
            retryable: self.code.is_retryable() || self.retry_after.is_some(),
            errors: self.faults.clone(),
        };
        // Strings and numbers only: writing them cannot fail, and an empty body is still a truthful status.
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if let Some(wait) = self.retry_after {
            fields.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        for (name, value) in &self.fields {
            fields.insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// An answer that is not success (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// A page about this kind of problem, served by the same server.
    #[serde(rename = "type")]
    #[schema(example = "/problems/validation-error")]
    kind: String,
    /// The kind of problem, in words that never change.
    #[schema(value_type = String)]
    title: Cow<'static, str>,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    #[schema(value_type = String)]
    detail: Cow<'static, str>,
    /// The stable code to branch on.
    #[schema(schema_with = super::code_schemas::problem_codes)]
    code: Cow<'static, str>,
    /// What to quote to the operator.
    request_id: String,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// Every fault of the input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_carries_code_type_and_request_id() {
        let problem = Problem::invalid(vec![Fault::at("/prompt", "is required"), Fault::at("/x", "unknown field")]);
        let body: serde_json::Value = serde_json::from_slice(&problem.body("req-1")).unwrap_or_default();
        assert_eq!(body.get("type"), Some(&"/problems/validation-error".into()));
        assert_eq!(body.get("requestId"), Some(&"req-1".into()));
        assert_eq!(body.pointer("/errors/1/pointer"), Some(&"/x".into()));
        assert_eq!(body.get("retryable"), Some(&false.into()));
    }

    #[test]
    fn a_problem_that_says_when_is_retryable() {
        let problem = Problem::new(ProblemCode::Conflict, "busy").retry_after(Duration::from_secs(1));
        let response = problem.into_response();
        assert_eq!(response.headers().get(header::RETRY_AFTER), Some(&HeaderValue::from(1)));
    }
}
