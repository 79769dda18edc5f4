//! The events that a job's record tells by itself: that it was queued, that a worker took it, how it ended.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::event::{EventBody, EventData, EventType};
use crate::model::job::JobStatus;
use crate::store::jobs::JobRecord;

/// Largest result, in bytes, that an event repeats; a larger one is fetched from the job. (Webhook bodies stay under
/// 20 kB, `api.md`.)
const MAX_EVENT_RESULT_BYTES: usize = 16 * 1024;

/// One event of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its number within the job, from 1; what `Last-Event-ID` names.
    pub sequence: u64,
    /// What happened.
    pub body: EventBody,
}

/// The events that the record tells.
pub(crate) fn told(record: &JobRecord) -> impl Iterator<Item = StoredEvent> {
    let queued = plain(record, 1, EventType::JobQueued, JobStatus::Queued, record.facts.created_at);
    // The first attempt is the second event: nothing but the end can come before it, and then there is no attempt.
    let processing = record
        .started_at
        .map(|started_at| plain(record, 2, EventType::JobProcessing, JobStatus::Processing, started_at));
    [Some(queued), processing, terminal(record)].into_iter().flatten()
}

/// The event that ended the job; none while it is open.
pub(super) fn terminal(record: &JobRecord) -> Option<StoredEvent> {
    let status = record.public_status();
    let mut event = plain(record, record.sequence, EventType::ending(status)?, status, record.finished_at?);
    let data = &mut event.body.data;
    if status == JobStatus::Completed {
        data.progress = Some(100);
        data.result = record.result.clone().filter(is_small);
    } else {
        data.error = record.failure.as_ref().and_then(|failure| serde_json::to_value(failure).ok()).filter(is_small);
    }
    Some(event)
}

fn is_small(value: &Value) -> bool {
    serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() <= MAX_EVENT_RESULT_BYTES)
}

fn plain(
    record: &JobRecord,
    sequence: u64,
    event: EventType,
    status: JobStatus,
    timestamp: DateTime<Utc>,
) -> StoredEvent {
    let facts = &record.facts;
    let data = EventData {
        user_id: facts.user.as_ref().map(ToString::to_string),
        addon_id: facts.addon.as_ref().map(ToString::to_string),
        status: Some(status),
        metadata: facts.metadata.clone(),
        ..EventData::of_job(facts.kind, facts.id.as_str(), sequence)
    };
    StoredEvent { sequence, body: EventBody { event, timestamp, data } }
}
