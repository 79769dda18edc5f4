//! Batches: which jobs were asked for together, and who wants to hear that all of them are over.
//!
//! A batch has no state of its own: it stands as its jobs stand. Only when all of them were seen to be over, how they ended is
//! written down, so that it is known for as long as the jobs themselves would be.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::WebhookTarget;
use crate::model::id::{BatchId, ClientId, JobId, UserId};
use crate::model::job::JobStatus;
use crate::store::{Store, StoreError};

/// One batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchRecord {
    /// Its id.
    pub id: BatchId,
    /// The client that asked.
    pub client: ClientId,
    /// The client's end user that it works for.
    pub user: UserId,
    /// Its jobs, in the order in which they were asked for.
    pub jobs: Vec<JobId>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Where its events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookTarget>,
    /// What the client sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// How it ended, once all of its jobs were seen to be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<BatchEnd>,
}

/// How a batch ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchEnd {
    /// When its last job was over.
    pub at: DateTime<Utc>,
    /// How each of its jobs ended.
    pub jobs: BTreeMap<JobId, JobStatus>,
}

/// The book of batches.
#[derive(Clone, Debug)]
pub struct Batches {
    store: Store,
}

/// Noun of the records.
const RECORD: &str = "batches";

impl Batches {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes a batch that is about to be enqueued. Twice is once.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn create(&self, record: &BatchRecord) -> Result<(), StoreError> {
        // Nobody has to look at its end for it to go: then it goes as late as its last failed job.
        self.set(record, "NX", self.store.retention().failed).await
    }

    /// Writes how a batch ended; it is kept as long as its jobs are.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn end(&self, record: &BatchRecord, end: BatchEnd) -> Result<(), StoreError> {
        let retention = self.store.retention();
        let has_failed = end.jobs.values().any(|status| *status == JobStatus::Failed);
        let kept = if has_failed { retention.failed } else { retention.finished };
        let record = BatchRecord { end: Some(end), ..record.clone() };
        self.set(&record, "XX", kept).await
    }

    /// One batch.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &BatchId) -> Result<Option<BatchRecord>, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.store.key(RECORD, id.as_str()));
        let text: Option<String> = self.store.ask(&command).await?;
        text.map(|text| serde_json::from_str(&text).map_err(StoreError::corrupt("batch"))).transpose()
    }

    async fn set(&self, record: &BatchRecord, condition: &str, kept: Duration) -> Result<(), StoreError> {
        let json = serde_json::to_string(record).map_err(StoreError::unwritable("batch"))?;
        let mut command = redis::cmd("SET");
        command.arg(self.store.key(RECORD, record.id.as_str())).arg(json);
        command.arg(condition).arg("EX").arg(kept.as_secs().max(1));
        self.store.ask::<Option<String>>(&command).await.map(|_| ())
    }
}
