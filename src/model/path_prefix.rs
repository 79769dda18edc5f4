//! The part of a server that requests may reach: `/v1` and everything below it.

use std::fmt;

/// A path, and all paths below it: `/v1` means `/v1` and `/v1/a`, and not `/v10`; `/v1/` means only what is below.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPrefix(Box<str>);

/// Why a text is not such a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a path such as /v1: it begins with `/` and has no `.` or `..` segment, no query and nothing encoded")]
pub struct PathPrefixError;

/// Longest prefix, in bytes.
const MAX_BYTES: usize = 512;

impl PathPrefix {
    /// Parses a path.
    ///
    /// # Errors
    /// [`PathPrefixError`].
    pub fn parse(text: &str) -> Result<Self, PathPrefixError> {
        let is_good =
            text.len() <= MAX_BYTES && is_plain(text) && !text.contains(['%', '?', '#']) && !text.contains("//");
        if is_good { Ok(Self(text.into())) } else { Err(PathPrefixError) }
    }

    /// The path itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request's path lies here. One that servers read in different ways (`/v1/..%2fadmin`) lies nowhere.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        is_plain(path) && self.leads_to(path)
    }

    /// Whether every path that lies in `other` lies here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.leads_to(&other.0)
    }

    fn leads_to(&self, path: &str) -> bool {
        path.strip_prefix(self.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.0.ends_with('/'))
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a path means the same to everybody who reads it: no way up, no separator in disguise.
fn is_plain(path: &str) -> bool {
    let folded = path.to_ascii_lowercase().replace("%2e", ".");
    path.starts_with('/')
        && !path.contains('\\')
        && !path.chars().any(|letter| letter.is_ascii_control() || letter == ' ')
        && !["%2f", "%5c", "%00"].iter().any(|disguise| folded.contains(disguise))
        && !folded.split('/').any(|segment| {
            // `..;x` is `..` to some servers.
            let name = segment.split_once(';').map_or(segment, |(name, _)| name);
            name == "." || name == ".."
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_ends() -> Result<(), PathPrefixError> {
        for (prefix, path, expected) in [
            ("/v1", "/v1", true),
            ("/v1", "/v1/", true),
            ("/v1", "/v1/forecast", true),
            ("/v1", "/v10", false),
            ("/v1", "/V1", false),
            ("/v1/", "/v1", false),
            ("/v1/", "/v1/forecast", true),
            ("/", "/anything", true),
            ("/v1", "/v1/../admin", false),
            ("/v1", "/v1/%2e%2E/admin", false),
            ("/v1", "/v1/..%2fadmin", false),
            ("/v1", "/v1/..;/admin", false),
            ("/v1", "/v1\\..\\admin", false),
            ("/v1", "/v1/a%20b", true),
            ("/v1", "/v1/...", true),
        ] {
            assert_eq!(PathPrefix::parse(prefix)?.matches(path), expected, "{prefix} {path}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in ["", "v1", "/v1/../x", "/v1?x", "/a//b", "/a%20b", "/a b", "/a\\b"] {
            assert!(PathPrefix::parse(text).is_err(), "{text}");
        }
    }
}
