//! Watching what a guest sends for secrets that it may read in clear.
//!
//! All ways of writing that a secret is looked for in are one automaton, whose state goes on from chunk to chunk; a second
//! track reads the same bytes percent-decoded. Line ends are passed over, upper and lower case are the same. It is a net for
//! accidents and simple tricks: who wants to can write a secret in a way that no watcher knows, so reading one in clear is a
//! consent of its own.

use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use crate::model::secret_value::SecretValue;

/// Shortest secret that can be watched for, in bytes: shorter ones stand in innocent texts by chance.
pub(in crate::ports) const SHORTEST: usize = 8;

/// How much wider a spelling gets where each of its bytes is percent-encoded, or its lines are short.
const WIDEST: usize = 4;

/// What is looked for.
#[derive(Clone)]
pub(in crate::ports) struct Watch {
    automaton: Arc<NFA>,
    longest: usize,
}

/// The secrets cannot be watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secrets cannot be watched for")]
pub(in crate::ports) struct Unwatchable;

/// One text on its way out, looked at chunk by chunk.
pub(in crate::ports) struct Watcher {
    automaton: Arc<NFA>,
    longest: usize,
    start: StateID,
    plain: StateID,
    decoded: StateID,
    escape: Escape,
}

/// Where in a percent-encoded byte the text is.
#[derive(Clone, Copy)]
enum Escape {
    Outside,
    Percent,
    Digit(u8, u8),
}

impl Watch {
    /// A watch for these secrets.
    pub(super) fn of<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Result<Self, Unwatchable> {
        let patterns: Vec<Vec<u8>> = values.into_iter().flat_map(|value| spellings(value.expose())).collect();
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0).saturating_mul(WIDEST);
        let automaton = NFA::builder().ascii_case_insensitive(true).build(patterns).map_err(|_| Unwatchable)?;
        Ok(Self { automaton: Arc::new(automaton), longest })
    }

    /// Begins to look at a text.
    pub(in crate::ports) fn begin(&self) -> Result<Watcher, Unwatchable> {
        let start = self.automaton.start_state(Anchored::No).map_err(|_| Unwatchable)?;
        Ok(Watcher {
            automaton: Arc::clone(&self.automaton),
            longest: self.longest,
            start,
            plain: start,
            decoded: start,
            escape: Escape::Outside,
        })
    }
}

impl Watcher {
    /// The most bytes that a spelling takes up.
    pub(in crate::ports) const fn longest(&self) -> usize {
        self.longest
    }

    /// Forgets what came before: another text begins.
    pub(in crate::ports) fn restart(&mut self) {
        (self.plain, self.decoded, self.escape) = (self.start, self.start, Escape::Outside);
    }

    /// Whether this chunk ends a spelling of a secret; what came before counts.
    pub(in crate::ports) fn sees(&mut self, chunk: &[u8]) -> bool {
        let mut is_seen = false;
        for byte in chunk {
            self.plain = next(&self.automaton, self.plain, *byte);
            is_seen |= self.automaton.is_match(self.plain) || self.decode(*byte);
        }
        is_seen
    }

