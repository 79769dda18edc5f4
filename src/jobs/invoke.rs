//! `invoke`: call an action of an addon.

use serde_json::json;

use crate::jobs::{JobCx, JobResult};
use crate::queue::tickets::invoke::Invoke;

pub(super) async fn run(cx: JobCx) -> JobResult {
    let ticket: Invoke = cx.ticket()?;
    let owner = cx.owner(&ticket.addon_id, &ticket.user_id);
    let answer = cx.services.addons.run_action(&owner, &ticket.action, &ticket.params, &cx.call).await?;
    let mut assets = Vec::with_capacity(answer.assets.len());
    for id in &answer.assets {
        assets.extend(cx.services.gallery.view(&owner.client, id).await?);
    }
    Ok(json!({ "value": answer.value, "assets": assets }))
}
