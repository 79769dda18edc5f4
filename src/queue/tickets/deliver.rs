//! The ticket of one delivery.

use serde::{Deserialize, Serialize};

use crate::model::event::EventType;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Deliver one event to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deliver {
    /// The job that the event is about; left out for events of an enablement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The tenant whose secret signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The event.
    pub event: EventType,
    /// The receiver.
    pub url: String,
    /// The same over all tries of this event at this receiver.
    pub webhook_id: String,
    /// A standing endpoint's id; left out for a per-request address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// The number of this try; 1 is the first. The next one is a job of its own.
    pub attempt: u32,
    /// The exact text that is signed and sent.
    pub body: String,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Ticket for Deliver {
    const KIND: JobKind = JobKind::Deliver;
    const NAME: &'static str = "deliver";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Webhooks;
}
