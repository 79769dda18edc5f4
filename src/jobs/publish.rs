//! `publish`: take a component into the registry.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::publish::Publish;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Publish = cx.ticket()?;
    cx.services.addons.take_in(&ticket, &cx.call).await
}
