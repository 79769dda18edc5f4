//! The registry of everything an HTTP answer can be that is not success.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};

/// A stable code that a client's program branches on; never renamed (`api.md`, “Answers that are not success”).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemCode {
    /// The body is not JSON.
    MalformedJson,
    /// The form is not one.
    MalformedForm,
    /// There is no usable key.
    Unauthenticated,
    /// The key may not do this.
    Forbidden,
    /// Nothing is there, or nothing that this key may see.
    NotFound,
    /// No such job for this client.
    JobNotFound,
    /// No such addon or version.
    AddonNotFound,
    /// The path knows other methods.
    MethodNotAllowed,
    /// The client accepts nothing that this path can answer with.
    NotAcceptable,
    /// The resource is in a state that does not allow this.
    Conflict,
    /// The version was published with other bytes.
    VersionExists,
    /// The addon is known for this user, but does not run.
    AddonNotEnabled,
    /// The addon's version is blocked.
    AddonBlocked,
    /// The resource is not what `If-Match` expects.
    PreconditionFailed,
    /// The body is larger than this path takes.
    PayloadTooLarge,
    /// The body's media type is not one that this path takes.
    UnsupportedMediaType,
    /// The asked range lies outside the bytes.
    RangeNotSatisfiable,
    /// The input breaks rules; `errors` lists every fault.
    ValidationError,
    /// The idempotency key was used with another body.
    IdempotencyMismatch,
    /// The header fields are too many or too large.
    HeadersTooLarge,
    /// Too many requests.
    RateLimited,
    /// The queue is away or full.
    QueueUnavailable,
    /// All places for uploads are taken.
    UploadsBusy,
    /// A fault of ours.
    Internal,
}

impl ProblemCode {
    /// Every code there is.
    pub const ALL: [Self; 24] = [
        Self::MalformedJson,
        Self::MalformedForm,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::JobNotFound,
        Self::AddonNotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::Conflict,
        Self::VersionExists,
        Self::AddonNotEnabled,
        Self::AddonBlocked,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::RangeNotSatisfiable,
        Self::ValidationError,
        Self::IdempotencyMismatch,
        Self::HeadersTooLarge,
        Self::RateLimited,
        Self::QueueUnavailable,
        Self::UploadsBusy,
        Self::Internal,
    ];

