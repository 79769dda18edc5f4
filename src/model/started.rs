//! Work that an addon started: who did, from which job, and how many such starts lie before it.

use serde::{Deserialize, Serialize};

use crate::model::id::{AddonId, JobId};

/// Most starts in a row: work that a client asked for has none behind it, and each start by an addon adds one. What
/// would be the next one is refused, so that addons that start each other (or themselves) come to an end.
pub const MAX_HOPS: u32 = 4;

/// The addon that started a job, and what is to follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartedBy {
    /// The addon.
    pub addon_id: AddonId,
    /// Its enablement, by the opaque name that the guest knows too.
    pub enablement: String,
    /// The job in which it ran.
    pub job_id: JobId,
    /// The addon's action that runs as a job of its own when this one has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then_action: Option<String>,
    /// The job whose end this one answers, where it is such an action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<JobId>,
}
