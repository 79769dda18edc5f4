//! The ticket that turns an event into deliveries.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::EventType;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Turn a job's events into one delivery per receiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// The job that the events are about.
    pub job_id: String,
    /// Which of the job's events; empty for the one that its final state gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventType>,
    /// What an addon announced in the course of the job, in the place of the job's own events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted: Option<Emitted>,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// An event of an addon's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emitted {
    /// The addon that announced it.
    pub addon_id: String,
    /// The topic, as the addon's manifest declares it.
    pub topic: String,
    /// What it announced.
    #[serde(default)]
    pub payload: Value,
    /// Its number among those that the addon announced in the course of the job, from 0.
    pub number: u32,
    /// When it did, in milliseconds since the epoch.
    pub at_ms: u64,
    /// How many starts by addons lie behind what this one starts, itself included.
    pub hops: u32,
}

impl Ticket for Dispatch {
    const KIND: JobKind = JobKind::Dispatch;
    const NAME: &'static str = "dispatch";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Webhooks;
}
