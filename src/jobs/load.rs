//! `load`: enable an addon for a user.

use crate::jobs::{JobCx, JobResult};
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::queue::tickets::load::Load;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Load = cx.ticket()?;
    cx.services.addons.install(&cx.owner()?, &ticket, &cx.call).await
}

/// The job failed for good or was cancelled: the enablement must not stay `loading`.
pub(super) async fn ended_badly(cx: &JobCx, failure: &Failure) -> Result<(), JobError> {
    cx.services.addons.install_failed(&cx.owner()?, failure, &cx.call).await
}
