//! `Prefer: wait=N`: wait a little for the end instead of polling (RFC 7240).

use std::time::Duration;

use axum::http::HeaderMap;

/// Shortest and longest wait, in seconds (`api.md`).
const WAIT_SECONDS: (u64, u64) = (1, 60);

/// What the client would like about the way it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// How long to wait for the end of the job.
    pub wait: Option<Duration>,
}

impl Prefer {
    /// Reads every `Prefer` field. What cannot be understood is ignored, as RFC 7240 asks; a wait is clamped to 1–60 s.
    #[must_use]
    pub fn of(fields: &HeaderMap) -> Self {
        let wait = fields
            .get_all("prefer")
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split([',', ';']))
            .find_map(|preference| {
                let (name, value) = preference.split_once('=')?;
                if !name.trim().eq_ignore_ascii_case("wait") {
                    return None;
                }
                value.trim().trim_matches('"').parse::<u64>().ok()
            });
        Self { wait: wait.map(|seconds| Duration::from_secs(seconds.clamp(WAIT_SECONDS.0, WAIT_SECONDS.1))) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_wait_is_found_and_clamped() {
        for (text, expected) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("Wait = \"7\"; x=y", Some(7)),
            ("wait=0", Some(1)),
            ("wait=900", Some(60)),
            ("wait=soon", None),
            ("wait", None),
            ("await=3", None),
            ("", None),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert("prefer", HeaderValue::from_static(text));
            assert_eq!(Prefer::of(&fields).wait, expected.map(Duration::from_secs), "{text}");
        }
    }
}
