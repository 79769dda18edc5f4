//! How an attempt ends in our record: with the job, or with another attempt to come. What its calls used is counted in the
//! same script.

use chrono::{DateTime, Utc};

use super::{Finished, Jobs, json, list, millis, seconds};
use crate::clock;
use crate::model::id::JobId;
use crate::model::job::{Failure, JobStatus, Outcome};
use crate::store::usage::UsageBook;
use crate::store::{StoreError, script};

impl Jobs {
    /// Writes how the job ended, which is its terminal event too, unless it ended before.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn finish(&self, id: &JobId, outcome: &Outcome) -> Result<Finished, StoreError> {
        self.finish_metered(id, outcome, &UsageBook::default()).await
    }

    /// The same, and counts what is in the book, which is empty afterwards. Where the job ended before, nothing is counted.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn finish_metered(
        &self,
        id: &JobId,
        outcome: &Outcome,
        usage: &UsageBook,
    ) -> Result<Finished, StoreError> {
        let payload = match outcome {
            Outcome::Completed(result) => json("result", result)?,
            Outcome::Failed(failure) => json("failure", failure)?,
            Outcome::Cancelled => String::new(),
        };
        let code = if let Outcome::Failed(failure) = outcome { failure.code.as_str() } else { String::new() };
        let retention = self.store.retention();
        let mut invocation = self.over(&script::JOB_FINISH, id);
        invocation
            .arg(self.store.only_key(list::FAILED))
            .arg(clock::now_ms())
            .arg(outcome.status().as_str())
            .arg(payload)
            .arg(seconds(retention.finished))
            .arg(seconds(retention.failed))
            .arg(code);
        usage.add_to(&self.store, &mut invocation);
        let (is_written, status): (bool, String) = self.store.run(&invocation).await?;
        usage.clear();
        Ok(match JobStatus::parse(&status) {
            None => Finished::Missing,
            Some(_) if is_written => Finished::Written,
            Some(status) => Finished::Already(status),
        })
    }

    /// Puts a job that a worker has back to waiting: for its next attempt at `next_attempt_at`, or at once where its
    /// worker hands it back. `failure` says why the last attempt failed. No event; false where it was not `processing`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn release(
        &self,
        id: &JobId,
        next_attempt_at: Option<DateTime<Utc>>,
        failure: Option<&Failure>,
    ) -> Result<bool, StoreError> {
        self.release_metered(id, next_attempt_at, failure, &UsageBook::default()).await
    }

    /// The same, and counts what is in the book, which is empty afterwards.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn release_metered(
        &self,
        id: &JobId,
        next_attempt_at: Option<DateTime<Utc>>,
        failure: Option<&Failure>,
        usage: &UsageBook,
    ) -> Result<bool, StoreError> {
        let failure = failure.map(|failure| json("failure", failure)).transpose()?.unwrap_or_default();
        let mut invocation = self.over(&script::JOB_RELEASE, id);
        invocation.arg(next_attempt_at.map_or(0, millis)).arg(failure);
        usage.add_to(&self.store, &mut invocation);
        let is_released = self.store.run(&invocation).await?;
        usage.clear();
        Ok(is_released)
    }
}
