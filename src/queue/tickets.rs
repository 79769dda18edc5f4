//! The payloads of all kinds of jobs: data only, one file a kind; the work itself is in `jobs/`.
//!
//! `generate`, `load` and `invoke` are public contract (`api.md`, “The queue is
//! a door too”): a producer in any language may write them.

pub mod deliver;
pub mod dispatch;
pub mod generate;
pub mod handle;
pub mod invoke;
pub mod load;
pub mod message;
pub mod noop;
pub mod publish;
pub mod reconfigure;
pub mod tick;
pub mod unload;
pub mod upkeep;

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

pub use deliver::Deliver;
pub use dispatch::Dispatch;
pub use generate::Generate;
pub use handle::Handle;
pub use invoke::Invoke;
pub use load::Load;
pub use message::Message;
pub use noop::Noop;
pub use publish::{Publish, Source};
pub use reconfigure::Reconfigure;
pub use tick::Tick;
pub use unload::Unload;
pub use upkeep::Upkeep;

pub use crate::queue::ticket_error::{TicketError, read};

/// What the queue knows about one kind without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownTicket {
    /// What the job does.
    pub kind: JobKind,
    /// Its name in the queue.
    pub name: &'static str,
    /// Older names.
    pub aliases: &'static [&'static str],
    /// Its queue.
    pub lane: Lane,
}

/// Every kind there is.
pub const ALL: [KnownTicket; 13] = [
    of::<Generate>(),
    of::<Message>(),
    of::<Invoke>(),
    of::<Handle>(),
    of::<Tick>(),
    of::<Load>(),
    of::<Reconfigure>(),
    of::<Unload>(),
    of::<Publish>(),
    of::<Dispatch>(),
    of::<Deliver>(),
    of::<Upkeep>(),
    of::<Noop>(),
];

const fn of<T: Ticket>() -> KnownTicket {
    KnownTicket { kind: T::KIND, name: T::NAME, aliases: T::ALIASES, lane: T::LANE }
}

/// The kind of job that `name` asks for in `lane`; older names are understood.
#[must_use]
pub fn kind_of(lane: Lane, name: &str) -> Option<JobKind> {
    ALL.iter()
        .find(|known| known.lane == lane && (known.name == name || known.aliases.contains(&name)))
        .map(|known| known.kind)
}

/// The queue that jobs of this kind go to.
#[must_use]
pub const fn lane_of(kind: JobKind) -> Lane {
    match kind {
        JobKind::Generate => Generate::LANE,
        JobKind::Message => Message::LANE,
        JobKind::Invoke => Invoke::LANE,
        JobKind::Handle => Handle::LANE,
        JobKind::Tick => Tick::LANE,
        JobKind::Load => Load::LANE,
        JobKind::Reconfigure => Reconfigure::LANE,
        JobKind::Unload => Unload::LANE,
        JobKind::Publish => Publish::LANE,
        JobKind::Dispatch => Dispatch::LANE,
        JobKind::Deliver => Deliver::LANE,
        JobKind::Upkeep => Upkeep::LANE,
        JobKind::Noop => Noop::LANE,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_has_exactly_one_ticket_and_every_name_is_taken_once() {
        for kind in JobKind::ALL {
            assert_eq!(ALL.iter().filter(|known| known.kind == kind).count(), 1, "{kind}");
        }
        for known in ALL {
            assert_eq!(kind_of(known.lane, known.name), Some(known.kind));
            assert_eq!(lane_of(known.kind), known.lane);
        }
        assert_eq!(kind_of(Lane::ImageGeneration, "generate-image"), Some(JobKind::Generate));
        assert_eq!(kind_of(Lane::Addons, "generate"), None);
    }

    #[test]
    fn the_decision_records_own_payloads_are_understood() {
        let generate = json!({"prompt": "a garden", "provider": "dalle3", "userId": "u1",
            "webhookUrl": "http://127.0.0.1:1/hook", "priority": 3, "surprise": true});
        let read_back = read::<Generate>(&generate).map(|ticket| (ticket.image_request().provider, ticket.user_id));
        assert!(matches!(read_back, Ok((Some(provider), Some(user))) if provider == "dalle3" && user == "u1"));
        let load = json!({"addonId": "acme.art", "userId": "u1", "config": {"style": "ink"}});
        assert!(read::<Load>(&load).is_ok_and(|ticket| ticket.config.is_some() && ticket.client_id.is_none()));
        let invoke = json!({"addonId": "acme.art", "userId": "u1", "action": "list", "params": {"limit": 3}});
        assert!(read::<Invoke>(&invoke).is_ok_and(|ticket| ticket.params == json!({"limit": 3})));
    }

    #[test]
    fn a_payload_that_misses_a_field_says_which() {
        let error = read::<Load>(&json!({"userId": "u1"})).map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("addonId")));
    }

    #[test]
    fn empty_tickets_are_empty_objects() -> Result<(), serde_json::Error> {
        assert_eq!(serde_json::to_value(Noop {})?, json!({}));
        assert!(read::<Upkeep>(&json!({"other": 1})).is_ok());
        Ok(())
    }
}
