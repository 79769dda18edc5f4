//! The ticket that turns an event into deliveries.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// What an addon announced in the course of the job, in the place of the job's own events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emitted: Option<Emitted>,
    /// The batch whose end is to be told, once all of its jobs are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
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
