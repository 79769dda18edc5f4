//! How many calls of one addon run for one user at the same time: asked before anything of a job begins, so that one that
//! has to wait leaves no trace, and costs neither a try nor a place among the running.

use std::time::Duration;

use serde_json::Value;

use crate::addons::{Line, Owner, Turn};
use crate::imaging::ADDON_PREFIX;
use crate::jobs::Services;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job::JobKind;
use crate::queue::Delivery;

/// Longest wait in this process; then the job is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The job's turn, where its kind has turns; or after how long to come again.
pub(super) async fn turn(kind: JobKind, delivery: &Delivery, services: &Services) -> Result<Option<Turn>, Duration> {
    let wanted = wanted(kind, &delivery.data, &services.default_client);
    let Some((owner, line)) = wanted else { return Ok(None) };
    // What is waited here is taken from the time that the job may run.
    let run = delivery.data.get("timeoutMs").and_then(Value::as_u64).map(Duration::from_millis);
    let patience = run.map_or(PATIENCE, |run| PATIENCE.min(run / 4));
    tokio::select! {
        turn = services.addons.turn(&owner, line, patience) => turn.map(Some),
        // Whoever ends the job looks why it was told to stop.
        () = delivery.token.cancelled() => Ok(None),
    }
}

/// Which addon the job calls, for whom, and in which line it waits; none where it has no turns, or says so wrongly, which
/// somebody else tells it.
fn wanted(kind: JobKind, ticket: &Value, default_client: &ClientId) -> Option<(Owner, Line)> {
    let text = |name| ticket.get(name).and_then(Value::as_str);
    let (addon, line) = match kind {
        JobKind::Invoke | JobKind::Handle | JobKind::Tick => (text("addonId")?, Line::Calls),
        // Most pictures are drawn by somebody else.
        JobKind::Generate => (text("provider")?.strip_prefix(ADDON_PREFIX)?, Line::Pictures),
        JobKind::Message
        | JobKind::Load
        | JobKind::Reconfigure
        | JobKind::Unload
        | JobKind::Publish
        | JobKind::Noop
        | JobKind::Dispatch
        | JobKind::Deliver
        | JobKind::Upkeep => return None,
    };
    let client = text("clientId").map_or_else(|| Ok(default_client.clone()), ClientId::parse).ok()?;
    let user = text("userId").map_or_else(|| Ok(UserId::fallback()), UserId::parse).ok()?;
    Some((Owner { client, user, addon: AddonId::parse(addon).ok()? }, line))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_calls_one_addon_waits_in_its_users_line() {
        let client = ClientId::parse("acme").expect("a client");
        let addon = json!({ "addonId": "acme.art", "userId": "alice" });
        let drawn = json!({ "provider": "addon:acme.art", "userId": "alice" });
        for (kind, ticket, line) in [
            (JobKind::Invoke, &addon, Line::Calls),
            (JobKind::Handle, &addon, Line::Calls),
            (JobKind::Tick, &addon, Line::Calls),
            (JobKind::Generate, &drawn, Line::Pictures),
        ] {
            let (owner, found) = wanted(kind, ticket, &client).expect("a line");
            assert_eq!((owner.addon.as_str(), owner.user.as_str(), found), ("acme.art", "alice", line), "{kind}");
        }
        let sketch = json!({ "provider": "sketch", "userId": "alice" });
        for (kind, ticket) in [
            (JobKind::Generate, &sketch),
            (JobKind::Load, &addon),
            (JobKind::Message, &addon),
            (JobKind::Invoke, &json!({ "addonId": "no addon" })),
        ] {
            assert!(wanted(kind, ticket, &client).is_none(), "{kind}: {ticket}");
        }
    }
}
