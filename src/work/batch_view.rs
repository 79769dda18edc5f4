//! A batch as its client sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::id::{BatchId, ClientId, JobId};
use crate::model::job::{Failure, JobStatus};
use crate::store::batches::{BatchEnd, BatchRecord};
use crate::store::jobs::JobRecord;
use crate::work::{Work, WorkError};

/// How many jobs of a batch stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCounts {
    /// Waiting for their time, or for their next attempt.
    pub pending: usize,
    /// Waiting for a worker.
    pub queued: usize,
    /// In a worker's hands.
    pub processing: usize,
    /// Ended well.
    pub completed: usize,
    /// Ended badly.
    pub failed: usize,
    /// Ended by request.
    pub cancelled: usize,
    /// Over for so long that nothing is kept of them.
    pub expired: usize,
}

impl BatchCounts {
    fn of(statuses: impl Iterator<Item = Option<JobStatus>>) -> Self {
        let mut counts = Self::default();
        for status in statuses {
            *(match status {
                Some(JobStatus::Pending) => &mut counts.pending,
                Some(JobStatus::Queued) => &mut counts.queued,
                Some(JobStatus::Processing) => &mut counts.processing,
                Some(JobStatus::Completed) => &mut counts.completed,
                Some(JobStatus::Failed) => &mut counts.failed,
                Some(JobStatus::Cancelled) => &mut counts.cancelled,
                None => &mut counts.expired,
            }) += 1;
        }
        counts
    }

    /// Jobs that are not over.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.pending + self.queued + self.processing
    }
}

/// One job of a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchJobView {
    /// The job.
    pub job_id: String,
    /// Where it stands; `expired` where it has been over for so long that nothing is kept of it.
    pub status: &'static str,
    /// 0–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// Where the whole of it is read.
    pub status_url: String,
    /// Its pictures, where it ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the client sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

/// The answer to `GET /images/batches/{batchId}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchView {
    /// The batch.
    pub batch_id: String,
    /// For whom.
    pub user_id: String,
    /// `completed` once all jobs are over, in whichever way; the counts say how. Until then `queued` or `processing`.
    pub status: JobStatus,
    /// 0–100: the part of the work that is over.
    pub progress: u8,
    /// How many jobs were asked for.
    pub total_jobs: usize,
    /// How they stand.
    pub counts: BatchCounts,
    /// Each of them, in the order in which they were asked for.
    pub jobs: Vec<BatchJobView>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the last job was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// What the client sent along.
    pub metadata: Option<Value>,
}

impl BatchView {
    fn of(batch: &BatchRecord, records: &[Option<JobRecord>], end: Option<&BatchEnd>) -> Self {
        let seen: Vec<_> = batch.jobs.iter().zip(records).map(|(id, record)| (id, record.as_ref())).collect();
        let statuses: Vec<_> = seen.iter().map(|(id, record)| status_of(id, *record, end)).collect();
        let counts = BatchCounts::of(statuses.iter().copied());
        let is_begun = counts.open() < seen.len() || counts.processing > 0;
        let percents = seen.iter().map(|(_, record)| record.map_or(100, percent_of));
        let percent = percents.sum::<usize>().checked_div(seen.len()).unwrap_or(100);
        Self {
            batch_id: batch.id.to_string(),
            user_id: batch.user.to_string(),
            status: match (counts.open(), is_begun) {
                (0, _) => JobStatus::Completed,
                (_, true) => JobStatus::Processing,
                (_, false) => JobStatus::Queued,
            },
            progress: u8::try_from(percent).unwrap_or(100),
            total_jobs: seen.len(),
            counts,
            jobs: seen.iter().zip(&statuses).map(|((id, record), status)| job_view(id, *record, *status)).collect(),
            created_at: batch.created_at,
            finished_at: end.map(|end| end.at),
            metadata: batch.metadata.clone(),
        }
    }

    /// What the event says that all are over: links instead of pictures.
    #[must_use]
    pub fn told(&self) -> Value {
        let jobs = self.jobs.iter().map(|job| json!({ "jobId": job.job_id, "status": job.status }));
        json!({
            "batchId": self.batch_id, "totalJobs": self.total_jobs, "counts": self.counts,
            "jobs": jobs.collect::<Vec<_>>(), "statusUrl": batch_path(&self.batch_id),
        })
    }
}

/// Where a batch is read.
#[must_use]
pub fn batch_path(id: &str) -> String {
    format!("/api/v1/images/batches/{id}")
}

impl Work {
    /// A batch of `client`; none where it has no such batch, or nothing is kept of any of its jobs.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn batch(&self, client: &ClientId, id: &BatchId) -> Result<Option<BatchView>, WorkError> {
        let Some(batch) = self.batches.get(id).await?.filter(|batch| batch.client == *client) else { return Ok(None) };
        let records = self.jobs.get_many(&batch.jobs).await?;
        if batch.end.is_none() && records.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(self.view_of(&batch, &records).await?))
    }

    /// A batch and what is written of it, whoever's it is; each job that seems to run is looked for in its queue.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn whole_batch(&self, id: &BatchId) -> Result<Option<(BatchRecord, BatchView)>, WorkError> {
        let Some(batch) = self.batches.get(id).await? else { return Ok(None) };
        let mut records = Vec::with_capacity(batch.jobs.len());
        for record in self.jobs.get_many(&batch.jobs).await? {
            records.push(match record {
                Some(record) => Some(self.reconcile(record).await?),
                None => None,
            });
        }
        let view = self.view_of(&batch, &records).await?;
        Ok(Some((batch, view)))
    }

    /// The view, and, where the end is seen for the first time, the end written down.
    async fn view_of(&self, batch: &BatchRecord, records: &[Option<JobRecord>]) -> Result<BatchView, WorkError> {
        if batch.end.is_some() || records.iter().flatten().any(|record| !record.is_finished()) {
            return Ok(BatchView::of(batch, records, batch.end.as_ref()));
        }
        let known = records.iter().flatten();
        let at = known.clone().filter_map(|record| record.finished_at).max().unwrap_or(batch.created_at);
        let jobs = known.map(|record| (record.facts.id.clone(), record.public_status())).collect();
        let end = BatchEnd { at, jobs };
        self.batches.end(batch, end.clone()).await?;
        Ok(BatchView::of(batch, records, Some(&end)))
    }
}

/// A job that was tried again after the batch had ended stands as it stands; one that is gone stands as it ended.
fn status_of(id: &JobId, record: Option<&JobRecord>, end: Option<&BatchEnd>) -> Option<JobStatus> {
    record.map(JobRecord::public_status).or_else(|| end.and_then(|end| end.jobs.get(id).copied()))
}

fn percent_of(record: &JobRecord) -> usize {
    if record.is_finished() { 100 } else { usize::from(record.progress) }
}

fn job_view(id: &JobId, record: Option<&JobRecord>, status: Option<JobStatus>) -> BatchJobView {
    BatchJobView {
        job_id: id.to_string(),
        status: status.map_or("expired", JobStatus::as_str),
        progress: record.map(|record| record.progress),
        status_url: format!("/api/v1/jobs/{id}"),
        images: record.and_then(|record| record.result.as_ref()).and_then(|result| result.get("images")).cloned(),
        error: record.and_then(|record| record.failure.clone()).filter(|_| status != Some(JobStatus::Queued)),
        metadata: record.and_then(|record| record.facts.metadata.clone()),
    }
}
