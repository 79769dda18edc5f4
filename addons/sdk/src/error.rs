//! Errors: the contract's own type, with a constructor for each kind an addon returns.

use std::time::Duration;

use serde::Serialize;

use crate::{Error, ErrorKind, Refusal};

impl Error {
    /// The caller's input is wrong; the job fails and is not tried again.
    pub fn bad_input(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(ErrorKind::BadInput, code, message)
    }

    /// Refused on purpose; the job fails and is not tried again.
    pub fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Refused, code, message)
    }

    /// Something passing went wrong; the job is tried again by the queue's backoff.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Transient, code, message)
    }

    /// Something went wrong that will go wrong again; the job fails.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(ErrorKind::Permanent, code, message)
    }

    /// The work was given up because [`crate::progress::is_cancelled`] said so.
    pub fn cancelled() -> Self {
        Self::of(ErrorKind::Cancelled, "cancelled", "gave up because the job was cancelled")
    }

    /// An error of any kind. `code` is the author's own stable word for it; `message` is for people.
    pub fn of(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), retry_after_ms: None, details: None }
    }

    /// Asks to be tried again after `wait`; the host keeps it between one second and one hour.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after_ms = u64::try_from(wait.as_millis()).ok();
        self
    }

    /// Adds facts that clients can read as JSON; facts that cannot be written are left out.
    #[must_use]
    pub fn with_details(mut self, details: &impl Serialize) -> Self {
        self.details = serde_json::to_string(details).ok();
        self
    }
}

/// What cannot be read or written as JSON is the input's fault where [`crate::Json::read`]
/// made the error; elsewhere it is the addon's own and final.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::permanent("json", error.to_string())
    }
}

impl Refusal {
    /// Why the addon stops something, shown to the user. `code` is the author's own stable word for it.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}
