//! Names and ids: parsed at the door, borrowed afterwards.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::model::digest::Digest;

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: Box<str>,
    expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        // A hostile caller chooses this text, and it ends up in answers and logs.
        let text: String = text.chars().take(80).filter(|c| !c.is_control()).collect();
        Self { text: text.into(), expected }
    }
}

/// Gives an id type its one door in (`parse`), its borrowed door out, and the same doors for serde.
macro_rules! text_id {
    ($name:ident, $expected:expr, $check:expr) => {
        impl $name {
            /// Parses `text`.
            ///
            /// # Errors
            /// [`IdError`] names the text and the rule that it breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(IdError::new(text, $expected)) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// An addon's name in URLs and keys: `publisher.name`, each 2–40 characters of `a-z 0-9 -`, no leading or trailing `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddonId(Box<str>);

text_id!(
    AddonId,
    "an addon id: `publisher.name`, each 2-40 characters of a-z 0-9 -, no leading or trailing -",
    |text| text.split_once('.').is_some_and(|(publisher, name)| is_label(publisher) && is_label(name))
);

impl AddonId {
    /// The part before the dot: the namespace that a publisher owns.
    #[must_use]
    pub fn publisher(&self) -> &str {
        self.0.split_once('.').map_or("", |(publisher, _)| publisher)
    }
}

/// A client's own name for its end user: 1–255 of `A-Z a-z 0-9 . _ : @ | + = ~ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

text_id!(UserId, "a user id: 1-255 characters of A-Z a-z 0-9 . _ : @ | + = ~ -", |text| {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@|+=~-".contains(&b))
});

impl UserId {
    /// The user that chat and images fall back to when the client names none.
    #[must_use]
    pub fn fallback() -> Self {
        Self("default".into())
    }
}

/// A tenant: the party that keys belong to. 1–64 of `a-z 0-9 - _`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Box<str>);

text_id!(ClientId, "a client name: 1-64 characters of a-z 0-9 - _, starting with a letter or digit", |text| {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        && !text.starts_with(['-', '_'])
});

/// An action, schedule or secret of an addon: `a-z 0-9 -`, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartName(Box<str>);

text_id!(PartName, "a name: 1-64 characters of a-z 0-9 -, no leading or trailing -", |text| {
    text.len() <= 64 && is_dashed(text)
});

/// A job's public id: `<kind>_<ULID>`, or `ext_<queue>_<id>` for a job that a foreign producer enqueued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Box<str>);

text_id!(JobId, "a job id: `<kind>_<ULID>`", |text| {
    (3..=200).contains(&text.len())
        && text.contains('_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.~@".contains(&b))
});

impl JobId {
    /// A fresh id that carries `prefix` (such as `img`) and sorts by time.
    #[must_use]
    pub fn fresh(prefix: &str) -> Self {
        Self(format!("{prefix}_{}", Ulid::generate()).into())
    }

    /// The one id for what `seed` says, as if it had been asked for at `at`: asked for twice, it is one job.
    #[must_use]
    pub fn derived(prefix: &str, at: DateTime<Utc>, seed: &[u8]) -> Self {
        let hash: [u8; 32] = *Digest::of(seed).as_bytes();
        let random = hash.iter().take(10).fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        Self(format!("{prefix}_{}", Ulid::from_parts(u64::try_from(at.timestamp_millis()).unwrap_or(0), random)).into())
    }

    /// The public id of a job that somebody else put into `queue` under `id`.
    ///
    /// BullMQ numbers such jobs per queue, so the queue's name keeps them apart.
    #[must_use]
    pub fn foreign(queue: &str, id: &str) -> Self {
        let id: String = id
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-.~@_".contains(c) { c } else { '~' })
            .take(120)
            .collect();
        Self(format!("ext_{queue}_{id}").into())
    }

    /// When one of our own jobs was asked for; none for a foreign one.
    #[must_use]
    pub fn asked_at(&self) -> Option<DateTime<Utc>> {
        let (_, ulid) = self.0.rsplit_once('_').filter(|_| self.as_foreign().is_none())?;
        i64::try_from(Ulid::from_string(ulid).ok()?.timestamp_ms()).ok().and_then(DateTime::from_timestamp_millis)
    }

    /// The queue and the queue's own id of a foreign job, where this is one.
    #[must_use]
    pub fn as_foreign(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix("ext_")?.split_once('_')
    }
}

/// A batch's id: `bat_<ULID>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(Box<str>);

text_id!(BatchId, "a batch id: `bat_<ULID>`", |text| text
    .strip_prefix(BatchId::PREFIX)
    .and_then(|rest| rest.strip_prefix('_'))
    .is_some_and(|ulid| Ulid::from_string(ulid).is_ok()));

impl BatchId {
    /// What every batch's id starts with.
    pub const PREFIX: &'static str = "bat";

    /// The id of the batch's job at this place; `prefix` is the job's kind. Asked for twice, it is one job.
    #[must_use]
    pub fn job(&self, prefix: &str, index: usize) -> JobId {
        let ulid = self.0.rsplit_once('_').and_then(|(_, ulid)| Ulid::from_string(ulid).ok()).unwrap_or_default();
        let at = i64::try_from(ulid.timestamp_ms()).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
        JobId::derived(prefix, at, format!("{self} {index}").as_bytes())
    }
}

/// An artifact's id: `art_<ULID>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactId(Box<str>);

text_id!(ArtifactId, "an artifact id: `art_<ULID>`", |text| text
    .strip_prefix("art_")
    .is_some_and(|ulid| Ulid::from_string(ulid).is_ok()));

impl ArtifactId {
    /// A fresh id that sorts by time.
    #[must_use]
    pub fn fresh() -> Self {
        Self(format!("art_{}", Ulid::generate()).into())
    }
}

/// A standing webhook endpoint's id: `we_<ULID>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(Box<str>);

text_id!(EndpointId, "a webhook endpoint's id: `we_<ULID>`", |text| text
    .strip_prefix("we_")
    .is_some_and(|ulid| Ulid::from_string(ulid).is_ok()));

impl EndpointId {
    /// A fresh id that sorts by time.
    #[must_use]
    pub fn fresh() -> Self {
        Self(format!("we_{}", Ulid::generate()).into())
    }
}

/// The id of one event's delivery to one standing endpoint: `wd_` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(Box<str>);

text_id!(DeliveryId, "a delivery's id: `wd_` and 32 hexadecimal digits", |text| {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("wd_").is_some_and(|digits| digits.len() == 32 && digits.bytes().all(is_digit))
});

impl DeliveryId {
    /// The one delivery of the event with this `webhook-id` to this endpoint: asked for twice, it is one.
    #[must_use]
    pub fn of(endpoint: &EndpointId, webhook_id: &str) -> Self {
        let digits: String =
            Digest::of(format!("{endpoint}\n{webhook_id}").as_bytes()).hex().chars().take(32).collect();
        Self(format!("wd_{digits}").into())
    }
}

/// Whether `text` is 2–40 characters of `a-z 0-9 -` without a dash at either end.
fn is_label(text: &str) -> bool {
    (2..=40).contains(&text.len()) && is_dashed(text)
}

/// Whether `text` is one or more of `a-z 0-9 -` without a dash at either end.
fn is_dashed(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addon_id_is_two_labels() {
        for (text, is_good) in [
            ("acme.weather-art", true),
            ("ac.me", true),
            ("acme", false),
            ("acme.weather.art", false),
            ("-acme.weather", false),
            ("acme.weather-", false),
            ("Acme.weather", false),
            ("a.weather", false),
            ("acme.../etc", false),
        ] {
            assert_eq!(AddonId::parse(text).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn a_user_id_may_look_like_an_address() {
        for (text, is_good) in [("alice@example.com", true), ("a|b:c", true), ("", false), ("a/b", false), ("ä", false)]
        {
            assert_eq!(UserId::parse(text).is_ok(), is_good, "{text}");
        }
        assert!(UserId::parse(&"x".repeat(256)).is_err());
    }

    #[test]
    fn a_foreign_id_comes_back_apart() {
        let id = JobId::foreign("image-generation", "17");
        assert_eq!(id.as_foreign(), Some(("image-generation", "17")));
        assert_eq!(JobId::parse(id.as_str()), Ok(id));
        assert_eq!(JobId::fresh("img").as_foreign(), None);
    }
}
