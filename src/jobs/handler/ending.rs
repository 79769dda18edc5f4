//! What an attempt's end means: for our record, and for the queue, which hears of it afterwards.

use serde_json::Value;

use crate::jobs::JobResult;
use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::job::Outcome;
use crate::model::job_error::JobError;
use crate::queue::{Delivery, Interruption, Verdict};
use crate::store::jobs::JobRecord;

/// How an attempt ended, other than well.
pub(super) enum Ended {
    /// Another worker may have it.
    Lost,
    /// This process goes away.
    HandBack,
    /// Somebody asked for it.
    Cancelled,
    /// It failed.
    Error(JobError),
}

/// What the attempt's result means once it is known why it was told to stop, if it was.
pub(super) fn interrupted(result: JobResult, delivery: &Delivery) -> Result<Value, Ended> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    Err(match delivery.interruption() {
        None => Ended::Error(error),
        Some(Interruption::Cancelled) => Ended::Cancelled,
        Some(Interruption::LockLost) => Ended::Lost,
        Some(Interruption::Closing) => Ended::HandBack,
        Some(Interruption::Deadline) => Ended::Error(JobError::transient(
            JobCode::DeadlineExceeded,
            "the attempt took longer than it may; ask for more with `timeoutMs`, or for less work",
        )),
    })
}

/// The queue counts tries, waits and the day; our record must end when it does.
pub(super) fn will_run_again(error: &JobError, delivery: &Delivery) -> bool {
    !delivery.ends_with(&as_verdict(error))
}

pub(super) fn as_verdict(error: &JobError) -> Verdict {
    match error.disposition {
        Disposition::Retry => Verdict::Retry(error.to_string()),
        Disposition::RetryAfter(wait) => Verdict::RetryAfter(wait, error.to_string()),
        Disposition::GiveUp => Verdict::GiveUp(error.to_string()),
    }
}

pub(super) fn as_end(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Completed(value) => Verdict::Done(value),
        Outcome::Failed(failure) => Verdict::GiveUp(failure.to_string()),
        Outcome::Cancelled => cancelled(),
    }
}

/// The queue hears again what our record knows.
pub(super) fn as_it_ended(record: &JobRecord) -> Verdict {
    match &record.failure {
        Some(failure) => Verdict::GiveUp(failure.to_string()),
        None => Verdict::Done(record.result.clone().unwrap_or_default()),
    }
}

/// BullMQ has no such state; our record does, and it wins.
pub(super) fn cancelled() -> Verdict {
    Verdict::GiveUp(JobError::permanent(JobCode::Cancelled, "the job was cancelled").to_string())
}
