//! The ticket that tells an addon of an event.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Tell an addon of an event that it handles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handle {
    /// The addon that is told.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The topic, as the addon's manifest names it.
    pub topic: String,
    /// What is told.
    #[serde(default)]
    pub payload: Value,
    /// How many starts by addons lie behind it, this one included.
    #[serde(default)]
    pub hops: u32,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Ticket for Handle {
    const KIND: JobKind = JobKind::Handle;
    const NAME: &'static str = "handle";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
