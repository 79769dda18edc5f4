//! The ticket that enables an addon.

use serde::Deserializer;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::capability::Capability;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Enable an addon for a user. Public contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// The addon.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The settings; checked against the schema of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Exact, a range, `latest` or `beta`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest that the user said yes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
    /// An explicit narrowing; left out, or `"requested"`, means what the manifest asks for.
    #[serde(default, deserialize_with = "narrowing", skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<Capability>>,
    /// `none` or `compatible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_update: Option<String>,
    /// The time zone of the user's schedules, an IANA name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
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

impl Ticket for Load {
    const KIND: JobKind = JobKind::Load;
    const NAME: &'static str = "load";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Addons;
}

/// Reads `"requested"` as nothing said, and anything else as a list of capabilities.
fn narrowing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Capability>>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(word) if word == "requested" => Ok(None),
        list => serde_json::from_value(list).map(Some).map_err(D::Error::custom),
    }
}
