//! `reconfigure`: give an enabled addon new settings.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::reconfigure::Reconfigure;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Reconfigure = cx.ticket()?;
    cx.services.addons.reconfigure(&cx.owner()?, &ticket.config, &cx.call).await
}
