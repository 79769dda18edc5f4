//! The ticket that turns an event into deliveries.

use serde::{Deserialize, Serialize};

use crate::model::event::{Announcement, EventType};
use crate::model::id::AddonId;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Turn a job's events into one delivery per receiver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// The job that the events are about; empty where it is about an announcement or a block.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub job_id: String,
    /// Which of the job's events; empty for the one that its final state gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventType>,
    /// An event that no job's record tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// A block that is to be announced to everybody whose addon it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockWalk>,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// How far the announcement of a block got: a ticket a page of users, so that a worker that dies costs one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockWalk {
    /// The block.
    pub id: String,
    /// When it was made, in milliseconds since the epoch: some ids come again.
    pub at_ms: u64,
    /// The addon whose users are told; none at first: then a ticket is left for each addon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<AddonId>,
    /// Where among its users this page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Ticket for Dispatch {
    const KIND: JobKind = JobKind::Dispatch;
    const NAME: &'static str = "dispatch";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Webhooks;
}
