//! Our record against the queue's: a job that somebody else's worker finished, or whose worker died for good, ends here too.

use chrono::TimeDelta;

use crate::clock;
use crate::model::code::JobCode;
use crate::model::job::{Failure, Outcome};
use crate::queue::{Lane, QueuedState};
use crate::store::jobs::{JobRecord, RecordStatus};
use crate::work::{Work, WorkError};

/// What BullMQ writes as the reason when a job stalled too often (its Lua, `moveStalledJobsToWait`).
const STALLED_REASON: &str = "job stalled more than allowable limit";

/// How long a job may be missing from its queue: a submission writes the record first, and may be between the two.
pub const LOST_AFTER: TimeDelta = TimeDelta::minutes(2);

impl Work {
    /// The record as it is once the queue was asked too: finished there means finished here.
    ///
    /// # Errors
    /// [`WorkError`] when the record or the queue cannot be read.
    pub async fn reconcile(&self, record: JobRecord) -> Result<JobRecord, WorkError> {
        if record.is_finished() {
            return Ok(record);
        }
        let Some(lane) = Lane::parse(&record.facts.lane) else { return Ok(record) };
        let id = record.facts.id.clone();
        let queue_id = id.as_foreign().map_or(id.as_str(), |(_, queue_id)| queue_id);
        let outcome = match self.producer.state(lane, queue_id).await? {
            QueuedState::Completed => {
                let job = self.producer.peek(lane, queue_id).await?;
                Outcome::Completed(job.and_then(|job| job.return_value).unwrap_or_default())
            }
            QueuedState::Failed => {
                let job = self.producer.peek(lane, queue_id).await?;
                Outcome::Failed(as_failure(job.and_then(|job| job.failed_reason)))
            }
            QueuedState::Absent if record.status == RecordStatus::Cancelling => Outcome::Cancelled,
            QueuedState::Absent if is_lost(&record) => {
                // No flow parent is sure to wait for it; a second dispatch of the same event is harmless.
                if self.is_told(&record).await? {
                    self.leave_dispatch(&record).await?;
                }
                Outcome::Failed(lost())
            }
            QueuedState::Absent
            | QueuedState::Waiting
            | QueuedState::Delayed
            | QueuedState::Active
            | QueuedState::WaitingChildren => return Ok(record),
        };
        // The worker may have finished it between the two looks; then its word stands.
        self.jobs.finish(&id, &outcome).await?;
        Ok(self.jobs.get(&id).await?.unwrap_or(record))
    }
}

/// Whether the queue had time enough to hear of the job. Redis may have gone away between record and ticket, or
/// somebody may have emptied the queue.
fn is_lost(record: &JobRecord) -> bool {
    record.started_at.unwrap_or(record.facts.created_at) < clock::now() - LOST_AFTER
}

fn lost() -> Failure {
    let message = "the queue does not know this job: it was never accepted, or somebody removed it; ask for it again";
    Failure::transient(JobCode::WorkerLost, message)
}

fn as_failure(reason: Option<String>) -> Failure {
    let reason = reason.unwrap_or_default();
    if reason.contains(STALLED_REASON) {
        let message = "the workers that had this job vanished too often; it may be what kills them";
        return Failure::permanent(JobCode::WorkerLost, message);
    }
    let code = reason.split_once(':').and_then(|(code, _)| JobCode::parse(code));
    Failure::permanent(code.unwrap_or(JobCode::Internal), reason)
}
