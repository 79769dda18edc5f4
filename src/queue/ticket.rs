//! What every ticket has: a kind, names and a lane.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::job::JobKind;
use crate::queue::Lane;

/// The payload of one kind of job: plain data, safe to keep for a week.
///
/// Foreign producers write tickets too, so unknown fields are tolerated when one is read.
pub trait Ticket: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the job does.
    const KIND: JobKind;
    /// The job's name in the queue.
    const NAME: &'static str;
    /// Older names that are understood as well.
    const ALIASES: &'static [&'static str];
    /// The queue it goes to.
    const LANE: Lane;
}
