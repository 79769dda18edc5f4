//! A job's own stream of events, numbered from 1.
//!
//! Most events a job's record tells by itself: that it was queued, that a worker took it, how it ended. Only what the
//! record cannot tell (progress, later attempts, what was before a retry) is appended to a stream in Redis, by the
//! scripts of [`crate::store::jobs`]: an empty stream alone costs Redis 4 KiB, and most jobs need none. Here both are
//! put together in the order of their numbers.
//!
//! A reader that comes back with the last number it saw gets exactly what follows, and sees by a hole in the numbers
//! that older events are gone. Nothing here blocks Redis: whoever wants to wait asks `Jobs::watch` for the job's bell
//! and reads again when it rings.

use std::collections::BTreeMap;

use redis::streams::StreamRangeReply;

use crate::model::event::EventBody;
use crate::model::id::{ClientId, JobId};
use crate::store::jobs::told::told;
use crate::store::jobs::{EVENTS, FIELDS, JobRecord, RECORD, RawRecord};
use crate::store::{Store, StoreError};

pub use crate::store::jobs::told::StoredEvent;

/// Reads the streams.
#[derive(Clone, Debug)]
pub struct JobEvents {
    store: Store,
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

    /// The events that follow number `after` (0: from the first), at most `limit`; returns at once, after one round
    /// trip. None where there is no such job.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or an event cannot be read.
    pub async fn read(&self, id: &JobId, after: u64, limit: usize) -> Result<Option<EventPage>, StoreError> {
        self.read_where(id, after, limit, |_| true).await
    }

    /// The same; none also where the job is another client's.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or an event cannot be read.
    pub async fn read_of(
        &self,
        client: &ClientId,
        id: &JobId,
        after: u64,
        limit: usize,
    ) -> Result<Option<EventPage>, StoreError> {
        self.read_where(id, after, limit, |record| record.facts.client == *client).await
    }

    async fn read_where(
        &self,
        id: &JobId,
        after: u64,
        limit: usize,
        may_see: impl Fn(&JobRecord) -> bool,
    ) -> Result<Option<EventPage>, StoreError> {
        let first = after.saturating_add(1);
        let mut question = redis::pipe();
        question.atomic();
        question.cmd("HMGET").arg(self.store.key(RECORD, id.as_str())).arg(&FIELDS);
        question
            .cmd("XRANGE")
            .arg(self.store.key(EVENTS, id.as_str()))
            .arg(format!("{first}-0"))
            .arg("+")
            .arg("COUNT")
            .arg(limit);
        let (record, stream): (RawRecord, StreamRangeReply) = self.store.ask_all(&question).await?;
        let Some(record) = record.decode()?.filter(may_see) else { return Ok(None) };
        let mut events: BTreeMap<u64, EventBody> = told(&record).map(|event| (event.sequence, event.body)).collect();
        for entry in &stream.ids {
            let sequence = entry.id.split_once('-').and_then(|(number, _)| number.parse().ok()).unwrap_or(0);
            let text: String = entry.get("d").unwrap_or_default();
            events.insert(sequence, serde_json::from_str(&text).map_err(StoreError::corrupt("event"))?);
        }
        let events: Vec<StoredEvent> = events
            .into_iter()
            .filter(|(sequence, _)| *sequence >= first)
            .map(|(sequence, body)| StoredEvent { sequence, body })
            .take(limit)
            .collect();
        let has_gap = events.first().is_some_and(|event| event.sequence != first)
            || events
                .iter()
                .zip(events.iter().skip(1))
                .any(|(one, next)| next.sequence != one.sequence.saturating_add(1));
        Ok(Some(EventPage { events, has_gap }))
    }
}
