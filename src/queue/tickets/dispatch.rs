//! The ticket that turns an event into deliveries.

use serde::{Deserialize, Serialize};

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
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Ticket for Dispatch {
    const KIND: JobKind = JobKind::Dispatch;
    const NAME: &'static str = "dispatch";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Webhooks;
}
