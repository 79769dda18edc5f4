//! `tick`: wake an addon because one of its schedules is due.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::tick::Tick;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Tick = cx.ticket()?;
    cx.services.addons.tick(&cx.owner()?, &ticket, &cx.call).await
}
