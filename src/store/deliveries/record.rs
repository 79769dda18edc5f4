//! The record of one event's delivery to one endpoint.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::model::event::EventType;
use crate::model::id::{ClientId, DeliveryId, EndpointId};
use crate::store::StoreError;

/// What is known of a delivery when it is asked for, and never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose endpoint.
    pub client: ClientId,
    /// Where to.
    pub endpoint: EndpointId,
    /// The event's id, the same over all attempts and at all receivers.
    pub webhook_id: String,
    /// What happened.
    pub event: EventType,
    /// The job that it happened to, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The exact text that is signed and sent.
    pub body: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// An attempt is to come.
    Pending,
    /// The endpoint has it.
    Delivered,
    /// It was given up: a dead letter, until somebody replays it.
    Failed,
}

impl DeliveryStatus {
    /// Every status there is.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    /// The status as clients see it, and as Redis keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads a status by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRecord {
    /// Its number in its round, from 1.
    pub number: u32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The receiver's HTTP status, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub latency_ms: u64,
    /// The beginning of the receiver's answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
    /// Why it does not count as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A delivery as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// What was asked for.
    pub facts: NewDelivery,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was replayed.
    pub round: u32,
    /// When the next attempt is due, while there is one.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What was tried, oldest first, of the newest rounds.
    pub attempts: Vec<AttemptRecord>,
}

impl DeliveryRecord {
    /// Reads the hash; none where there is no such delivery (any more).
    pub(super) fn decode(hash: &BTreeMap<String, String>) -> Result<Option<Self>, StoreError> {
        let Some(facts) = hash.get("facts") else { return Ok(None) };
        let corrupt = |error| StoreError::corrupt("delivery")(error);
        // The names of attempts sort by round and number.
        let attempts = hash.iter().filter(|(name, _)| name.starts_with('#'));
        Ok(Some(Self {
            facts: serde_json::from_str(facts).map_err(corrupt)?,
            status: hash.get("st").and_then(|text| DeliveryStatus::parse(text)).unwrap_or(DeliveryStatus::Pending),
            round: hash.get("round").and_then(|text| text.parse().ok()).unwrap_or(0),
            next_attempt_at: hash.get("next").and_then(|text| text.parse().ok()).map(clock::from_ms),
            attempts: attempts
                .map(|(_, text)| serde_json::from_str(text))
                .collect::<Result<_, _>>()
                .map_err(corrupt)?,
        }))
    }
}

/// The name of an attempt within the record: they sort by round and number.
pub(super) fn attempt_name(round: u32, number: u32) -> String {
    format!("#{round:010}.{number:010}")
}
