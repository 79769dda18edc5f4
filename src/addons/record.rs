//! Changing an enablement's record from a job: by compare-and-set, and the last time only while nobody cancelled the job.

use crate::addons::Addons;
use crate::addons::owner::Owner;
use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::store::enablements::{Candidate, Concluded, Enablement, Put};

/// How often a write that somebody else was quicker with is tried again.
pub(super) const WRITE_TRIES: u32 = 8;

impl Addons {
    /// Applies `edit` to the enablement by compare-and-set, to a fresh one (revision 0) where there is none; `false`
    /// from `edit` means nothing is to be written.
    pub(super) async fn change(
        &self,
        owner: &Owner,
        edit: impl Fn(&mut Enablement) -> Result<bool, JobError>,
    ) -> Result<Enablement, JobError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let mut next = current
                .unwrap_or_else(|| Enablement::fresh(owner.client.clone(), owner.user.clone(), owner.addon.clone()));
            if !edit(&mut next)? {
                return Ok(next);
            }
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(revision) => return Ok(Enablement { revision, ..next }),
                Put::Conflict(_) => {}
            }
        }
        Err(too_many())
    }

    /// The last write of `job`: applies `edit` to the enablement that is there. A cancel comes either before, and then
    /// nothing is written, or too late.
    pub(super) async fn conclude(
        &self,
        owner: &Owner,
        job: &JobId,
        edit: impl Fn(&mut Enablement) -> Result<(), JobError>,
    ) -> Result<Enablement, JobError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let mut next = current.ok_or_else(|| overtaken(owner))?;
            edit(&mut next)?;
            match self.inner.conclude(job, &next).await? {
                Concluded::Written => return Ok(next),
                Concluded::Conflict => {}
                Concluded::Stopped => return Err(stopped()),
            }
        }
        Err(too_many())
    }
}

/// Whether the enablement is `job`'s to change: nobody asked for anything else since.
pub(super) fn is_of(current: &Enablement, job: &JobId) -> bool {
    current.job_id.as_ref() == Some(job)
}

/// The upgrade that `job` brings, while the version before serves.
pub(super) fn candidate_of<'a>(current: &'a Enablement, job: &JobId) -> Option<&'a Candidate> {
    current.candidate.as_ref().filter(|candidate| current.state == EnablementState::Enabled && candidate.job_id == *job)
}

/// Somebody asked for something else while this load was on its way.
pub(super) fn overtaken(owner: &Owner) -> JobError {
    let message = format!(
        "`{}` was switched off or asked for anew for user `{}` after this job was asked for; nothing was changed",
        owner.addon, owner.user
    );
    JobError::permanent(JobCode::AddonNotEnabled, message)
}

/// The job was cancelled before its last write.
pub(super) fn stopped() -> JobError {
    JobError::permanent(JobCode::Cancelled, "the job was cancelled before its last step; nothing was changed")
}

pub(super) fn too_many() -> JobError {
    JobError::transient(JobCode::Internal, "the enablement is being changed by too many at once")
}
