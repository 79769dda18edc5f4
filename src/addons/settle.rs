//! Enablements whose job ended without its last write: nothing stays `loading` or `disabling` for ever.
//!
//! A worker that sees its job fail writes it down at once. A job may also end where no worker can: cancelled in its
//! queue, its request dead before it was enqueued, or every worker that had it gone. Whoever looks next writes it then.

use chrono::{DateTime, Utc};

use crate::addons::owner::Owner;
use crate::addons::record::{candidate_of, is_of};
use crate::addons::running::CallContext;
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job::{Failure, JobKind, Step};
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::store::enablements::{Candidate, CandidateState, Enablement, Put};
use crate::work::LOST_AFTER;

impl Addons {
    /// Records that a `load` or `unload` job failed for good or was cancelled.
    ///
    /// # Errors
    /// [`JobError`] when the record cannot be written.
    pub async fn undo(&self, owner: &Owner, failure: &Failure, context: &CallContext) -> Result<(), JobError> {
        self.change(owner, |current| {
            let Some(next) = undone(current, &context.job_id, failure, context.progress.steps()) else {
                return Ok(false);
            };
            *current = next;
            Ok(true)
        })
        .await
        .map(|_| ())
    }

    /// Looks at the enablement that a job was about, so that one that was cancelled in its queue leaves nothing moving.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read or written.
    pub async fn look_after(&self, job: &JobId) -> Result<(), AddonsError> {
        let Some(record) = self.inner.work.records().get(job).await? else { return Ok(()) };
        let facts = record.facts;
        let (JobKind::Load | JobKind::Unload, Some(user), Some(addon)) = (facts.kind, facts.user, facts.addon) else {
            return Ok(());
        };
        if let Some(current) = self.inner.enablements.get(&facts.client, &user, &addon).await? {
            self.settled(current).await?;
        }
        Ok(())
    }

    /// The enablement as it is once its job was asked about.
    pub(super) async fn settled(&self, current: Enablement) -> Result<Enablement, AddonsError> {
        let Some((job, since)) = on_its_way(&current) else { return Ok(current) };
        let Some((failure, steps)) = self.end_of(job, since).await? else { return Ok(current) };
        let Some(next) = undone(&current, job, &failure, steps) else { return Ok(current) };
        match self.inner.write(current.revision, &next).await? {
            Put::Stored(revision) => Ok(Enablement { revision, ..next }),
            // Its worker, or another reader, wrote first; that is what the caller meets.
            Put::Conflict(_) => {
                let (client, user, addon) = (&current.client, &current.user, &current.addon);
                Ok(self.inner.enablements.get(client, user, addon).await?.unwrap_or(current))
            }
        }
    }

    /// How the job ended, where it did; a job that writes the enablement does so before it ends.
    async fn end_of(
        &self,
        job: &JobId,
        since: Option<DateTime<Utc>>,
    ) -> Result<Option<(Failure, Vec<Step>)>, AddonsError> {
        let Some(record) = self.inner.work.records().get(job).await? else {
            // Its request marks the enablement first, and may be between the two.
            let is_young = since.is_some_and(|at| at > clock::now() - LOST_AFTER);
            return Ok((!is_young).then(|| (lost(), Vec::new())));
        };
        let record = self.inner.work.reconcile(record).await?;
        Ok(record.is_finished().then(|| (record.failure.unwrap_or_else(lost), record.steps)))
    }
}

fn lost() -> Failure {
    Failure::transient(JobCode::WorkerLost, "the job is gone and changed nothing; ask for it again")
}

/// The job that the enablement waits for, and when that was asked for.
fn on_its_way(current: &Enablement) -> Option<(&JobId, Option<DateTime<Utc>>)> {
    if current.state.is_moving() {
        return current.job_id.as_ref().map(|job| (job, job.asked_at()));
    }
    let candidate = current.candidate.as_ref().filter(|candidate| candidate.state == CandidateState::Loading)?;
    Some((&candidate.job_id, Some(candidate.since)))
}

/// The enablement after `job` ended so and wrote nothing; none where it does not wait for that job.
fn undone(current: &Enablement, job: &JobId, failure: &Failure, steps: Vec<Step>) -> Option<Enablement> {
    let error = Some(failure.clone());
    if let Some(candidate) = candidate_of(current, job) {
        if candidate.state != CandidateState::Loading {
            return None;
        }
        let candidate = Some(Candidate { state: CandidateState::Failed, error, ..candidate.clone() });
        return Some(Enablement { candidate, ..current.clone() });
    }
    if !is_of(current, job) {
        return None;
    }
    match current.state {
        EnablementState::Loading => {
            Some(Enablement { state: EnablementState::Failed, error, steps, ..current.clone() })
        }
        EnablementState::Disabling if failure.code == JobCode::Cancelled => {
            let state = current.unloading.map_or(EnablementState::Disabled, |unloading| unloading.from.resumed());
            Some(Enablement { state, unloading: None, ..current.clone() })
        }
        // Whoever asked wants it off; what failed is the farewell or the erasing, and that can be asked for again.
        EnablementState::Disabling => {
            Some(Enablement { state: EnablementState::Disabled, unloading: None, error, ..current.clone() })
        }
        EnablementState::Enabled
        | EnablementState::AwaitingConsent
        | EnablementState::AwaitingSecrets
        | EnablementState::Failed
        | EnablementState::Disabled
        | EnablementState::Quarantined
        | EnablementState::Blocked => None,
    }
}
