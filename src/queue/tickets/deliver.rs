//! The ticket of one delivery.

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;
use crate::model::event::EventType;
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Deliver one event to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deliver {
    /// The job that the event is about; left out for events of an enablement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The tenant whose secret signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The event.
    pub event: EventType,
    /// The receiver; of a standing endpoint, as it was when the event happened: a try goes to where it is then.
    pub url: String,
    /// The same over all tries of this event at this receiver.
    pub webhook_id: String,
    /// A standing endpoint's id; left out for a per-request address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// The number of this try; 1 is the first. The next one is a job of its own.
    pub attempt: u32,
    /// How often somebody asked for it again before; each time the tries count from 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// How often this try was put off because its receiver was busy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waits: u32,
    /// The exact text that is signed and sent.
    pub body: String,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Deliver {
    /// The id of this try in the queue: the same event, receiver and number give the same id, so that a try that is left
    /// twice is left once.
    #[must_use]
    pub fn queue_id(&self) -> String {
        let receiver = self.endpoint_id.as_deref().unwrap_or(&self.url);
        let receiver: String = Digest::of(receiver.as_bytes()).hex().chars().take(16).collect();
        let mut id = format!("hook_{}_{receiver}_{}", self.webhook_id, self.attempt);
        for (mark, number) in [("r", self.round), ("w", self.waits)] {
            if number > 0 {
                id.push_str(&format!("_{mark}{number}"));
            }
        }
        id
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Ticket for Deliver {
    const KIND: JobKind = JobKind::Deliver;
    const NAME: &'static str = "deliver";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Webhooks;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tries_share_an_id_and_the_same_try_keeps_it() {
        let ticket = Deliver {
            job_id: None,
            client_id: None,
            event: EventType::JobCompleted,
            url: String::from("https://example.com/"),
            webhook_id: String::from("msg_1"),
            endpoint_id: None,
            attempt: 1,
            round: 0,
            waits: 0,
            body: String::from("{}"),
            traceparent: None,
        };
        let endpoint = |id: &str| Deliver { endpoint_id: Some(id.to_owned()), ..ticket.clone() };
        let ids = [
            ticket.queue_id(),
            Deliver { attempt: 2, ..ticket.clone() }.queue_id(),
            Deliver { round: 1, ..ticket.clone() }.queue_id(),
            Deliver { waits: 1, ..ticket.clone() }.queue_id(),
            endpoint("we_1").queue_id(),
            endpoint("we_2").queue_id(),
        ];
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids.iter().skip(place + 1).any(|other| other == id), "{id}");
        }
        let moved = Deliver { url: String::from("https://example.org/"), ..endpoint("we_1") };
        assert_eq!(moved.queue_id(), endpoint("we_1").queue_id());
    }
}
