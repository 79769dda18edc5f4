//! A job's own stream of events, appended by the scripts of [`crate::store::jobs`].
//!
//! An event's stream id is its sequence number, so a reader that comes back with the last number it saw gets exactly
//! what follows, and sees by a hole in the numbers that older events are gone. Nothing here blocks Redis: whoever
//! wants to wait asks `Jobs::watch` for the job's bell and reads again when it rings.

use redis::streams::StreamRangeReply;

use crate::model::event::EventBody;
use crate::model::id::JobId;
use crate::store::jobs::EVENTS;
use crate::store::{Store, StoreError};

/// Reads the streams.
#[derive(Clone, Debug)]
pub struct JobEvents {
    store: Store,
}

/// One event of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its number within the job, from 1; what `Last-Event-ID` names.
    pub sequence: u64,
    /// What happened.
    pub body: EventBody,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPage {
    /// The events, in order.
    pub events: Vec<StoredEvent>,
    /// Whether events between the reader's number and the first of these are gone.
    pub has_gap: bool,
}

impl JobEvents {
    /// The streams in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The events that follow number `after` (0: from the first), at most `limit`; returns at once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or an event cannot be read.
    pub async fn read(&self, id: &JobId, after: u64, limit: usize) -> Result<EventPage, StoreError> {
        let mut command = redis::cmd("XRANGE");
        command
            .arg(self.store.key(EVENTS, id.as_str()))
            .arg(format!("{}-0", after.saturating_add(1)))
            .arg("+")
            .arg("COUNT")
            .arg(limit);
        let reply: StreamRangeReply = self.store.ask(&command).await?;
        let mut events = Vec::with_capacity(reply.ids.len());
        for entry in &reply.ids {
            let sequence = entry.id.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
            let text: String = entry.get("d").unwrap_or_default();
            let body = serde_json::from_str(&text).map_err(StoreError::corrupt("event"))?;
            events.push(StoredEvent { sequence, body });
        }
        let has_gap = events.first().is_some_and(|first| first.sequence > after.saturating_add(1));
        Ok(EventPage { events, has_gap })
    }
}
