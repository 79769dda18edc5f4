//! `progress`: a guest's own word on how far it is, and bytes that survive a retry.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use crate::host::ports::{PortError, Progress as Report, ProgressPort};
use crate::model::id::JobId;
use crate::model::limit::Limit;
use crate::store::kv::{KvStore, WriteOptions};
use crate::work::progress::Progress;

/// Largest checkpoint.
const MAX_CHECKPOINT_BYTES: u64 = 256 * 1024;
/// How long a checkpoint outlives its last write: longer than any job retries.
const CHECKPOINT_TTL: Duration = Duration::from_secs(48 * 60 * 60);
/// The one key in a job's checkpoint scope.
const KEY: &str = "checkpoint";

/// One job's progress, as its guest tells it.
pub(super) struct JobProgress {
    progress: Progress,
    kv: KvStore,
    scope: String,
}

impl JobProgress {
    pub(super) fn new(progress: Progress, kv: KvStore, job: &JobId) -> Self {
        Self { progress, kv, scope: format!("checkpoint:{job}") }
    }
}

#[async_trait]
impl ProgressPort for JobProgress {
    async fn report(&self, report: Report) {
        let total = u64::from(report.total.max(1));
        let percent = u64::from(report.done).saturating_mul(100).checked_div(total).unwrap_or(0).min(99);
        self.progress.percent(u8::try_from(percent).unwrap_or(99)).await;
        if let Some(note) = report.note {
            self.progress.log(&note).await;
        }
    }

    async fn partial(&self, chunk: Value) -> Result<(), PortError> {
        self.progress
            .partial(chunk)
            .await
            .map_err(|_| PortError::unavailable("partial output cannot be sent right now"))
    }

    async fn save_checkpoint(&self, state: Bytes) -> Result<(), PortError> {
        let size = u64::try_from(state.len()).unwrap_or(u64::MAX);
        if size > MAX_CHECKPOINT_BYTES {
            let refusal = PortError::too_large("the checkpoint", size, MAX_CHECKPOINT_BYTES);
            return Err(refusal.of(Limit::CheckpointBytes));
        }
        let options = WriteOptions { quota: MAX_CHECKPOINT_BYTES.saturating_mul(2), ttl: Some(CHECKPOINT_TTL) };
        match self.kv.set(&self.scope, KEY, &state, options).await {
            Ok(_) => Ok(()),
            Err(error) => Err(super::kv::as_port_error(&error)),
        }
    }

    async fn load_checkpoint(&self) -> Result<Option<Bytes>, PortError> {
        match self.kv.get(&self.scope, KEY).await {
            Ok(entry) => Ok(entry.map(|entry| Bytes::from(entry.value))),
            Err(error) => Err(super::kv::as_port_error(&error)),
        }
    }
}
