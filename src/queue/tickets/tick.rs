//! The ticket of a schedule that is due.

use serde::{Deserialize, Serialize};

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Wake an addon because one of its schedules is due. A scheduler leaves it; what may have changed since that was made
/// is in it, so that one that is out of date is told from one that is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// The addon.
    pub addon_id: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The enablement, by its opaque name: another one after an erase.
    pub enablement: String,
    /// The schedule's name.
    pub schedule: String,
    /// Its cron expression.
    pub cron: String,
    /// The time zone that it goes by.
    pub timezone: String,
    /// When it was due, in milliseconds since the epoch. The scheduler fills it in.
    #[serde(default)]
    pub due_ms: u64,
}

impl Ticket for Tick {
    const KIND: JobKind = JobKind::Tick;
    const NAME: &'static str = "tick";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::AddonCalls;
}
