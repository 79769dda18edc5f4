//! How many calls of one addon run for one user at the same time: asked before anything of a job begins, so that one that
//! has to wait leaves no trace, and costs neither a try nor a place among the running.

use std::time::Duration;

use serde_json::Value;

use crate::addons::{Owner, Turn};
use crate::jobs::Services;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job::JobKind;
use crate::queue::Delivery;

/// Longest wait in this process; then the job is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The job's turn, where its kind has turns; or after how long to come again.
pub(super) async fn turn(kind: JobKind, delivery: &Delivery, services: &Services) -> Result<Option<Turn>, Duration> {
    let Some(owner) = owner(kind, delivery, services) else { return Ok(None) };
    // What is waited here is taken from the time that the job may run.
    let run = delivery.data.get("timeoutMs").and_then(Value::as_u64).map(Duration::from_millis);
    let patience = run.map_or(PATIENCE, |run| PATIENCE.min(run / 4));
    tokio::select! {
        turn = services.addons.turn(&owner, patience) => turn.map(Some),
        // Whoever ends the job looks why it was told to stop.
        () = delivery.token.cancelled() => Ok(None),
    }
}

/// Whom the job runs for; none where it has no turns, or says so wrongly, which somebody else tells it.
fn owner(kind: JobKind, delivery: &Delivery, services: &Services) -> Option<Owner> {
    if kind != JobKind::Invoke {
        return None;
    }
    let text = |name| delivery.data.get(name).and_then(Value::as_str);
    let client = text("clientId").map_or_else(|| Ok(services.default_client.clone()), ClientId::parse).ok()?;
    let user = text("userId").map_or_else(|| Ok(UserId::fallback()), UserId::parse).ok()?;
    Some(Owner { client, user, addon: AddonId::parse(text("addonId")?).ok()? })
}
