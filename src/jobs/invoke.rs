//! `invoke`: call an action of an addon.

use serde_json::json;

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::invoke::Invoke;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Invoke = cx.ticket()?;
    let owner = cx.owner()?;
    let answer = cx.services.addons.run_action(&owner, &ticket.action, &ticket.params, &cx.call).await?;
    let mut assets = Vec::with_capacity(answer.assets.len());
    for id in &answer.assets {
        let record = cx.services.gallery.find(&owner.client, id).await?;
        assets.extend(record.map(|record| cx.services.gallery.asset_view(&record)));
    }
    Ok(json!({ "value": answer.value, "assets": assets }))
}
