//! Where requests may go: `scheme://host[:port]`, and patterns of such places.
//!
//! Patterns form a tree (`*` over `*.example` over `*.api.example` over one host), so two of them
//! either have nothing in common or one lies in the other. Everything else here rests on that.

use std::collections::BTreeSet;
use std::fmt;

use url::{Host, Url};

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where none is named.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| scheme.as_str() == text)
    }
}

/// One place that a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

impl Origin {
    /// The origin of a URL; none for schemes that are not of the web, and for URLs that carry a name or password.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = Scheme::parse(url.scheme())?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        Some(Self { scheme, host: url.host()?.to_owned(), port: url.port().unwrap_or(scheme.default_port()) })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.scheme, &self.host, self.port)
    }
}

/// Which hosts a pattern means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostPattern {
    /// `*`: every name and every address.
    Any,
    /// `*.example.com`: every name below `example.com`, and not that name itself.
    Below(Box<str>),
    /// One name or address.
    One(Host<String>),
}

impl HostPattern {
    fn matches(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(parent), Host::Domain(name)) => is_below(name, parent),
            (Self::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
            (Self::One(mine), host) => mine == host,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(mine), Self::Below(theirs)) => mine == theirs || is_below(theirs, mine),
            (Self::Below(_) | Self::One(_), Self::One(host)) => self.matches(host),
            (Self::Below(_) | Self::One(_), Self::Any) | (Self::One(_), Self::Below(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Below(parent) => write!(f, "*.{parent}"),
            Self::One(host) => host.fmt(f),
        }
    }
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).and_then(|rest| rest.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

/// Places that a request may go to: `https://api.example.com`, `https://*.example.com:8443`, `http://[::1]`.
///
/// Without a port it means the scheme's own one. `*.example.com` means every name below `example.com`, however
/// deep, and not `example.com` itself. `*` alone as the host means every host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginPattern {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
}

/// Why a text is not such a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an origin such as https://api.example.com or https://*.example.com:8443: {why}")]
pub struct OriginError {
    text: Box<str>,
    why: &'static str,
}

impl OriginPattern {
    /// Parses `scheme://host[:port]`.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong. International names are written in their ASCII form (`xn--…`): it is what
    /// a person consents to, and letters that look alike must not hide in it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let error = |why| OriginError { text: text.chars().take(100).collect::<String>().into(), why };
        let (scheme, place) = text.split_once("://").ok_or_else(|| error("it begins with no scheme"))?;
        let scheme = Scheme::parse(scheme).ok_or_else(|| error("the scheme is neither http nor https"))?;
        if !place.is_ascii() {
            return Err(error("write an international name in its ASCII form, xn--…"));
        }
        if place.contains(['/', '?', '#', '@', '%', '\\']) {
            return Err(error("only a host and a port may follow the scheme"));
        }
        // A colon inside of brackets belongs to an IPv6 address.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (place, None),
        };
        let port = match port {
            None => scheme.default_port(),
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0 && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .ok_or_else(|| error("the port is not a number from 1 to 65535"))?,
        };
        Ok(Self { scheme, host: host_pattern(host).map_err(error)?, port })
    }

    /// Whether this pattern means the place.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        self.scheme == origin.scheme && self.port == origin.port && self.host.matches(&origin.host)
    }

    /// Whether every place that `other` means is one that this pattern means.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.port == other.port && self.host.covers(&other.host)
    }

    /// The places that both mean; none where there are none.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.covers(other) { Some(other.clone()) } else { other.covers(self).then(|| self.clone()) }
    }

    /// Whether it means all hosts, or all those of a top-level domain: more than any one publisher's servers.
    #[must_use]
    pub fn is_sweeping(&self) -> bool {
        match &self.host {
            HostPattern::Any => true,
            HostPattern::Below(parent) => !parent.contains('.'),
            HostPattern::One(_) => false,
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.scheme, &self.host, self.port)
    }
}

fn write(f: &mut fmt::Formatter<'_>, scheme: Scheme, host: &impl fmt::Display, port: u16) -> fmt::Result {
    write!(f, "{}://{host}", scheme.as_str())?;
    if port == scheme.default_port() { Ok(()) } else { write!(f, ":{port}") }
}

fn host_pattern(text: &str) -> Result<HostPattern, &'static str> {
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    let (parent, name) = match text.strip_prefix("*.") {
        Some(parent) => (true, parent),
        None => (false, text),
    };
    if name.contains('*') {
        return Err("a `*` stands for whole labels at the front, as in *.example.com");
    }
    if name.ends_with('.') {
        return Err("leave the dot at the end out");
    }
    let host = Host::parse(name).map_err(|_| "the host is malformed")?;
    match (parent, host) {
        (false, host) => Ok(HostPattern::One(host)),
        (true, Host::Domain(name)) => Ok(HostPattern::Below(name.into())),
        (true, Host::Ipv4(_) | Host::Ipv6(_)) => Err("nothing lies below an address"),
    }
}

