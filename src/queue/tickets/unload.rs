//! The ticket that disables an addon.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Disable an addon for a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unload {
    /// The addon.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Whether the addon's data of this user goes too.
    #[serde(default)]
    pub erase: bool,
    /// Where this job's events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// The events it wants there; the terminal ones when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_events: Option<Vec<String>>,
    /// Echoed on the job and its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Longest run of one try, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What a foreign producer wished for; shown, not obeyed: the queue's own option orders jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Value>,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Ticket for Unload {
    const KIND: JobKind = JobKind::Unload;
    const NAME: &'static str = "unload";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Addons;
}
