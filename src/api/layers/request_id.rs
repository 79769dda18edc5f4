//! The name of one request, in and out.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use ulid::Ulid;

/// Longest id that is taken over from a client; it ends up in every log line.
const MAX_CHARS: usize = 128;

/// The request's id: the client's `X-Request-Id` where it is harmless, else a fresh one.
#[derive(Clone, Debug)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Reads the id, or makes one.
    pub(super) fn of(fields: &HeaderMap) -> Self {
        let given = fields.get("x-request-id").and_then(|value| value.to_str().ok()).filter(|text| is_harmless(text));
        match given {
            Some(text) => Self(text.into()),
            None => Self(format!("req_{}", Ulid::generate()).into()),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header's value.
    pub(super) fn value(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_harmless(text: &str) -> bool {
    (1..=MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:~+=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_id_is_kept_and_a_hostile_one_replaced() {
        for (text, is_kept) in [("abc-123", true), ("a b", false), ("<script>", false)] {
            let mut fields = HeaderMap::new();
            fields.insert("x-request-id", HeaderValue::from_static(text));
            assert_eq!(RequestId::of(&fields).as_str() == text, is_kept, "{text}");
        }
        let mut fields = HeaderMap::new();
        fields.insert("x-request-id", HeaderValue::from_str(&"x".repeat(129)).unwrap());
        assert!(RequestId::of(&fields).as_str().starts_with("req_"));
    }
}
