//! The ticket of a chat message.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::chat;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Send a chat message through the user's addons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the user says, 1–4000 characters.
    pub prompt: String,
    /// The chat it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The message's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// What was said before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous_messages: Vec<chat::Message>,
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

impl Ticket for Message {
    const KIND: JobKind = JobKind::Message;
    const NAME: &'static str = "message";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
