//! `dispatch`: one event becomes one delivery per receiver and one call per addon of the user that handles it, and the end of a
//! job that an addon started is followed by the action that the addon named.
//!
//! Where a flow parent waits for the job, this runs when the job is over, in
//! whichever way; left by hand, it waits for the final state itself. Events
//! that no job's record tells come in the ticket.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock;
use crate::events::{self, JobFacts};
use crate::jobs::{JobResult, Services, batch, heard};
use crate::model::code::JobCode;
use crate::model::event::{Announcement, EventBody, EventType};
use crate::model::id::{AddonId, JobId};
use crate::model::job::Outcome;
use crate::model::job_error::JobError;
use crate::queue::tickets::dispatch::{Dispatch, Emitted};
use crate::store::jobs::{JobRecord, RecordStatus};
use crate::webhooks::{self, Told};

/// How soon a dispatch that came before its job's end looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(ticket: Dispatch, services: &Services) -> JobResult {
    if let Some(announcement) = &ticket.announcement {
        return announced(services, announcement).await;
    }
    if let Some(walk) = &ticket.block {
        let told = services.addons.tell_of_block(walk).await?;
        return Ok(json!({ "told": told }));
    }
    if let Some(batch) = &ticket.batch_id {
        return batch::over(services, batch).await;
    }
    let job =
        JobId::parse(&ticket.job_id).map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
    let Some(record) = services.work.records().get(&job).await? else {
        return Ok(json!({ "deliveries": 0, "reason": "the job's record is gone" }));
    };
    if let Some(emitted) = &ticket.emitted {
        let deliveries = deliver(services, &record, said(&record, emitted)).await?;
        let handlers = heard::of_emitted(services, &record, emitted).await?;
        return Ok(json!({ "deliveries": deliveries, "handlers": handlers }));
    }
    if ticket.events.is_empty() {
        let record = services.work.reconcile(record).await?;
        let Some(end) = EventType::ending(record.public_status()) else {
            return Err(JobError::after(JobCode::Internal, "the job is not over yet", LOOK_AGAIN));
        };
        let deliveries = deliver(services, &record, Said::of(&record, end)).await?;
        let handlers = heard::of_end(services, &record, end).await?;
        let mut left = json!({ "deliveries": deliveries, "handlers": handlers });
        if let (Value::Object(members), Some(job)) = (&mut left, services.addons.follow_up(&record).await?) {
            members.insert(String::from("followedBy"), json!(job));
        }
        return Ok(left);
    }
    let mut deliveries = 0_u32;
    for event in ticket.events {
        deliveries = deliveries.saturating_add(deliver(services, &record, Said::of(&record, event)).await?);
    }
    Ok(json!({ "deliveries": deliveries }))
}

/// One event, ready to be told to receivers.
struct Said {
    webhook_id: String,
    body: EventBody,
}

impl Said {
    fn of(record: &JobRecord, event: EventType) -> Self {
        Self { webhook_id: webhook_id(record, event), body: body(record, event) }
    }
}

/// Leaves the deliveries of one event of a job; answers how many.
async fn deliver(services: &Services, record: &JobRecord, said: Said) -> Result<u32, JobError> {
    let (facts, event) = (&record.facts, said.body.event);
    let whole_url = services.gallery.links().job_url(&facts.id);
    let told = Told {
        client: &facts.client,
        job: Some(&facts.id),
        event,
        webhook_id: &said.webhook_id,
        body: &services.webhooks.body(said.body, &whole_url),
        traceparent: facts.traceparent.as_deref(),
    };
    let target = facts.webhook.as_ref().filter(|target| events::is_wanted(target, event));
    Ok(services.webhooks.fan_out(&told, target).await?)
}

/// Leaves the deliveries of an event that no job's record tells.
async fn announced(services: &Services, announcement: &Announcement) -> JobResult {
    let (body, links) = (&announcement.body, services.gallery.links());
    let job = body.data.job_id.as_deref().and_then(|id| JobId::parse(id).ok());
    let whole_url = job.as_ref().map(|job| links.job_url(job)).unwrap_or_default();
    let told = Told {
        client: &announcement.client,
        job: job.as_ref(),
        event: body.event,
        webhook_id: &webhooks::webhook_id(&announcement.subject, body.event),
        body: &services.webhooks.body(body.clone(), &whole_url),
        traceparent: None,
    };
    Ok(json!({ "deliveries": services.webhooks.fan_out(&told, None).await? }))
}

/// What an addon announced, as `addon.emitted`.
fn said(record: &JobRecord, emitted: &Emitted) -> Said {
    // Several addons may announce something in the course of one job, and each counts for itself.
    let subject = format!("{} {}", record.facts.id, emitted.addon_id);
    let webhook_id = webhooks::webhook_id_of_occurrence(&subject, EventType::AddonEmitted, u64::from(emitted.number));
    let addon = AddonId::parse(&emitted.addon_id).ok();
    let facts = JobFacts {
        kind: record.facts.kind,
        job_id: &record.facts.id,
        user_id: record.facts.user.as_ref(),
        addon_id: addon.as_ref(),
        metadata: record.facts.metadata.as_ref(),
        sequence: u64::from(emitted.number),
    };
    let body = facts.emitted(clock::from_ms(emitted.at_ms), &emitted.topic, emitted.payload.clone());
    Said { webhook_id, body }
}

/// A job has one of each event, but for its progress.
fn webhook_id(record: &JobRecord, event: EventType) -> String {
    let job = record.facts.id.as_str();
    match event {
        EventType::JobProgress => webhooks::webhook_id_of_occurrence(job, event, sequence(record, event)),
        _ => webhooks::webhook_id(job, event),
    }
}

/// The event's place in the job's life, however late it is told: a receiver puts in order what comes out of order.
fn sequence(record: &JobRecord, event: EventType) -> u64 {
    match event {
        EventType::JobQueued => 1,
        // The first attempt is the second event: nothing but the end can come before it, and then there is none.
        EventType::JobProcessing => 2,
        // Told after the end it is what was before the end.
        EventType::JobProgress if record.is_finished() => record.sequence.saturating_sub(1),
        _ => record.sequence,
    }
}

/// What the event says, from our record alone: whoever finished the job, a receiver reads the same.
fn body(record: &JobRecord, event: EventType) -> EventBody {
    let facts = JobFacts {
        kind: record.facts.kind,
        job_id: &record.facts.id,
        user_id: record.facts.user.as_ref(),
        addon_id: record.facts.addon.as_ref(),
        metadata: record.facts.metadata.as_ref(),
        sequence: sequence(record, event),
    };
    match event {
        EventType::JobQueued => facts.queued(record.facts.created_at),
        // The job may be over by now; its end is another event, told once.
        EventType::JobProcessing => facts.processing(record.started_at.unwrap_or_else(clock::now)),
        EventType::JobProgress => facts.progress(clock::now(), record.progress),
        _ => match outcome(record) {
            Some(outcome) => facts.ended(record.finished_at.unwrap_or_else(clock::now), &outcome),
            None => facts.processing(record.started_at.unwrap_or_else(clock::now)),
        },
    }
}

fn outcome(record: &JobRecord) -> Option<Outcome> {
    match record.status {
        RecordStatus::Queued | RecordStatus::Processing | RecordStatus::Cancelling => None,
        RecordStatus::Completed => Some(Outcome::Completed(record.result.clone().unwrap_or_default())),
        RecordStatus::Failed => record.failure.clone().map(Outcome::Failed),
        RecordStatus::Cancelled => Some(Outcome::Cancelled),
    }
}
