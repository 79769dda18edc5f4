//! The end of a batch, told once: a `dispatch` that waits for all of its jobs.

use std::time::Duration;

use serde_json::json;

use crate::events;
use crate::jobs::{JobResult, Services};
use crate::model::code::JobCode;
use crate::model::event::EventType;
use crate::model::id::BatchId;
use crate::model::job_error::JobError;
use crate::webhooks::{self, Told};

/// How soon a dispatch that came before the end of all jobs looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Tells whoever listens that all jobs of a batch are over; looks again later where one is not.
pub(super) async fn over(services: &Services, id: &str) -> JobResult {
    let id = BatchId::parse(id).map_err(|error| JobError::permanent(JobCode::TicketInvalid, error.to_string()))?;
    let Some((batch, view)) = services.work.whole_batch(&id).await? else {
        return Ok(json!({ "deliveries": 0, "reason": "the batch's record is gone" }));
    };
    if view.counts.open() > 0 {
        return Err(JobError::after(JobCode::Internal, "not all jobs of the batch are over yet", LOOK_AGAIN));
    }
    let event = EventType::BatchCompleted;
    let at = view.finished_at.unwrap_or(batch.created_at);
    let body = events::batch_completed(at, &batch.id, &batch.user, batch.metadata.clone(), view.told());
    let told = Told {
        client: &batch.client,
        job: None,
        event,
        webhook_id: &webhooks::webhook_id(batch.id.as_str(), event),
        body: &services.webhooks.body(body, &services.gallery.links().batch_url(&batch.id)),
        traceparent: batch.traceparent.as_deref(),
    };
    Ok(json!({ "deliveries": services.webhooks.fan_out(&told, batch.webhook.as_ref()).await? }))
}
