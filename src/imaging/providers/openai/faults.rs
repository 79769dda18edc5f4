//! What an answer that is no success means.

use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;

use crate::clock;
use crate::imaging::error::ProviderError;
use crate::imaging::provider::HttpAnswer;

/// Codes and types with which the API and its lookalikes say that their rules forbid a picture.
const REFUSALS: [&str; 5] = [
    "content_policy_violation",
    "moderation_blocked",
    "image_generation_user_error",
    "content_filter",
    "contentFilter",
];

/// Codes for an account that is used up; they come with 429 or 400.
const NO_CREDIT: [&str; 2] = ["insufficient_quota", "billing_hard_limit_reached"];

/// Longest text of a server's own that we pass on, in characters.
const MAX_MESSAGE_CHARS: usize = 300;

#[derive(Default, Deserialize)]
struct WireFault {
    #[serde(default)]
    error: WireError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<serde_json::Value>,
}

impl WireError {
    /// The first of `known` that the error's code or type is.
    fn one_of<'a>(&self, known: &[&'a str]) -> Option<&'a str> {
        let code = self.code.as_ref().and_then(serde_json::Value::as_str);
        known.iter().find(|word| code == Some(**word) || self.kind.as_deref() == Some(**word)).copied()
    }
}

/// The error behind an answer whose status is not 2xx.
pub(super) fn of(answer: &HttpAnswer) -> ProviderError {
    let status = answer.status;
    // A lookalike may answer in any shape: what cannot be read counts as nothing said.
    let error = serde_json::from_slice::<WireFault>(&answer.body).unwrap_or_default().error;
    if matches!(status, 400 | 403 | 422) {
        if let Some(reason) = error.one_of(&REFUSALS) {
            return ProviderError::Refused { reason: reason.to_owned() };
        }
    }
    if matches!(status, 400 | 402 | 429) && (status == 402 || error.one_of(&NO_CREDIT).is_some()) {
        return ProviderError::NoCredit;
    }
    match status {
        401 | 403 => ProviderError::KeyRefused { status },
        429 => ProviderError::SlowDown { after: retry_after(answer) },
        408 | 409 | 425 | 500..=599 => ProviderError::Trouble { status, after: retry_after(answer) },
        300..=399 => ProviderError::BadRequest { status, message: String::from("redirects are not followed") },
        _ => ProviderError::BadRequest { status, message: shown(error.message.as_deref()) },
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn retry_after(answer: &HttpAnswer) -> Option<Duration> {
    if let Some(millis) = answer.header("retry-after-ms").and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.to_utc() - clock::now()).to_std().unwrap_or_default())
}

fn shown(message: Option<&str>) -> String {
    match message {
        None | Some("") => String::from("it does not say why"),
        Some(text) => text.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpAnswer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        HttpAnswer { status, headers, body: body.to_owned().into() }
    }

    #[test]
    fn a_wish_to_wait_is_read_in_each_of_its_forms() {
        for (header, seconds) in [(("retry-after", "7"), 7), (("retry-after-ms", "9000"), 9)] {
            assert_eq!(retry_after(&answer(429, &[header], "")), Some(Duration::from_secs(seconds)));
        }
        let at = (clock::now() + TimeDelta::seconds(100)).to_rfc2822();
        let wish = retry_after(&answer(429, &[("retry-after", &at)], ""));
        assert!(wish.is_some_and(|wish| (90..=100).contains(&wish.as_secs())), "{wish:?}");
        assert_eq!(retry_after(&answer(429, &[("retry-after", "soon")], "")), None);
        let past = answer(429, &[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], "");
        assert_eq!(retry_after(&past), Some(Duration::ZERO));
    }

    #[test]
    fn what_a_server_says_about_a_key_is_not_repeated() {
        let said = of(&answer(401, &[], r#"{"error":{"message":"Incorrect API key provided: sk-secret"}}"#));
        assert!(!said.to_string().contains("secret"));
    }

    #[test]
    fn a_fault_in_an_unknown_shape_is_still_a_fault() {
        for body in ["", "<html>", "{\"error\":\"text\"}", "{\"detail\":[]}", "[1]"] {
            assert!(matches!(of(&answer(400, &[], body)), ProviderError::BadRequest { status: 400, .. }), "{body}");
        }
    }
}
