//! Putting secrets into a request in the place of what stands for them: in the values of headers and of the query, for one
//! origin, and with the secrets alone that may go there.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::model::secret_value::SecretValue;

/// What stands as it is in a query's value: RFC 3986's unreserved characters.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What a header's value begins with that holds a name and a password in base64 (RFC 7617).
const BASIC: &[u8] = b"Basic ";

/// The secrets that may go to one origin, by what stands for them.
pub(in crate::ports) struct Swap(Vec<Swappable>);

/// One of them.
pub(super) struct Swappable {
    pub(super) name: String,
    pub(super) placeholder: String,
    pub(super) value: Arc<SecretValue>,
}

/// A secret that cannot stand where its placeholder does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{name}` holds bytes that no header may have, such as a line end; set it again without them")]
pub(in crate::ports) struct UnfitSecret {
    /// Its name.
    pub(in crate::ports) name: String,
}

impl Swap {
    pub(super) const fn new(swappable: Vec<Swappable>) -> Self {
        Self(swappable)
    }

    /// A header's value with the secrets in it; none where nothing stands for one. Looks into `Basic` credentials too, since a
    /// guest can only encode the placeholder there.
    ///
    /// # Errors
    /// [`UnfitSecret`] when a secret cannot be part of a header.
    pub(in crate::ports) fn header(&self, value: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, UnfitSecret> {
        let basic = value.split_at_checked(BASIC.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BASIC));
        if let Some((scheme, credentials)) = basic
            && let Ok(plain) = BASE64_STANDARD.decode(credentials.trim_ascii())
        {
            let swapped = self.replaced(&plain, |_, value| Ok(Zeroizing::new(value.expose().to_vec())))?;
            let encode = |plain: Zeroizing<Vec<u8>>| {
                Zeroizing::new([scheme, Zeroizing::new(BASE64_STANDARD.encode(&plain)).as_bytes()].concat())
            };
            return Ok(swapped.map(encode));
        }
        self.replaced(value, |name, value| {
            let is_fit = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
            if value.expose().iter().all(is_fit) {
                Ok(Zeroizing::new(value.expose().to_vec()))
            } else {
                Err(UnfitSecret { name: name.to_owned() })
            }
        })
    }

    /// A query with the secrets in its values, percent-encoded; none where nothing stands for one. Names stay as they are.
    pub(in crate::ports) fn query(&self, query: &str) -> Option<Zeroizing<String>> {
        let mut is_swapped = false;
        let mut whole = Zeroizing::new(String::with_capacity(query.len()));
        for (index, pair) in query.split('&').enumerate() {
            if index > 0 {
                whole.push('&');
            }
            let Some((name, value)) = pair.split_once('=') else {
                whole.push_str(pair);
                continue;
            };
            whole.push_str(name);
            whole.push('=');
            let encoded = self.replaced::<std::convert::Infallible>(value.as_bytes(), |_, value| {
                Ok(Zeroizing::new(encoded(value.expose()).into_bytes()))
            });
            let Ok(encoded) = encoded;
            match encoded.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                Some(text) => {
                    whole.push_str(text);
                    is_swapped = true;
                }
                None => whole.push_str(value),
            }
        }
        is_swapped.then_some(whole)
    }

    /// `text` with each placeholder in it replaced; none where there is none.
    fn replaced<E>(
        &self,
        text: &[u8],
        write: impl Fn(&str, &SecretValue) -> Result<Zeroizing<Vec<u8>>, E>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, E> {
        let mut is_swapped = false;
        let mut rest = text;
        let mut whole = Zeroizing::new(Vec::with_capacity(text.len()));
        while let Some((at, found)) = self.first_in(rest) {
            let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            whole.extend_from_slice(before);
            whole.extend_from_slice(&write(&found.name, &found.value)?);
            rest = behind.get(found.placeholder.len()..).unwrap_or_default();
            is_swapped = true;
        }
        whole.extend_from_slice(rest);
        Ok(is_swapped.then_some(whole))
    }

    fn first_in(&self, text: &[u8]) -> Option<(usize, &Swappable)> {
        let found = self.0.iter().filter_map(|one| {
            let needle = one.placeholder.as_bytes();
            let at = text.windows(needle.len().max(1)).position(|window| window == needle)?;
            Some((at, one))
        });
        found.min_by_key(|(at, _)| *at)
    }
}

fn encoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => utf8_percent_encode(text, IN_QUERY).to_string(),
        Err(_) => percent_encoding::percent_encode(bytes, IN_QUERY).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swap(pairs: &[(&str, &[u8])]) -> Swap {
        let one = |(placeholder, value): &(&str, &[u8])| {
            Some(Swappable {
                name: format!("name of {placeholder}"),
                placeholder: (*placeholder).to_owned(),
                value: Arc::new(SecretValue::new(value.to_vec()).ok()?),
            })
        };
        Swap::new(pairs.iter().filter_map(one).collect())
    }

    #[test]
    fn a_header_gets_the_secret_wherever_its_placeholder_stands() {
        let swap = swap(&[("ph-one", b"s3cret"), ("ph-two", b"other")]);
        for (value, expected) in [
            ("Bearer ph-one", Some("Bearer s3cret")),
            ("ph-one", Some("s3cret")),
            ("a=ph-two; b=ph-one; c=ph-two", Some("a=other; b=s3cret; c=other")),
            ("Bearer ph-on", None),
            ("", None),
            ("Basic !!! ph-one", Some("Basic !!! s3cret")),
        ] {
            let swapped = swap.header(value.as_bytes()).map(|swapped| swapped.map(|bytes| bytes.to_vec()));
            assert_eq!(swapped, Ok(expected.map(|text| text.as_bytes().to_vec())), "{value}");
        }
    }

    #[test]
    fn basic_credentials_are_looked_into() {
        let swap = swap(&[("ph-one", b"pass:word\n")]);
        let value = format!("basic {}", BASE64_STANDARD.encode("alice:ph-one"));
        let expected = format!("basic {}", BASE64_STANDARD.encode("alice:pass:word\n"));
        let swapped = swap.header(value.as_bytes()).map(|swapped| swapped.map(|bytes| bytes.to_vec()));
        assert_eq!(swapped, Ok(Some(expected.into_bytes())));
        let nothing = format!("Basic {}", BASE64_STANDARD.encode("alice:plain"));
        assert_eq!(swap.header(nothing.as_bytes()), Ok(None));
    }

    #[test]
    fn a_secret_with_a_line_end_does_not_become_another_header() {
        for bad in [b"a\r\nX-Admin: 1".as_slice(), b"a\n", b"\0", b"\x7f"] {
            let swap = swap(&[("ph-one", bad)]);
            assert_eq!(swap.header(b"Bearer ph-one"), Err(UnfitSecret { name: String::from("name of ph-one") }));
            assert_eq!(swap.header(b"Bearer other"), Ok(None));
        }
    }

    #[test]
    fn a_query_gets_it_in_values_only_and_encoded() {
        let swap = swap(&[("ph-one", b"a&b=c d/\xff")]);
        for (query, expected) in [
            ("key=ph-one", Some("key=a%26b%3Dc%20d%2F%FF")),
            ("x=1&key=Bearer-ph-one&y", Some("x=1&key=Bearer-a%26b%3Dc%20d%2F%FF&y")),
            ("a=b=ph-one", Some("a=b=a%26b%3Dc%20d%2F%FF")),
            ("ph-one=1&ph-one", None),
            ("", None),
        ] {
            assert_eq!(swap.query(query).map(|text| text.to_string()).as_deref(), expected, "{query}");
        }
    }
}
