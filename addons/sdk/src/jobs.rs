//! The addon's own actions, later, each as a job of its own. Needs the capability `jobs`.

use std::time::Duration;

use serde::Serialize;

use crate::Error;
use crate::bindings::semantest::addon::jobs;

/// Leaves `action` for later and answers the job's id. While a job with the same `dedupe` text waits, that one's id is
/// the answer and nothing new is left.
///
/// A call that is made again and leaves the same in the same order leaves nothing twice: it gets the same ids.
///
/// # Errors
/// `bad-input` when the parameters do not fit the action's schema or the delay is too long, `over-quota` when too many
/// wait, `refused` with the code `too-many-hops` when addons started too many jobs in a row to get here.
pub fn enqueue(action: &str, params: &impl Serialize, delay: Duration, dedupe: Option<&str>) -> Result<String, Error> {
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    jobs::enqueue(action, &serde_json::to_string(params)?, delay_ms, dedupe)
}

/// Cancels a job that this addon left for this user; false where it was too late.
///
/// # Errors
/// `missing` for any other id.
pub fn cancel(id: &str) -> Result<bool, Error> {
    jobs::cancel(id)
}
