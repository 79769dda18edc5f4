//! `dispatch`: one event of one job becomes one delivery per receiver, and the end of a job that an addon started is
//! followed by the action that the addon named.
//!
//! Where a flow parent waits for the job, this runs when the job is over, in
//! whichever way; left by hand, it waits for the final state itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock;
use crate::events::{self, JobFacts};
use crate::jobs::{JobResult, Services};
use crate::model::code::JobCode;
use crate::model::event::{EventBody, EventType};
use crate::model::id::JobId;
use crate::model::job::Outcome;
use crate::model::job_error::JobError;
use crate::queue::AddOptions;
use crate::queue::tickets::deliver::Deliver;
use crate::queue::tickets::dispatch::Dispatch;
use crate::store::jobs::{JobRecord, RecordStatus};
use crate::webhooks;

/// How soon a dispatch that came before its job's end looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(ticket: Dispatch, services: &Services) -> JobResult {
    let job =
        JobId::parse(&ticket.job_id).map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
    let Some(record) = services.work.records().get(&job).await? else {
        return Ok(json!({ "deliveries": 0, "reason": "the job's record is gone" }));
    };
    let events = if ticket.events.is_empty() {
        let record = services.work.reconcile(record.clone()).await?;
        let Some(end) = EventType::ending(record.public_status()) else {
            return Err(JobError::after(JobCode::Internal, "the job is not over yet", LOOK_AGAIN));
        };
        let mut left = leave_deliveries(services, &record, &[end]).await?;
        if let (Value::Object(members), Some(job)) = (&mut left, services.addons.follow_up(&record).await?) {
            members.insert(String::from("followedBy"), json!(job));
        }
        return Ok(left);
    } else {
        ticket.events
    };
    leave_deliveries(services, &record, &events).await
}

async fn leave_deliveries(services: &Services, record: &JobRecord, events: &[EventType]) -> JobResult {
    let mut left = 0_u32;
    let Some(target) = &record.facts.webhook else { return Ok(json!({ "deliveries": left })) };
    for event in events.iter().filter(|event| events::is_wanted(target, **event)) {
        let job_url = services.gallery.links().job_url(&record.facts.id);
        let ticket = Deliver {
            job_id: Some(record.facts.id.to_string()),
            client_id: Some(record.facts.client.to_string()),
            event: *event,
            url: target.url.clone(),
            webhook_id: webhook_id(record, *event),
            endpoint_id: None,
            body: services.webhooks.body(body(record, *event), &job_url),
            attempt: 1,
            traceparent: record.facts.traceparent.clone(),
        };
        let id = super::deliver::id(&ticket);
        services.work.producer().add(&id, &ticket, &AddOptions::default()).await?;
        left = left.saturating_add(1);
    }
    Ok(json!({ "deliveries": left }))
}

/// A job has one of each event, but for its progress.
fn webhook_id(record: &JobRecord, event: EventType) -> String {
    let job = record.facts.id.as_str();
    match event {
        EventType::JobProgress => webhooks::webhook_id_of_occurrence(job, event, record.sequence),
        _ => webhooks::webhook_id(job, event),
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
        sequence: record.sequence,
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