    /// The code as clients read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "MALFORMED_JSON",
            Self::MalformedForm => "MALFORMED_FORM",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::JobNotFound => "JOB_NOT_FOUND",
            Self::AddonNotFound => "ADDON_NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::Conflict => "CONFLICT",
            Self::VersionExists => "VERSION_EXISTS",
            Self::AddonNotEnabled => "ADDON_NOT_ENABLED",
            Self::AddonBlocked => "ADDON_BLOCKED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::UnsupportedMediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::RangeNotSatisfiable => "RANGE_NOT_SATISFIABLE",
            Self::ValidationError => "VALIDATION_ERROR",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::HeadersTooLarge => "HEADERS_TOO_LARGE",
            Self::RateLimited => "RATE_LIMITED",
            Self::QueueUnavailable => "QUEUE_UNAVAILABLE",
            Self::UploadsBusy => "UPLOADS_BUSY",
            Self::Internal => "INTERNAL",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson | Self::MalformedForm => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::JobNotFound | Self::AddonNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict | Self::VersionExists | Self::AddonNotEnabled | Self::AddonBlocked => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::ValidationError | Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::QueueUnavailable | Self::UploadsBusy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The short name for people: the same words for every occurrence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not JSON",
            Self::MalformedForm => "The body is not a form",
            Self::Unauthenticated => "A valid key is needed",
            Self::Forbidden => "The key may not do this",
            Self::NotFound => "Nothing is here",
            Self::JobNotFound => "There is no such job",
            Self::AddonNotFound => "There is no such addon",
            Self::MethodNotAllowed => "The path does not know this method",
            Self::NotAcceptable => "None of the accepted media types can be served",
            Self::Conflict => "The current state does not allow this",
            Self::VersionExists => "The version exists with other bytes",
            Self::AddonNotEnabled => "The addon does not run for this user",
            Self::AddonBlocked => "The addon is blocked",
            Self::PreconditionFailed => "The resource has changed",
            Self::PayloadTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The media type is not supported",
            Self::RangeNotSatisfiable => "The range lies outside the bytes",
            Self::ValidationError => "The request breaks rules",
            Self::IdempotencyMismatch => "The idempotency key belongs to another request",
            Self::HeadersTooLarge => "The header fields are too large",
            Self::RateLimited => "Too many requests",
            Self::QueueUnavailable => "The queue cannot take work right now",
            Self::UploadsBusy => "All places for uploads are taken",
            Self::Internal => "Something went wrong on our side",
        }
    }

    /// What to do about it: the text of the problem's page.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MalformedJson => {
                "The body could not be read as JSON; `detail` names line and column. Send UTF-8 JSON."
            }
            Self::MalformedForm => {
                "The body could not be read as `multipart/form-data`: send the boundary that `Content-Type` names, and end with `--boundary--`."
            }
            Self::Unauthenticated => {
                "Send a key as `Authorization: Bearer <key>` or `X-API-Key: <key>`. `detail` says what is wrong with a key that was sent: mistyped, unknown here, revoked or expired."
            }
            Self::Forbidden => {
                "The key is valid but lacks the scope, or the namespace, that this path needs, or its client is suspended. `detail` says which."
            }
            Self::NotFound => {
                "The path or the record does not exist, or it belongs to another client, which looks the same on purpose."
            }
            Self::JobNotFound => {
                "No job with this id belongs to the key's client. Finished jobs are kept for a time and then forgotten."
            }
            Self::AddonNotFound => "The registry has no such addon or version, or the user has no such enablement.",
            Self::MethodNotAllowed => "The field `Allow` lists the methods that this path knows.",
            Self::NotAcceptable => "Send `Accept: application/json`, the route's media type, or no `Accept` at all.",
            Self::Conflict => {
                "Another change is on its way, or the state does not allow this one. Read the resource, then decide. With `Retry-After` the same request may simply be repeated."
            }
            Self::VersionExists => {
                "A published version never changes. Raise the version in the manifest and publish again."
            }
            Self::AddonNotEnabled => {
                "Actions run while the enablement is `enabled`. Read it: it says what it waits for or how it failed."
            }
            Self::AddonBlocked => {
                "An admin blocked this version, its publisher's key was revoked, or it crashed too often; `detail` says why. Nothing of it runs until that is taken back. Another version may be free: `GET /addons/{addonId}` lists them."
            }
            Self::PreconditionFailed => "Read the resource again, apply the change to it and send its new `ETag`.",
            Self::PayloadTooLarge => "`detail` names the limit. Addons: leave debug information out of the component.",
            Self::UnsupportedMediaType => "`detail` names the media types that this path takes.",
            Self::RangeNotSatisfiable => "`Content-Range` names the full length. Ask for a range inside it.",
            Self::ValidationError => {
                "`errors` lists every fault at once: a JSON Pointer into the body (or, with `in`, into header, query or path) and a message. Unknown fields are faults, so that a typo is seen."
            }
            Self::IdempotencyMismatch => {
                "The same `Idempotency-Key` was used with another body within 24 hours. Use a fresh key for a new request."
            }
            Self::HeadersTooLarge => "`detail` names the limit. Send fewer or shorter header fields.",
            Self::RateLimited => {
                "`detail` names the limit. Wait for as long as `Retry-After` says; the fields `RateLimit-Policy` and `RateLimit` of every answer tell the limits and what is left of them."
            }
            Self::QueueUnavailable => {
                "Redis is away or full. Nothing was accepted; repeat the same request after `Retry-After`, best with an `Idempotency-Key`."
            }
            Self::UploadsBusy => {
                "Uploads are held in memory, so only a few are taken at once. Nothing was read; repeat the same request after `Retry-After`."
            }
            Self::Internal => {
                "Quote `requestId`: the operator's log has the cause under it. Repeating the request may help."
            }
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::QueueUnavailable | Self::UploadsBusy | Self::Internal => true,
            Self::MalformedJson
            | Self::MalformedForm
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::JobNotFound
            | Self::AddonNotFound
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::Conflict
            | Self::VersionExists
            | Self::AddonNotEnabled
            | Self::AddonBlocked
            | Self::PreconditionFailed
            | Self::PayloadTooLarge
            | Self::UnsupportedMediaType
            | Self::RangeNotSatisfiable
            | Self::ValidationError
            | Self::HeadersTooLarge
            | Self::IdempotencyMismatch => false,
        }
    }

    /// The last part of the problem's `type`, such as `validation-error`.
    #[must_use]
    pub fn slug(self) -> String {
        self.as_str().to_ascii_lowercase().replace('_', "-")
    }

    /// Finds a code by what clients read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// Finds a code by the last part of its `type`.
    #[must_use]
    pub fn by_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.slug() == slug)
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_differ_and_are_found_by_their_slug() {
        let codes: HashSet<_> = ProblemCode::ALL.into_iter().map(ProblemCode::as_str).collect();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert_eq!(ProblemCode::by_slug(&code.slug()), Some(code));
        }
        assert_eq!(ProblemCode::by_slug("nothing"), None);
    }
}
