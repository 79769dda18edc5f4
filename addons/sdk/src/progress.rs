//! Telling the job's watchers how far it is, hearing that nobody waits any more, and surviving a retry.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::bindings::semantest::addon::progress;

/// Reports `done` of `total`.
pub fn report(done: u32, total: u32) {
    progress::report(done, total, None);
}

/// Reports `done` of `total` with a word for people.
pub fn report_with_note(done: u32, total: u32, note: &str) {
    progress::report(done, total, Some(note));
}

/// Sends a part of the result to clients that stream the job.
///
/// # Errors
/// What the host answers, such as `too-large`.
pub fn partial(chunk: &impl Serialize) -> Result<(), Error> {
    progress::partial(&serde_json::to_string(chunk)?)
}

/// Whether the job was cancelled; long work should ask now and then, and return [`Error::cancelled`].
#[must_use]
pub fn is_cancelled() -> bool {
    progress::cancelled()
}

/// Keeps `state` for a retry of the same job; the newest one wins.
///
/// # Errors
/// What the host answers, such as `too-large`.
pub fn save_checkpoint(state: &impl Serialize) -> Result<(), Error> {
    progress::save_checkpoint(&serde_json::to_vec(state)?)
}

/// What an earlier attempt of this job saved.
///
/// # Errors
/// What the host answers, or `permanent` when the state does not fit `T`.
pub fn load_checkpoint<T: DeserializeOwned>() -> Result<Option<T>, Error> {
    match progress::load_checkpoint()? {
        Some(state) => Ok(Some(serde_json::from_slice(&state)?)),
        None => Ok(None),
    }
}
