//! `unload`: switch an addon off for a user, and erase it where that was asked for.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::unload::Unload;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Unload = cx.ticket()?;
    cx.services.addons.disable(&cx.owner()?, ticket.erase, &cx.call).await
}
