//! What was sent to standing endpoints, and what came of it.
//!
//! A record is there before its first ticket, and each attempt is written into it under its number, so that an attempt that is
//! written twice is there once. The newest of an endpoint are kept, and the newest of those that were given up: these are its
//! dead letters. The tickets carry what they send, so that a record that is not kept any more holds nothing up.

mod record;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock;
use crate::model::id::{DeliveryId, EndpointId};
use crate::store::jobs::millis;
use crate::store::page::Place;
use crate::store::{Page, Store, StoreError, script, webhook_keys};

pub use record::{AttemptRecord, DeliveryRecord, DeliveryStatus, NewDelivery};

/// Most attempts that one record keeps: three rounds of ten.
const MAX_ATTEMPTS: usize = 30;
/// Records looked at in one round trip.
const CHUNK: usize = 100;

/// How much is kept of one endpoint's deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// How many, and how many of those that were given up.
    pub count: usize,
    /// For how long after the last that happened to them.
    pub age: Duration,
}

/// What came of a ticket.
#[derive(Clone, Debug)]
pub struct Note<'a> {
    /// Which delivery.
    pub delivery: &'a DeliveryId,
    /// Where to.
    pub endpoint: &'a EndpointId,
    /// How often it was replayed before.
    pub round: u32,
    /// Where it stands now.
    pub status: DeliveryStatus,
    /// When the next attempt is due, while there is one.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What was tried; nothing where the ticket was not sent, or is to be sent anew.
    pub attempt: Option<&'a AttemptRecord>,
}

/// The book of deliveries.
#[derive(Clone, Debug)]
pub struct Deliveries {
    store: Store,
    keep: Keep,
}

impl Deliveries {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store, keep: Keep) -> Self {
        Self { store, keep }
    }

    /// Writes down that an event goes to an endpoint; false where that is known already. Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn open(&self, delivery: &NewDelivery) -> Result<bool, StoreError> {
        let json = serde_json::to_string(delivery).map_err(StoreError::unwritable("delivery"))?;
        let mut invocation = script::DELIVERY_OPEN.prepare_invoke();
        invocation.key(webhook_keys::record(&self.store, &delivery.id));
        for key in webhook_keys::lists(&self.store, &delivery.endpoint) {
            invocation.key(key);
        }
        invocation.arg(delivery.id.as_str()).arg(webhook_keys::record_prefix(&self.store)).arg(json);
        invocation.arg(millis(delivery.created_at)).arg(self.age_ms()).arg(self.keep.count);
        self.store.run(&invocation).await
    }

    /// Writes down what came of a ticket. Answers since when nothing has arrived at the endpoint, none where the last attempt
    /// did. Twice is once, but for the number of failures.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn note(&self, note: &Note<'_>) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut invocation = script::DELIVERY_NOTE.prepare_invoke();
        invocation.key(webhook_keys::record(&self.store, note.delivery));
        for key in webhook_keys::lists(&self.store, note.endpoint) {
            invocation.key(key);
        }
        invocation.key(webhook_keys::health(&self.store, note.endpoint));
        invocation.arg(note.delivery.as_str()).arg(webhook_keys::record_prefix(&self.store)).arg(clock::now_ms());
        invocation.arg(self.age_ms()).arg(self.keep.count).arg(note.round).arg(note.status.as_str());
        invocation.arg(note.next_attempt_at.map(|at| millis(at).to_string()).unwrap_or_default());
        match note.attempt {
            Some(attempt) => {
                let json = serde_json::to_string(attempt).map_err(StoreError::unwritable("attempt"))?;
                invocation.arg(record::attempt_name(note.round, attempt.number)).arg(json).arg(MAX_ATTEMPTS);
                invocation.arg(u8::from(attempt.error.is_none()));
            }
            None => {
                invocation.arg("").arg("").arg(MAX_ATTEMPTS).arg("");
            }
        }
        let since: u64 = self.store.run(&invocation).await?;
        Ok((since > 0).then(|| clock::from_ms(since)))
    }

    /// One delivery; none where it is not kept (any more).
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &DeliveryId) -> Result<Option<DeliveryRecord>, StoreError> {
        let mut command = redis::cmd("HGETALL");
        command.arg(webhook_keys::record(&self.store, id));
        DeliveryRecord::decode(&self.store.ask::<BTreeMap<String, String>>(&command).await?)
    }

    /// An endpoint's deliveries, newest first; those that failed by the time of that. A page that is filtered by another
    /// status may be shorter than `limit` and still have a next one.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] when the cursor is not one of ours; else when Redis cannot be asked.
    pub async fn list(
        &self,
        endpoint: &EndpointId,
        status: Option<DeliveryStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let after = cursor.map(Place::parse).transpose()?;
        let [all, failed] = webhook_keys::lists(&self.store, endpoint);
        let key = if status == Some(DeliveryStatus::Failed) { failed } else { all };
        let top = after.as_ref().map_or_else(|| String::from("+inf"), |place| place.score.to_string());
        let (mut items, mut offset) = (Vec::new(), 0);
        loop {
            let mut command = redis::cmd("ZREVRANGEBYSCORE");
            command.arg(&key).arg(&top).arg("-inf").arg("WITHSCORES").arg("LIMIT").arg(offset).arg(CHUNK);
            let chunk: Vec<(String, u64)> = self.store.ask(&command).await?;
            let is_last = chunk.len() < CHUNK;
            offset += chunk.len();
            let is_next = |id: &str, score| after.as_ref().is_none_or(|after| after.is_before(score, id));
            let chunk: Vec<(String, u64)> = chunk.into_iter().filter(|(id, score)| is_next(id, *score)).collect();
            for (record, (id, score)) in self.records(&chunk).await?.into_iter().zip(&chunk) {
                let Some(record) = record.filter(|record| status.is_none_or(|status| record.status == status)) else {
                    continue;
                };
                items.push(record);
                if items.len() >= limit {
                    return Ok(Page { items, next_cursor: Some(Place::to_text(*score, id)) });
                }
            }
            if is_last {
                return Ok(Page::last(items));
            }
        }
    }

    /// The ids of an endpoint's deliveries that were asked for since a time, or given up since then, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn since(
        &self,
        endpoint: &EndpointId,
        time: DateTime<Utc>,
        only_failed: bool,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let [all, failed] = webhook_keys::lists(&self.store, endpoint);
        let mut ids = Vec::new();
        for key in if only_failed { vec![failed] } else { vec![failed, all] } {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(key).arg(millis(time)).arg("+inf");
            let found: Vec<String> = self.store.ask(&command).await?;
            ids.extend(
                found
                    .iter()
                    .filter_map(|id| DeliveryId::parse(id).ok())
                    .filter(|id| !ids.contains(id))
                    .collect::<Vec<_>>(),
            );
        }
        Ok(ids)
    }

    async fn records(&self, entries: &[(String, u64)]) -> Result<Vec<Option<DeliveryRecord>>, StoreError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let prefix = webhook_keys::record_prefix(&self.store);
        let mut question = redis::pipe();
        for (id, _) in entries {
            question.cmd("HGETALL").arg(format!("{prefix}{id}"));
        }
        let hashes: Vec<BTreeMap<String, String>> = self.store.ask_all(&question).await?;
        hashes.iter().map(DeliveryRecord::decode).collect()
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.keep.age.as_millis()).unwrap_or(u64::MAX)
    }
}
