//! Cancelling and trying again.
//!
//! The mark in our own record comes first: whatever happens to the worker or
//! to this process afterwards, a marked job can only end as cancelled.

use std::time::Duration;

use crate::model::id::{ClientId, JobId};
use crate::model::job::Outcome;
use crate::queue::{self, Lane, Removal};
use crate::store::jobs::{CancelRequest, JobRecord, Retried, Turn};
use crate::work::{CancelAnswer, RetryAnswer, Work, WorkError};

/// How often the queue is asked again for a job that its worker has just given up.
const REQUEUE_TRIES: u32 = 20;
/// Pause between two such questions.
const REQUEUE_PAUSE: Duration = Duration::from_millis(50);

impl Work {
    /// Cancels a job of `client`. May be repeated.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn cancel(&self, client: &ClientId, id: &JobId) -> Result<CancelAnswer, WorkError> {
        if self.own(client, id).await?.is_none() {
            return Ok(CancelAnswer::Missing);
        }
        let record = match self.jobs.request_cancel(id).await? {
            CancelRequest::Missing => return Ok(CancelAnswer::Missing),
            CancelRequest::TooLate => return Ok(CancelAnswer::TooLate),
            CancelRequest::Over(status) => return Ok(CancelAnswer::Over(status)),
            CancelRequest::Marked(record) => record,
        };
        let Some(lane) = Lane::parse(&record.facts.lane) else { return Ok(CancelAnswer::Cancelling) };
        match self.producer.remove(lane, queue_id(id)).await? {
            Removal::Active => Ok(CancelAnswer::Cancelling),
            Removal::Removed | Removal::Absent => {
                self.jobs.finish(id, &Outcome::Cancelled).await?;
                if record.facts.is_foreign && self.is_told(&record).await? {
                    self.leave_dispatch(&record).await?;
                }
                Ok(CancelAnswer::Cancelled)
            }
        }
    }

    /// Puts a failed job of `client` back into its queue, with all its attempts.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn retry(&self, client: &ClientId, id: &JobId) -> Result<RetryAnswer, WorkError> {
        let Some(record) = self.own(client, id).await? else { return Ok(RetryAnswer::Missing) };
        let Some(lane) = Lane::parse(&record.facts.lane) else { return Ok(RetryAnswer::Gone) };
        let Some(queued) = self.producer.peek(lane, queue_id(id)).await? else { return Ok(RetryAnswer::Gone) };
        match self.jobs.retry(id).await? {
            Retried::Missing => Ok(RetryAnswer::Missing),
            Retried::NotFailed(status) => Ok(RetryAnswer::NotFailed(status)),
            Retried::Requeued(_) => {
                if self.is_told(&record).await? {
                    // The flow parent ran when the job failed; this end is announced by the worker.
                    self.jobs.owe(id).await?;
                }
                // Its old turn was among others, who may be long gone.
                let whose = (&record.facts.client, record.facts.user.as_ref());
                let number = match Turn::of_number(queued.priority).filter(|_| lane.takes_turns()) {
                    Some(turn) => Some(self.jobs.take_turn(lane.name(), turn, whose).await?),
                    None => None,
                };
                self.requeue(lane, queue_id(id), number).await?;
                Ok(RetryAnswer::Queued)
            }
        }
    }

    /// Puts the job back into its queue. Our record is written first when a job fails, so that for a moment the queue
    /// still counts it as running: then it is asked again until the worker has told it. A worker that dies in that
    /// moment tells nothing, and needs not: the queue gives the job to another one, which finds it waiting.
    async fn requeue(&self, lane: Lane, id: &str, number: Option<u32>) -> Result<(), WorkError> {
        for _ in 0..REQUEUE_TRIES {
            match self.producer.retry_at(lane, id, number).await? {
                queue::Retried::Retried | queue::Retried::Absent => return Ok(()),
                queue::Retried::NotFailed => tokio::time::sleep(REQUEUE_PAUSE).await,
            }
        }
        Ok(())
    }

    /// The record, where it is `client`'s.
    pub(super) async fn own(&self, client: &ClientId, id: &JobId) -> Result<Option<JobRecord>, WorkError> {
        let record = self.jobs.get(id).await?;
        Ok(record.filter(|record| record.facts.client == *client && record.facts.kind.is_public()))
    }
}

/// The id under which the queue knows the job.
pub(super) fn queue_id(id: &JobId) -> &str {
    id.as_foreign().map_or(id.as_str(), |(_, queue_id)| queue_id)
}
