//! The ticket of a call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Call an action of an addon. Public contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invoke {
    /// The addon.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The action.
    pub action: String,
    /// The action's parameters; checked against its schema before the call.
    #[serde(default)]
    pub params: Value,
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
    /// How many starts by addons lie behind it; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<u32>,
}

impl Ticket for Invoke {
    const KIND: JobKind = JobKind::Invoke;
    const NAME: &'static str = "invoke";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
