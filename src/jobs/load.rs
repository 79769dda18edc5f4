//! `load`: enable an addon for a user.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::load::Load;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Load = cx.ticket()?;
    cx.services.addons.install(&cx.owner()?, &ticket, &cx.call).await
}
