//! Announcing what happened. Needs the capability `events`, which lists the topics.
//!
//! It goes to the client's webhooks (`addon.emitted`), and to those other addons of the same user that handle the topic
//! ([`EventHandler`](crate::EventHandler)): as `topic`, or as `publisher.name/topic` where their manifest names this addon.

use serde::Serialize;

use crate::Error;
use crate::bindings::semantest::addon::events;

/// Announces `payload` as JSON, at most 16 KiB of it.
///
/// A job that is tried again announces the same events again: the host tells each once, by their number in the job. So
/// announce in an order that does not depend on chance.
///
/// # Errors
/// `not-granted` for a topic that is not declared or not granted, `too-large`, `over-quota` when this call announced too
/// many, `refused` with the code `too-many-hops` when addons set each other off too often in a row.
pub fn emit(topic: &str, payload: &impl Serialize) -> Result<(), Error> {
    events::emit(topic, &serde_json::to_string(payload)?)
}
