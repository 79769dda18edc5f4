//! The record of a standing webhook endpoint.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::event::EventFilter;
use crate::model::id::EndpointId;

/// Where the secret of an endpoint comes from; the secret itself is made of it in one place (`webhooks/keyring.rs`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// Derived from the root key, so nothing is stored; each rotation counts up.
    Derived(u32),
    /// Given by the client, encrypted.
    Sealed(String),
}

/// The secret before the last rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousSecret {
    /// Where it comes from.
    pub source: SecretSource,
    /// Until when it signs too.
    pub until: DateTime<Utc>,
}

/// Why an endpoint gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisableReason {
    /// Its client wants it so.
    Requested,
    /// It said that it no longer exists (410).
    Gone,
    /// Nothing arrived there for days.
    Failing,
}

impl DisableReason {
    /// The reason as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// Whether an endpoint gets events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase")]
pub enum EndpointState {
    /// It does.
    Active,
    /// It does not.
    Disabled {
        /// Why.
        reason: DisableReason,
        /// Since when.
        at: DateTime<Utc>,
        /// What to do, for people.
        note: String,
    },
}

/// A client's standing endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where its events go.
    pub url: String,
    /// Which ones.
    #[serde(default)]
    pub events: EventFilter,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What signs.
    pub secret: SecretSource,
    /// What signs too, after a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret: Option<PreviousSecret>,
    /// How many secrets there were, this one included: a derived one is not derived twice.
    pub generation: u32,
    /// Whether it gets events.
    pub state: EndpointState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Endpoint {
    /// Whether it gets events.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == EndpointState::Active
    }

    /// Where the secrets come from that sign at `now`, the newest first.
    pub fn sources_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = &SecretSource> {
        let previous = self.previous_secret.as_ref().filter(|previous| now < previous.until);
        std::iter::once(&self.secret).chain(previous.map(|previous| &previous.source))
    }
}

/// How an endpoint fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Since when nothing has arrived there; none while the last attempt did.
    pub failing_since: Option<DateTime<Utc>>,
    /// Attempts that failed since.
    pub failures: u64,
    /// When something last arrived.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// What signs for a client apart from its endpoints' secrets, each rotation a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// Counts up from 1.
    pub number: u32,
    /// Until when the one before signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<DateTime<Utc>>,
}

impl Generation {
    /// A client's first, before any rotation.
    pub const FIRST: Self = Self { number: 1, previous_until: None };

    /// The numbers that sign at `now`, the newest first.
    pub fn numbers_at(&self, now: DateTime<Utc>) -> impl Iterator<Item = u32> + use<> {
        let previous = self.previous_until.filter(|until| now < *until).and_then(|_| self.number.checked_sub(1));
        std::iter::once(self.number).chain(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn the_secret_before_signs_until_its_time_is_over() {
        let (before, until, after) = (clock::from_ms(1), clock::from_ms(2), clock::from_ms(3));
        let rotated = Generation { number: 4, previous_until: Some(until) };
        let numbers = |at| rotated.numbers_at(at).collect::<Vec<_>>();
        assert_eq!((numbers(before), numbers(until), numbers(after)), (vec![4, 3], vec![4], vec![4]));
        let endpoint = Endpoint {
            id: EndpointId::fresh(),
            url: String::new(),
            events: EventFilter::default(),
            description: None,
            secret: SecretSource::Derived(2),
            previous_secret: Some(PreviousSecret { source: SecretSource::Derived(1), until }),
            generation: 2,
            state: EndpointState::Active,
            created_at: before,
            updated_at: before,
        };
        let sources = |at| endpoint.sources_at(at).cloned().collect::<Vec<_>>();
        assert_eq!(sources(before), [SecretSource::Derived(2), SecretSource::Derived(1)]);
        assert_eq!(sources(until), [SecretSource::Derived(2)]);
    }
}
