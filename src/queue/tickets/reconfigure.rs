//! The ticket that gives an enabled addon new settings.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Give an enabled addon new settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reconfigure {
    /// The addon.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The settings, whole; checked against the schema of the manifest.
    pub config: Value,
}

impl Ticket for Reconfigure {
    const KIND: JobKind = JobKind::Reconfigure;
    const NAME: &'static str = "reconfigure";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
