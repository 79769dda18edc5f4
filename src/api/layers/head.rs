//! How large a request's head may be. The connection itself takes no more than 100 fields and some 400 KB; this asks for less.

use axum::http::HeaderMap;

use crate::api::problem::{Problem, ProblemCode};
use crate::config::limits::LimitSettings;

/// The refusal, where the header fields are too many or too large.
pub(super) fn refusal(fields: &HeaderMap, settings: &LimitSettings) -> Option<Problem> {
    let most = u64::from(settings.header_fields);
    if fields.len() as u64 > most {
        return Some(too_large(format!("the request has {} header fields, and may have {most}", fields.len())));
    }
    let bytes: usize = fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes as u64 > settings.header_bytes.as_u64() {
        let most = settings.header_bytes;
        return Some(too_large(format!("the header fields have {bytes} bytes, and may have {most}")));
    }
    None
}

fn too_large(detail: String) -> Problem {
    Problem::new(ProblemCode::HeadersTooLarge, detail)
}
