//! Jobs that a foreign producer put into a queue: a record is made for them when a worker first meets them.

use serde_json::Value;

use crate::clock;
use crate::jobs::Services;
use crate::model::code::JobCode;
use crate::model::event::{EventType, WebhookTarget};
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job::JobKind;
use crate::model::job_error::JobError;
use crate::queue::Delivery;
use crate::store::jobs::NewJob;

/// Longest address of a webhook, in characters.
const MAX_URL_CHARS: usize = 2048;

/// What a foreign ticket says about its job, in the words of the public contract (`api.md`, “The queue is a door too”).
pub(super) fn record(services: &Services, kind: JobKind, id: &JobId, delivery: &Delivery) -> Result<NewJob, JobError> {
    let data = &delivery.data;
    let client = match text(data, "clientId") {
        Some(name) => ClientId::parse(name).map_err(|error| invalid("clientId", &error.to_string()))?,
        None => services.default_client.clone(),
    };
    let user = match text(data, "userId") {
        Some(name) => Some(UserId::parse(name).map_err(|error| invalid("userId", &error.to_string()))?),
        None => None,
    };
    let addon = match text(data, "addonId") {
        Some(name) => Some(AddonId::parse(name).map_err(|error| invalid("addonId", &error.to_string()))?),
        None => None,
    };
    Ok(NewJob {
        user,
        addon,
        metadata: data.get("metadata").cloned(),
        created_at: clock::from_ms(delivery.enqueued_at_ms),
        max_attempts: delivery.max_attempts,
        webhook: webhook(data)?,
        traceparent: text(data, "traceparent").map(str::to_owned),
        session_id: text(data, "sessionId").map(str::to_owned),
        is_foreign: true,
        ..NewJob::of(kind, id.clone(), client, delivery.lane.name())
    })
}

/// Where a ticket wants its events.
fn webhook(data: &Value) -> Result<Option<WebhookTarget>, JobError> {
    let Some(url) = text(data, "webhookUrl") else { return Ok(None) };
    if url.len() > MAX_URL_CHARS {
        return Err(invalid("webhookUrl", "is longer than 2048 characters"));
    }
    let events = match data.get("webhookEvents").and_then(Value::as_array) {
        None => EventType::TERMINAL.to_vec(),
        Some(names) => {
            let mut events = Vec::new();
            for name in names {
                let event = name.as_str().and_then(EventType::parse_job_event);
                events.push(event.ok_or_else(|| invalid("webhookEvents", &format!("{name} is no event of a job")))?);
            }
            events
        }
    };
    Ok(Some(WebhookTarget { url: url.to_owned(), events }))
}

fn text<'a>(data: &'a Value, field: &str) -> Option<&'a str> {
    data.get(field).and_then(Value::as_str)
}

fn invalid(field: &str, message: &str) -> JobError {
    JobError::permanent(JobCode::TicketInvalid, format!("{field}: {message}"))
}
