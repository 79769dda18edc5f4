//! `publish`: take a component into the registry.

use crate::jobs::{JobCx, JobResult};
use crate::model::job_error::JobError;
use crate::queue::tickets::publish::Publish;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Publish = cx.ticket()?;
    cx.services.addons.take_in(&ticket, &cx.call.progress).await
}

/// The job failed for good: bytes that no version names are removed.
pub(super) async fn ended_badly(cx: &JobCx) -> Result<(), JobError> {
    let ticket: Publish = cx.ticket()?;
    cx.services.addons.discard(&ticket).await
}
