//! Jobs that a foreign producer put into a queue: a record is made for them when a worker first meets them.
//!
//! Whoever wrote the ticket must be able to read what became of it, so a malformed field does not keep the record from
//! being made: it is left out, the job belongs to whom the rest names, and then it fails for that field.

use std::fmt::Display;

use serde_json::Value;
use url::Url;

use crate::clock;
use crate::jobs::Services;
use crate::model::code::JobCode;
use crate::model::event::{EventType, WebhookTarget};
use crate::model::id::{AddonId, ClientId, IdError, JobId, UserId};
use crate::model::job::JobKind;
use crate::model::job_error::JobError;
use crate::model::started::MAX_HOPS;
use crate::queue::Delivery;
use crate::store::jobs::NewJob;

/// Longest address of a webhook, in characters.
const MAX_URL_CHARS: usize = 2048;

/// What a foreign ticket says about its job.
pub(super) struct Adopted {
    /// The record, without what is malformed.
    pub(super) job: NewJob,
    /// Why the job must fail all the same, where something is.
    pub(super) fault: Option<JobError>,
}

/// Reads a foreign ticket, in the words of the public contract (`api.md`, “The queue is a door too”).
pub(super) fn read(services: &Services, kind: JobKind, id: &JobId, delivery: &Delivery) -> Adopted {
    let mut reader = Reader { data: &delivery.data, faults: Vec::new() };
    let client = reader.id("clientId", ClientId::parse).unwrap_or_else(|| services.default_client.clone());
    let job = NewJob {
        user: reader.id("userId", UserId::parse),
        addon: reader.id("addonId", AddonId::parse),
        metadata: delivery.data.get("metadata").cloned(),
        created_at: clock::from_ms(delivery.enqueued_at_ms),
        max_attempts: delivery.max_attempts,
        webhook: reader.webhook(),
        traceparent: reader.text("traceparent").map(str::to_owned),
        session_id: reader.text("sessionId").map(str::to_owned),
        hops: reader.hops(),
        is_foreign: true,
        ..NewJob::of(kind, id.clone(), client, delivery.lane.name())
    };
    let faults = reader.faults;
    let fault = (!faults.is_empty()).then(|| JobError::permanent(JobCode::TicketInvalid, faults.join("; ")));
    Adopted { job, fault }
}

/// Reads field by field and remembers what is wrong with each.
struct Reader<'a> {
    data: &'a Value,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    fn fault(&mut self, field: &str, message: impl Display) {
        self.faults.push(format!("{field}: {message}"));
    }

    /// What the ticket says under `field`; `null` says nothing.
    fn said(&self, field: &str) -> Option<&'a Value> {
        self.data.get(field).filter(|value| !value.is_null())
    }

    fn text(&mut self, field: &str) -> Option<&'a str> {
        let value = self.said(field)?;
        if value.as_str().is_none() {
            self.fault(field, "must be text");
        }
        value.as_str()
    }

    fn id<T>(&mut self, field: &str, parse: fn(&str) -> Result<T, IdError>) -> Option<T> {
        match parse(self.text(field)?) {
            Ok(id) => Some(id),
            Err(error) => {
                self.fault(field, error);
                None
            }
        }
    }

    /// How many starts by addons the ticket says to have behind it.
    fn hops(&mut self) -> u32 {
        let Some(value) = self.said("hops") else { return 0 };
        let hops = value.as_u64().map(|hops| u32::try_from(hops).unwrap_or(u32::MAX));
        hops.unwrap_or_else(|| {
            self.fault("hops", "must be a whole number from 0");
            MAX_HOPS
        })
    }

    /// Where the ticket wants its events.
    fn webhook(&mut self) -> Option<WebhookTarget> {
        let events = self.events();
        let url = self.text("webhookUrl")?;
        if let Err(message) = check_url(url) {
            self.fault("webhookUrl", message);
            return None;
        }
        Some(WebhookTarget { url: url.to_owned(), events })
    }

    /// The events that are wanted. Where that cannot be read it is how the job ends, so that the receiver hears why.
    fn events(&mut self) -> Vec<EventType> {
        let Some(wish) = self.said("webhookEvents") else { return EventType::TERMINAL.to_vec() };
        let names = wish.as_array().filter(|names| !names.is_empty());
        let parse = |name: &Value| name.as_str().and_then(EventType::parse_job_event);
        let events = names.and_then(|names| names.iter().map(parse).collect::<Option<Vec<_>>>());
        events.unwrap_or_else(|| {
            let all: Vec<&str> = EventType::OF_A_JOB.iter().map(|event| event.as_str()).collect();
            self.fault("webhookEvents", format!("must be a list of one or more of {}", all.join(", ")));
            EventType::TERMINAL.to_vec()
        })
    }
}

fn check_url(text: &str) -> Result<(), String> {
    if text.len() > MAX_URL_CHARS {
        return Err(format!("must be at most {MAX_URL_CHARS} characters"));
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(|_| ()).ok_or_else(|| String::from("must be a whole address that begins with https:// or http://"))
}
