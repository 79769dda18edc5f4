//! `Accept`: a client that can read nothing we have is told so before anything happens.

use axum::http::{HeaderMap, header};

use crate::api::problem::{Problem, ProblemCode};

/// Routes of the API that answer with something else than JSON.
const OTHERS: [(&str, &str); 4] = [
    ("/api/v1/jobs/{jobId}/events", "text/event-stream"),
    ("/api/v1/artifacts/{artifactId}", "*/*"),
    ("/api/v1/addons/{addonId}/versions/{version}/component", "application/wasm"),
    ("/api/v1/addons/{addonId}/download", "application/wasm"),
];

/// The refusal, where the route has nothing that the client accepts.
pub(super) fn refusal(route: &str, fields: &HeaderMap) -> Option<Problem> {
    let accept = fields.get(header::ACCEPT)?;
    if !route.starts_with("/api/") {
        return None;
    }
    let served = OTHERS.iter().find(|(other, _)| *other == route).map_or("application/json", |(_, served)| *served);
    let accepted = accept.to_str().unwrap_or("*/*");
    if accepts(accepted, served) {
        return None;
    }
    Some(Problem::new(ProblemCode::NotAcceptable, format!("this path answers with {served}")))
}

fn accepts(accepted: &str, served: &str) -> bool {
    let (served_kind, _) = served.split_once('/').unwrap_or((served, ""));
    accepted.trim().is_empty()
        || served == "*/*"
        || accepted.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next().unwrap_or("");
            let is_never = parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>() == Ok(0.0)));
            let is_kind =
                range.strip_suffix("/*").is_some_and(|kind| kind == "*" || kind.eq_ignore_ascii_case(served_kind));
            // Who reads problems reads JSON.
            let is_problem = served == "application/json" && range.eq_ignore_ascii_case("application/problem+json");
            !is_never && (is_kind || is_problem || range.eq_ignore_ascii_case(served))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_what_it_names() {
        for (accepted, expected) in [
            ("*/*", true),
            ("application/json", true),
            ("text/html, application/*;q=0.5", true),
            ("application/problem+json", true),
            ("text/html", false),
            ("application/json;q=0", false),
            ("application/xml, text/plain", false),
        ] {
            assert_eq!(accepts(accepted, "application/json"), expected, "{accepted}");
        }
    }
}
