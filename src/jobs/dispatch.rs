//! `dispatch`: one event of one job becomes one delivery per receiver.
//!
//! Where a flow parent waits for the job, this runs when the job is over, in
//! whichever way; left by hand, it waits for the final state itself.

use std::time::Duration;

use crate::events;
use crate::jobs::{JobResult, Services};
use crate::model::code::JobCode;
use crate::model::event::EventType;
use crate::model::id::JobId;
use crate::model::job_error::JobError;
use crate::queue::AddOptions;
use crate::queue::tickets::deliver::Deliver;
use crate::queue::tickets::dispatch::Dispatch;
use crate::store::jobs::JobRecord;
use crate::webhooks;

/// How soon a dispatch that came before its job's end looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn run(ticket: Dispatch, services: &Services) -> JobResult {
    let Some(record) = services.work.records().get(&ticket.job_id).await? else {
        return Ok(serde_json::json!({ "deliveries": 0, "reason": "the job's record is gone" }));
    };
    let events = if ticket.events.is_empty() {
        let record = services.work.reconcile(record.clone()).await?;
        let Some(end) = EventType::ending(record.public_status()) else {
            return Err(JobError::after(JobCode::Internal, "the job is not over yet", LOOK_AGAIN));
        };
        return leave_deliveries(services, &record, &[end]).await;
    } else {
        ticket.events
    };
    leave_deliveries(services, &record, &events).await
}

async fn leave_deliveries(services: &Services, record: &JobRecord, events: &[EventType]) -> JobResult {
    let mut left = 0_u32;
    let Some(target) = &record.facts.webhook else { return Ok(serde_json::json!({ "deliveries": left })) };
    for event in events.iter().filter(|event| events::wants(target, **event)) {
        let webhook_id = webhooks::webhook_id(record.facts.id.as_str(), event.as_str());
        let ticket = Deliver {
            job_id: Some(record.facts.id.clone()),
            client_id: record.facts.client.clone(),
            event: *event,
            url: target.url.clone(),
            body: webhooks::body(&events::of_record(record, *event)),
            endpoint_id: None,
            attempt: 1,
            traceparent: record.facts.traceparent.clone(),
            webhook_id,
        };
        let id = super::deliver::id(&ticket);
        services.work.producer().add(&id, &ticket, &AddOptions::default()).await?;
        left = left.saturating_add(1);
    }
    Ok(serde_json::json!({ "deliveries": left }))
}

/// Whether the job is over, in our record or in the queue.
pub(super) async fn is_over(services: &Services, job: &JobId) -> Result<bool, JobError> {
    match services.work.records().get(job).await? {
        None => Ok(true),
        Some(record) => Ok(services.work.reconcile(record).await?.is_finished()),
    }
}
