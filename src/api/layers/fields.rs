//! The header fields that every answer carries.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

use super::RequestId;

/// Fields that keep a browser from being clever with our answers; a handler that needs another value sets it itself.
const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Adds the request's id and the defaults.
pub(super) fn add(response: &mut Response, id: &RequestId) {
    let fields = response.headers_mut();
    if let Some(value) = id.value() {
        fields.insert(HeaderName::from_static("x-request-id"), value);
    }
    for (name, value) in DEFAULTS {
        fields.entry(name).or_insert(value);
    }
}
