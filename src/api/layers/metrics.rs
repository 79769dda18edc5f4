//! Counts answers and their times, by route: never by path, which a client chooses.

use std::time::Duration;

use axum::http::{Method, StatusCode};

/// Records one answer; the time ends when its head is ready.
pub(super) fn record(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let labels =
        [("method", String::from(known(method))), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::histogram!("semantest_http_request_seconds", &labels).record(took.as_secs_f64());
}

/// A method's name; those that nobody routes are one label, since a client may invent them.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}
