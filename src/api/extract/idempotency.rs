//! `Idempotency-Key`: the client's name for one logical request, bare or quoted.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use crate::api::problem::{Fault, Place};
use crate::model::digest::Digest;
use crate::work::IdempotencyKey;

/// Longest key, in characters: a UUID several times over.
const MAX_KEY_CHARS: usize = 255;

/// The key as the client sent it, without the quotes that a structured field has.
///
/// # Errors
/// A [`Fault`] when the key is empty, too long, or not visible ASCII.
pub fn key_of(fields: &HeaderMap) -> Result<Option<&str>, Fault> {
    let fault = |message: &str| Fault::of(Place::Header, "Idempotency-Key", message);
    let mut values = fields.get_all("idempotency-key").into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(fault("must be sent once"));
    }
    let text = value.to_str().map_err(|_| fault("must be visible ASCII"))?.trim();
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > MAX_KEY_CHARS {
        return Err(fault("must be 1-255 characters"));
    }
    Ok(Some(key))
}

/// What the store needs to tell a repeat from another request: the key, the route, and a hash of the body.
///
/// # Errors
/// A [`Fault`] when the key cannot be used.
pub fn of_request(parts: &Parts, body: &[u8]) -> Result<Option<IdempotencyKey>, Fault> {
    Ok(key_of(&parts.headers)?.map(|key| IdempotencyKey {
        key: key.to_owned(),
        route: format!("{} {}", parts.method, parts.uri.path()),
        fingerprint: fingerprint(parts.uri.query().unwrap_or_default(), signature_of(&parts.headers), body),
    }))
}

/// The publisher's word about the body, where the request carries one.
fn signature_of(headers: &HeaderMap) -> &[u8] {
    headers.get("semantest-signature").map_or(b"", HeaderValue::as_bytes)
}

/// `?erase=true` makes another request of the same path and body, so the query counts too; so does another signature of
/// the same component.
fn fingerprint(query: &str, signature: &[u8], body: &[u8]) -> Digest {
    let parts: [&[u8]; 5] = [query.as_bytes(), b"\n", signature, b"\n", body];
    // A request without a signature reads as it did before there were any.
    Digest::of(&if signature.is_empty() { [query.as_bytes(), b"\n", body].concat() } else { parts.concat() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_bare_or_quoted() {
        for text in ["8e03978e-40d5", "\"8e03978e-40d5\"", "  8e03978e-40d5 "] {
            let mut fields = HeaderMap::new();
            fields.insert("idempotency-key", HeaderValue::from_static(text));
            assert_eq!(key_of(&fields), Ok(Some("8e03978e-40d5")), "{text}");
        }
        assert_eq!(key_of(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn another_query_is_another_request() {
        assert_ne!(fingerprint("", b"", b"{}"), fingerprint("erase=true", b"", b"{}"));
        assert_ne!(fingerprint("", b"", b"{}"), fingerprint("", b"one", b"{}"));
        assert_ne!(fingerprint("", b"one", b"{}"), fingerprint("", b"two", b"{}"));
        assert_eq!(fingerprint("erase=true", b"", b""), fingerprint("erase=true", b"", b""));
    }

    #[test]
    fn an_empty_or_long_key_is_a_fault() {
        for text in [String::new(), String::from("\"\""), "k".repeat(256)] {
            let mut fields = HeaderMap::new();
            fields.insert("idempotency-key", HeaderValue::from_str(&text).unwrap());
            assert!(key_of(&fields).is_err(), "{text}");
        }
    }
}
