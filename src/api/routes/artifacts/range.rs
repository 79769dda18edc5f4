//! `Range`: one range of bytes; anything more is answered with the whole, as RFC 9110 allows.

use axum::http::{HeaderMap, header};

/// What of the bytes is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    Whole,
    /// From the first to the last, both included.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// A range that lies outside.
    Nothing,
}

/// Reads `Range`; `If-Range` with another tag makes it void.
pub(super) fn wanted(fields: &HeaderMap, tag: &str, size: u64) -> Wanted {
    let is_void = fields.get(header::IF_RANGE).is_some_and(|value| value.to_str().ok() != Some(tag));
    let text = fields.get(header::RANGE).and_then(|value| value.to_str().ok());
    match text.and_then(|text| text.trim().strip_prefix("bytes=")) {
        Some(range) if !is_void => one(range, size),
        Some(_) | None => Wanted::Whole,
    }
}

fn one(range: &str, size: u64) -> Wanted {
    let Some((from, to)) = range.split_once('-') else { return Wanted::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (from.trim(), to.trim()) {
        ("", suffix) => match number(suffix) {
            Some(0) => Wanted::Nothing,
            Some(_) if size == 0 => Wanted::Nothing,
            Some(length) => Wanted::Part { first: size.saturating_sub(length), last: size - 1 },
            None => Wanted::Whole,
        },
        (from, "") => match number(from) {
            Some(first) if first < size => Wanted::Part { first, last: size - 1 },
            Some(_) => Wanted::Nothing,
            None => Wanted::Whole,
        },
        (from, to) => match (number(from), number(to)) {
            (Some(first), Some(last)) if last < first => Wanted::Whole,
            (Some(first), Some(_)) if first >= size => Wanted::Nothing,
            (Some(first), Some(last)) => Wanted::Part { first, last: last.min(size - 1) },
            _ => Wanted::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_range_is_understood() {
        let part = |first, last| Wanted::Part { first, last };
        for (text, expected) in [
            ("bytes=0-3", part(0, 3)),
            ("bytes=4-", part(4, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-30", part(0, 9)),
            ("bytes=5-100", part(5, 9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=x-y", Wanted::Whole),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(header::RANGE, HeaderValue::from_static(text));
            assert_eq!(wanted(&fields, "\"a\"", 10), expected, "{text}");
        }
    }

    #[test]
    fn another_tag_makes_the_range_void() {
        let mut fields = HeaderMap::new();
        fields.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        fields.insert(header::IF_RANGE, HeaderValue::from_static("\"b\""));
        assert_eq!(wanted(&fields, "\"a\"", 10), Wanted::Whole);
        assert_eq!(wanted(&fields, "\"b\"", 10), Wanted::Part { first: 0, last: 1 });
    }

    #[test]
    fn no_bytes_have_no_range() {
        let mut fields = HeaderMap::new();
        fields.insert(header::RANGE, HeaderValue::from_static("bytes=-5"));
        assert_eq!(wanted(&fields, "", 0), Wanted::Nothing);
    }
}
