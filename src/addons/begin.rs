//! How a `load` job takes its enablement up: marked by its request, or by itself where a foreign producer asked.

use crate::addons::Addons;
use crate::addons::owner::Owner;
use crate::addons::record::{candidate_of, is_of, overtaken};
use crate::clock;
use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState, IllegalChange};
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{Candidate, CandidateState, Enablement};

impl Addons {
    /// The enablement, `loading` by `job` or with a candidate that is; or as an earlier attempt of the same job left it. A
    /// job of ours finds it marked by its request: where it is not, somebody asked for something else since, and this load
    /// must not undo that.
    pub(super) async fn begin_loading(
        &self,
        owner: &Owner,
        ticket: &Load,
        job: &JobId,
    ) -> Result<Enablement, JobError> {
        let target = self.foreign_target(owner, ticket, job).await?;
        self.change(owner, |current| {
            if let Some(candidate) = candidate_of(current, job) {
                let state = candidate.state;
                return Ok(state == CandidateState::Failed && set_loading(current));
            }
            match (is_of(current, job), current.state) {
                (
                    true,
                    EnablementState::Loading
                    | EnablementState::Enabled
                    | EnablementState::AwaitingConsent
                    | EnablementState::AwaitingSecrets,
                ) => return Ok(false),
                // It failed and is tried again.
                (true, EnablementState::Failed) => {}
                (_, _) if job.as_foreign().is_none() => return Err(overtaken(owner)),
                (_, EnablementState::Enabled) => {
                    let target = target.as_ref().ok_or_else(|| overtaken(owner))?;
                    current.candidate = Some(candidate_from(target, ticket, job));
                    return Ok(true);
                }
                (_, _) => {}
            }
            if current.state != EnablementState::Loading {
                current.state = current.state.next(Change::Load).map_err(as_activation_failure)?;
            }
            if job.as_foreign().is_some() {
                current.wish.clone_from(&ticket.version);
            }
            current.job_id = Some(job.clone());
            current.candidate = None;
            current.error = None;
            Ok(true)
        })
        .await
    }

    /// What a foreign producer's load is for, where the addon runs: no request looked that up.
    async fn foreign_target(
        &self,
        owner: &Owner,
        ticket: &Load,
        job: &JobId,
    ) -> Result<Option<VersionRecord>, JobError> {
        if job.as_foreign().is_none() {
            return Ok(None);
        }
        let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let Some(current) = current.filter(|current| current.state == EnablementState::Enabled) else {
            return Ok(None);
        };
        Ok(Some(self.resolve(owner, ticket, current.digest.as_ref()).await?.into_value()))
    }
}

/// Whether the load is still to be done by `job`.
pub(super) fn is_loading(begun: &Enablement, job: &JobId) -> bool {
    match candidate_of(begun, job) {
        Some(candidate) => candidate.state == CandidateState::Loading,
        None => begun.state == EnablementState::Loading,
    }
}

pub(super) fn as_activation_failure(error: IllegalChange) -> JobError {
    JobError::permanent(JobCode::ActivateFailed, error.to_string())
}

fn set_loading(current: &mut Enablement) -> bool {
    if let Some(candidate) = &mut current.candidate {
        candidate.state = CandidateState::Loading;
        candidate.error = None;
    }
    true
}

fn candidate_from(target: &VersionRecord, ticket: &Load, job: &JobId) -> Candidate {
    Candidate {
        version: target.version.clone(),
        digest: target.digest,
        job_id: job.clone(),
        since: clock::now(),
        state: CandidateState::Loading,
        error: None,
        config: ticket.config.clone(),
        grants: None,
        auto_update: None,
        wish: ticket.version.clone(),
        request: None,
        is_automatic: false,
    }
}