    fn decode(&mut self, byte: u8) -> bool {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (self.escape, digit) {
            (Escape::Percent, Some(high)) => {
                self.escape = Escape::Digit(high, byte);
                false
            }
            (Escape::Digit(high, _), Some(low)) => {
                self.escape = Escape::Outside;
                self.take(high << 4 | low)
            }
            (before, _) => {
                self.escape = if byte == b'%' { Escape::Percent } else { Escape::Outside };
                // It was no escape after all.
                let is_seen = match before {
                    Escape::Outside => false,
                    Escape::Percent => self.take(b'%'),
                    Escape::Digit(_, first) => self.take(b'%') | self.take(first),
                };
                match byte {
                    b'%' => is_seen,
                    // What forms write for a space.
                    b'+' => is_seen | self.take(b' '),
                    byte => is_seen | self.take(byte),
                }
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.decoded = next(&self.automaton, self.decoded, byte);
        self.automaton.is_match(self.decoded)
    }
}

fn next(automaton: &NFA, state: StateID, byte: u8) -> StateID {
    if is_line_end(byte) { state } else { automaton.next_state(Anchored::No, state, byte) }
}

const fn is_line_end(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

/// The ways in which a secret is commonly written: itself, in JSON, in hexadecimal digits, in base64 of either alphabet at any
/// place of a longer text.
fn spellings(value: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![value.to_vec(), hex::encode(value).into_bytes()];
    if let Ok(text) = std::str::from_utf8(value)
        && let Ok(json) = serde_json::to_string(text)
    {
        all.push(json.trim_matches('"').as_bytes().to_vec());
        all.push(json.trim_matches('"').replace('/', "\\/").into_bytes());
    }
    for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
        for before in 0..3_usize {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(value);
            let text = engine.encode(&bytes).into_bytes();
            // Letters that also depend on what stands before and behind it.
            let first = (before * 8).div_ceil(6);
            let last = text.len() - usize::from(bytes.len() % 3 != 0);
            all.push(text.get(first..last).unwrap_or_default().to_vec());
        }
    }
    for spelling in &mut all {
        spelling.retain(|byte| !is_line_end(*byte));
    }
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
    use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
    use proptest::prelude::*;

    use super::*;

    const SECRET: &[u8] = b"s3cr\xc3\xa9t/\"value+1 \\x";

    fn watch(value: &[u8]) -> Result<Watch, Box<dyn std::error::Error>> {
        Ok(Watch::of([&SecretValue::new(value.to_vec())?])?)
    }

    /// Ways to write bytes that the watch knows.
    fn written(value: &[u8]) -> Vec<Vec<u8>> {
        let json = serde_json::to_vec(&String::from_utf8_lossy(value)).unwrap_or_default();
        let form: String = url::form_urlencoded::byte_serialize(value).collect();
        let every: String = value.iter().map(|byte| format!("%{byte:02x}")).collect();
        let wrapped: Vec<u8> =
            BASE64_STANDARD.encode(value).into_bytes().chunks(5).collect::<Vec<_>>().join(b"\r\n".as_slice());
        vec![
            value.to_vec(),
            json,
            hex::encode(value).into_bytes(),
            hex::encode_upper(value).into_bytes(),
            BASE64_STANDARD.encode(value).into_bytes(),
            BASE64_URL_SAFE.encode(value).into_bytes(),
            BASE64_STANDARD.encode([b"x", value, b"yz"].concat()).into_bytes(),
            BASE64_URL_SAFE.encode([b"xy", value, b"z"].concat()).into_bytes(),
            percent_encode(value, NON_ALPHANUMERIC).to_string().into_bytes(),
            percent_encode(BASE64_STANDARD.encode(value).as_bytes(), NON_ALPHANUMERIC).to_string().into_bytes(),
            form.into_bytes(),
            every.into_bytes(),
            wrapped,
        ]
    }

    #[test]
    fn a_secret_is_seen_in_every_common_spelling_however_it_is_cut() -> Result<(), Box<dyn std::error::Error>> {
        let watch = watch(SECRET)?;
        for spelling in written(SECRET) {
            let text = [b"before %2 ".as_slice(), &spelling, b" behind"].concat();
            let shown = String::from_utf8_lossy(&text).into_owned();
            assert!(watch.begin()?.sees(&text), "{shown}");
            for size in [1, 2, 3, 7] {
                let mut watcher = watch.begin()?;
                let is_seen = text.chunks(size).fold(false, |seen, chunk| watcher.sees(chunk) | seen);
                assert!(is_seen, "{shown} in chunks of {size}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_key_in_pem_is_seen_with_other_line_ends() -> Result<(), Box<dyn std::error::Error>> {
        let watch = watch(b"-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----\n")?;
        assert!(watch.begin()?.sees(b"k=-----BEGIN KEY-----\r\nMIIEpAIBAAKCAQEA\r\n-----END KEY-----"));
        assert!(watch.begin()?.sees(br#"{"k":"-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n-----END KEY-----\n"}"#));
        assert!(!watch.begin()?.sees(b"-----BEGIN KEY-----\nAnother\n-----END KEY-----\n"));
        Ok(())
    }

    #[test]
    fn innocent_text_passes() -> Result<(), Box<dyn std::error::Error>> {
        let watch = watch(b"correct horse battery")?;
        for text in ["", "correct horse", "%63orrect horse batter%", "battery horse correct", "%zz%%%4"] {
            assert!(!watch.begin()?.sees(text.as_bytes()), "{text}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_secret_is_seen_anywhere(
            value in prop::collection::vec(any::<u8>(), 12..80),
            before in prop::collection::vec(any::<u8>(), 0..20),
            size in 1_usize..30,
        ) {
            let watch = watch(&value).map_err(|error| TestCaseError::fail(error.to_string()))?;
            // A secret of line ends alone is nothing to look for.
            prop_assume!(value.iter().filter(|byte| !is_line_end(**byte)).count() >= SHORTEST);
            // An escape that the text before begins would swallow what follows it, for a reader as for us.
            prop_assume!(!before.iter().rev().take(2).any(|byte| *byte == b'%'));
            let texts = [
                [before.as_slice(), &value].concat(),
                [before.as_slice(), hex::encode(&value).as_bytes()].concat(),
                [before.as_slice(), BASE64_STANDARD.encode(&value).as_bytes()].concat(),
                BASE64_STANDARD.encode([before.as_slice(), &value].concat()).into_bytes(),
                [before.as_slice(), percent_encode(&value, NON_ALPHANUMERIC).to_string().as_bytes()].concat(),
            ];
            for text in texts {
                let mut watcher = watch.begin().map_err(|error| TestCaseError::fail(error.to_string()))?;
                let is_seen = text.chunks(size).fold(false, |seen, chunk| watcher.sees(chunk) | seen);
                prop_assert!(is_seen, "{:?}", String::from_utf8_lossy(&text));
            }
        }
    }
}
