//! `handle`: tell an addon of an event that it handles.

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::handle::Handle;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Handle = cx.ticket()?;
    cx.services.addons.hear(&cx.owner()?, &ticket.topic, &ticket.payload, &cx.call).await
}