/// The patterns of a list without those that others cover; what cannot be read reaches nothing.
#[must_use]
pub(super) fn read_all(texts: &[String]) -> BTreeSet<OriginPattern> {
    widest(texts.iter().filter_map(|text| OriginPattern::parse(text).ok()))
}

/// The places that both lists mean.
#[must_use]
pub(super) fn intersect_all(one: &BTreeSet<OriginPattern>, other: &BTreeSet<OriginPattern>) -> BTreeSet<OriginPattern> {
    widest(one.iter().flat_map(|mine| other.iter().filter_map(|theirs| mine.intersect(theirs))))
}

/// Whether each place that `other` means is one that a pattern of `one` means.
#[must_use]
pub(super) fn covers_all(one: &BTreeSet<OriginPattern>, other: &BTreeSet<OriginPattern>) -> bool {
    other.iter().all(|theirs| one.iter().any(|mine| mine.covers(theirs)))
}

/// Drops what others cover: equal sets of places are then equal lists.
fn widest(patterns: impl Iterator<Item = OriginPattern>) -> BTreeSet<OriginPattern> {
    let all: BTreeSet<OriginPattern> = patterns.collect();
    all.iter().filter(|one| !all.iter().any(|other| other != *one && other.covers(one))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn origin(text: &str) -> Result<Origin, Box<dyn std::error::Error>> {
        Ok(Origin::of(&Url::parse(text)?).ok_or("no origin")?)
    }

    #[test]
    fn a_pattern_means_its_own_places_and_no_neighbours() -> Outcome {
        for (pattern, place, expected) in [
            ("https://api.example.com", "https://api.example.com", true),
            ("https://api.example.com", "https://API.example.com/any?thing", true),
            ("https://api.example.com", "https://api.example.com:443", true),
            ("https://api.example.com", "http://api.example.com", false),
            ("https://api.example.com", "https://api.example.com:8443", false),
            ("https://api.example.com:8443", "https://api.example.com:8443", true),
            ("https://api.example.com", "https://api.example.com.evil.example", false),
            ("https://*.example.com", "https://api.example.com", true),
            ("https://*.example.com", "https://a.b.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://*.example.com", "https://evilexample.com", false),
            ("https://*.example.com", "https://.example.com", false),
            ("https://*", "https://10.0.0.1", true),
            ("https://*", "http://example.com", false),
            ("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080", true),
            ("http://[::1]", "http://[::2]", false),
            ("http://10.0.0.1", "http://0x0a.0.0.1", true),
            ("https://xn--bcher-kva.example", "https://bücher.example", true),
            ("https://*.xn--bcher-kva.example", "https://api.bücher.example", true),
        ] {
            let Ok(place) = origin(place) else {
                assert!(!expected, "{place}");
                continue;
            };
            assert_eq!(OriginPattern::parse(pattern)?.matches(&place), expected, "{pattern} {place}");
        }
        Ok(())
    }

    #[test]
    fn two_patterns_have_in_common_what_lies_in_both() -> Outcome {
        for (one, other, common) in [
            ("https://*.example.com", "https://api.example.com", Some("https://api.example.com")),
            ("https://*.example.com", "https://*.api.example.com", Some("https://*.api.example.com")),
            ("https://*.example.com", "https://example.com", None),
            ("https://*.example.com", "https://*.example.org", None),
            ("https://*.example.com", "https://*.example.com:8443", None),
            ("https://*", "https://[2001:db8::1]", Some("https://[2001:db8::1]")),
            ("https://*.1e100.net", "https://10.0.0.1", None),
            ("http://api.example.com", "https://api.example.com", None),
        ] {
            let (one, other) = (OriginPattern::parse(one)?, OriginPattern::parse(other)?);
            let common = common.map(str::to_owned);
            assert_eq!(one.intersect(&other).map(|both| both.to_string()), common, "{one} {other}");
            assert_eq!(other.intersect(&one).map(|both| both.to_string()), common, "{other} {one}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "",
            "api.example.com",
            "ftp://api.example.com",
            "https://",
            "https://api.example.com/v1",
            "https://user@api.example.com",
            "https://api.*.com",
            "https://*api.example.com",
            "https://*.10.0.0.1",
            "https://api.example.com.",
            "https://api.example.com:0",
            "https://api.example.com:+80",
            "https://api.example.com:99999",
            "https://bücher.example",
            "https://ex%61mple.com",
            "https://::1",
            "HTTPS://api.example.com",
        ] {
            assert!(OriginPattern::parse(text).is_err(), "{text}");
        }
    }
}
