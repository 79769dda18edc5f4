//! Why a job failed: what its client reads, and what the queue does about it.

use std::time::Duration;

use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::job::Failure;

/// The one error that leaves a job. Each service's own error turns into it beside that error's enum.
#[derive(Clone, Debug, PartialEq)]
pub struct JobError {
    /// What the client reads.
    pub failure: Failure,
    /// What the queue does.
    pub disposition: Disposition,
}

impl JobError {
    /// Trying again would end the same way.
    #[must_use]
    pub fn permanent(code: JobCode, message: impl Into<String>) -> Self {
        Self { failure: Failure::permanent(code, message), disposition: Disposition::GiveUp }
    }

    /// Trying again may help.
    #[must_use]
    pub fn transient(code: JobCode, message: impl Into<String>) -> Self {
        Self { failure: Failure::transient(code, message), disposition: Disposition::Retry }
    }

    /// Trying again helps after this long.
    #[must_use]
    pub fn after(code: JobCode, message: impl Into<String>, wait: Duration) -> Self {
        Self { failure: Failure::transient(code, message), disposition: Disposition::RetryAfter(wait) }
    }

    /// An error of the platform's own, told to the client without its cause.
    #[must_use]
    pub fn internal(disposition: Disposition) -> Self {
        let message = "the platform could not do its part; the log has the reason under the job's id";
        let failure =
            Failure { retryable: disposition.is_retryable(), ..Failure::permanent(JobCode::Internal, message) };
        Self { failure, disposition }
    }
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        let disposition = if failure.retryable { Disposition::Retry } else { Disposition::GiveUp };
        Self { failure, disposition }
    }
}

impl std::fmt::Display for JobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.failure.fmt(f)
    }
}

impl std::error::Error for JobError {}
