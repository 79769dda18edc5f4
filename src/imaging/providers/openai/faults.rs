//! What an answer that is no success means.

use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;

use crate::clock;
use crate::imaging::error::ProviderError;
use crate::net::Answer;

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
pub(super) fn of(answer: &Answer) -> ProviderError {
    let header = |name| answer.headers.get(name);
    judge(answer.status, &answer.body, wish(header("retry-after-ms"), header("retry-after")))
}

fn judge(status: u16, body: &[u8], after: Option<Duration>) -> ProviderError {
    // A lookalike may answer in any shape: what cannot be read counts as nothing said.
    let error = serde_json::from_slice::<WireFault>(body).unwrap_or_default().error;
    if matches!(status, 400 | 403 | 422)
        && let Some(reason) = error.one_of(&REFUSALS)
    {
        return ProviderError::Refused { reason: reason.to_owned() };
    }
    if matches!(status, 400 | 402 | 429) && (status == 402 || error.one_of(&NO_CREDIT).is_some()) {
        return ProviderError::NoCredit;
    }
    match status {
        401 | 403 => ProviderError::KeyRefused { status },
        429 => ProviderError::SlowDown { after },
        408 | 409 | 425 | 500..=599 => ProviderError::Trouble { status, after },
        300..=399 => ProviderError::BadRequest { status, message: String::from("redirects are not followed") },
        _ => ProviderError::BadRequest { status, message: shown(error.message.as_deref()) },
    }
}

/// `retry-after-ms`, or `Retry-After` in seconds or as a date.
fn wish(millis: Option<&str>, text: Option<&str>) -> Option<Duration> {
    if let Some(millis) = millis.and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    let text = text?.trim();
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

    #[test]
    fn a_wish_to_wait_is_read_in_each_of_its_forms() {
        let at = (clock::now() + TimeDelta::seconds(100)).to_rfc2822();
        for (millis, text, from, to) in [
            (None, Some("7"), 7, 7),
            (Some("9000"), Some("1"), 9, 9),
            (None, Some(at.as_str()), 90, 100),
            (None, Some("Wed, 21 Oct 2015 07:28:00 GMT"), 0, 0),
        ] {
            let wish = wish(millis, text);
            assert!(wish.is_some_and(|wish| (from..=to).contains(&wish.as_secs())), "{text:?}: {wish:?}");
        }
        assert_eq!(wish(None, Some("soon")), None);
    }

    #[test]
    fn what_a_server_says_about_a_key_is_not_repeated() {
        let said = judge(401, br#"{"error":{"message":"Incorrect API key provided: sk-secret"}}"#, None);
        assert!(!said.to_string().contains("secret"));
    }

    #[test]
    fn a_fault_in_an_unknown_shape_is_still_a_fault() {
        for body in ["", "<html>", "{\"error\":\"text\"}", "{\"detail\":[]}", "[1]"] {
            let said = judge(400, body.as_bytes(), None);
            assert!(matches!(said, ProviderError::BadRequest { status: 400, .. }), "{body}");
        }
    }
}
