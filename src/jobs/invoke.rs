//! `invoke`: call an action of an addon.

use serde_json::json;

use crate::addons::CallContext;
use crate::addons::starts::handed_over;
use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::invoke::Invoke;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Invoke = cx.ticket()?;
    let owner = cx.owner()?;
    let call = context(&cx, &ticket);
    let answer = cx.services.addons.run_action(&owner, &ticket.action, &ticket.params, &call).await?;
    let mut assets = Vec::with_capacity(answer.assets.len());
    for id in &answer.assets {
        let record = cx.services.gallery.find(&owner.client, id).await?;
        assets.extend(record.map(|record| cx.services.gallery.asset_view(&record)));
    }
    Ok(json!({ "value": answer.value, "assets": assets }))
}

/// The context of the call. What the parameters name may be opened only where this platform wrote them.
fn context(cx: &JobCx, ticket: &Invoke) -> CallContext {
    let call = cx.call.clone();
    let follows = cx.record.facts.started_by.as_ref().is_some_and(|start| start.follows.is_some());
    let handed = if follows { handed_over(&ticket.params) } else { Vec::new() };
    CallContext { lineage: call.lineage.handing(handed), ..call }
}
