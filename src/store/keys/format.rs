//! The text of a key: how it is made and read.

use rand::distr::{Alphanumeric, SampleString as _};

/// Characters of an id: enough that two never meet.
const ID_CHARS: usize = 16;
/// Characters of a secret: 43 of 62 kinds are 256 bits.
const SECRET_CHARS: usize = 43;
/// Characters of a checksum: a CRC-32 in base 62.
const CHECKSUM_CHARS: usize = 6;
/// Longest name of an environment.
const MAX_ENV_CHARS: usize = 16;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was just made.
pub(super) struct Fresh {
    pub(super) text: String,
    pub(super) env: String,
    pub(super) id: String,
}

/// The readable parts of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) env: &'a str,
    pub(super) id: &'a str,
}

/// Makes a key for `env`, of which only small letters and digits are taken.
pub(super) fn fresh(env: &str) -> Fresh {
    let env: String =
        env.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(MAX_ENV_CHARS).collect();
    let env = if env.is_empty() { String::from("live") } else { env };
    // The thread's generator is a cipher seeded by the operating system.
    let mut random = rand::rng();
    let id = Alphanumeric.sample_string(&mut random, ID_CHARS);
    let secret = Alphanumeric.sample_string(&mut random, SECRET_CHARS);
    let start = format!("sk_{env}_{id}_{secret}");
    Fresh { text: format!("{start}{}", checksum(&start)), env, id }
}

/// Reads a key's parts; none where the text cannot be one of ours.
pub(super) fn parse(text: &str) -> Option<Parsed<'_>> {
    let (parsed, is_whole) = read(text)?;
    is_whole.then_some(parsed)
}

/// Reads the parts of what looks like a key, and whether its checksum fits.
pub(super) fn read(text: &str) -> Option<(Parsed<'_>, bool)> {
    let rest = text.strip_prefix("sk_")?;
    let (env, rest) = rest.split_once('_')?;
    let (id, secret) = rest.split_once('_')?;
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_whole = (1..=MAX_ENV_CHARS).contains(&env.len())
        && id.len() == ID_CHARS
        && secret.len() == SECRET_CHARS + CHECKSUM_CHARS
        && is_plain(env)
        && is_plain(id)
        && is_plain(secret);
    if !is_whole {
        return None;
    }
    let (start, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARS)?)?;
    Some((Parsed { env, id }, checksum(start) == sum))
}

/// CRC-32 in base 62, six characters.
fn checksum(start: &str) -> String {
    let mut rest = crc32fast::hash(start.as_bytes());
    let mut digits: Vec<char> = Vec::with_capacity(CHECKSUM_CHARS);
    for _ in 0..CHECKSUM_CHARS {
        let digit = usize::try_from(rest % 62).ok().and_then(|index| ALPHABET.get(index)).copied();
        digits.push(digit.map_or('0', char::from));
        rest /= 62;
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_what_was_made() {
        let fresh = fresh("dev");
        assert_eq!(parse(&fresh.text), Some(Parsed { env: "dev", id: &fresh.id }));
        assert_eq!(fresh.text.len(), "sk_dev_".len() + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS);
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let text = fresh("live").text;
        for index in 0..text.len() {
            let changed: String = text
                .chars()
                .enumerate()
                .map(|(at, c)| if at == index { if c == 'x' { 'y' } else { 'x' } } else { c })
                .collect();
            assert_eq!(parse(&changed), None, "{changed}");
        }
    }

    #[test]
    fn what_is_no_key_is_no_key() {
        for text in ["", "sk_", "sk_dev", "sk_dev_abc_def", "Bearer sk_dev_x", "sk_ä_ö_ü", &"a".repeat(10_000)] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
