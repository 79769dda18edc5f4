//! What a running job tells while it runs: its steps, how far it is, its log.

use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tracing::warn;

use crate::clock;
use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job::{Step, StepStatus};
use crate::model::job_error::JobError;
use crate::queue::{Delivery, QueueError};
use crate::store::jobs::JobRecord;
use crate::work::Work;

/// A running job's voice. Cheap to clone; safe to use from several tasks of the job.
#[derive(Clone)]
pub struct Progress {
    work: Work,
    job: JobId,
    is_announced: bool,
    delivery: Arc<Delivery>,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    percent: u8,
    steps: Vec<Step>,
}

/// What a step found.
pub struct Found<T> {
    value: T,
    detail: Option<Value>,
}

impl<T> Found<T> {
    /// A value and the evidence that is shown for it.
    pub const fn with(value: T, detail: Value) -> Self {
        Self { value, detail: Some(detail) }
    }

    /// What was found.
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }

    /// A value without evidence worth showing.
    pub const fn plain(value: T) -> Self {
        Self { value, detail: None }
    }
}

impl Progress {
    /// The voice of one attempt; `is_announced` says whether somebody wants to be told of each step forward.
    #[must_use]
    pub fn new(work: Work, record: &JobRecord, delivery: Arc<Delivery>, is_announced: bool) -> Self {
        Self { work, job: record.facts.id.clone(), is_announced, delivery, told: Arc::default() }
    }

    /// Runs one visible step: begun, then ended well with its evidence, or badly with its code.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn step<T>(
        &self,
        name: &str,
        work: impl Future<Output = Result<Found<T>, JobError>>,
    ) -> Result<T, JobError> {
        // Between two steps is where a job can stop without leaving half of one.
        if self.delivery.token.is_cancelled() {
            return Err(JobError::permanent(JobCode::Cancelled, "the job was stopped between two steps"));
        }
        let started = std::time::Instant::now();
        self.told.lock().steps.push(Step {
            name: name.to_owned(),
            status: StepStatus::Running,
            started_at: clock::now(),
            duration_ms: None,
            detail: None,
            code: None,
        });
        let outcome = work.await;
        {
            let mut told = self.told.lock();
            if let Some(step) = told.steps.last_mut() {
                step.duration_ms = u64::try_from(started.elapsed().as_millis()).ok();
                match &outcome {
                    Ok(found) => {
                        step.status = StepStatus::Completed;
                        step.detail.clone_from(&found.detail);
                    }
                    Err(error) => {
                        step.status = StepStatus::Failed;
                        step.code = Some(error.failure.code);
                        step.detail.clone_from(&error.failure.details);
                    }
                }
            }
        }
        self.tell().await;
        outcome.map(|found| found.value)
    }

    /// Shows a step that was not needed.
    pub async fn skip(&self, name: &str) {
        self.told.lock().steps.push(Step {
            name: name.to_owned(),
            status: StepStatus::Skipped,
            started_at: clock::now(),
            duration_ms: None,
            detail: None,
            code: None,
        });
        self.tell().await;
    }

    /// Says how far the job is, 0–100; it never goes backwards.
    pub async fn percent(&self, percent: u8) {
        let is_news = {
            let mut told = self.told.lock();
            let before = told.percent;
            told.percent = before.max(percent.min(100));
            told.percent != before
        };
        self.tell().await;
        if is_news
            && self.is_announced
            && let Err(error) = self.work.announce_progress(&self.job, percent).await
        {
            warn!(job.id = %self.job, error = %error, "Could not announce the progress of job `{}`", self.job);
        }
    }

    /// The steps so far.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.told.lock().steps.clone()
    }

    /// Passes on partial output, for whoever follows the queue's events.
    ///
    /// # Errors
    /// [`QueueError`] when Redis is away; the job may go on.
    pub async fn partial(&self, chunk: Value) -> Result<(), QueueError> {
        let (percent, steps) = {
            let told = self.told.lock();
            (told.percent, told.steps.clone())
        };
        self.delivery.progress(&json!({ "progress": percent, "steps": steps, "partial": chunk })).await
    }

    /// Adds a line to the job's log, where clients and Bull Board read it.
    pub async fn log(&self, line: &str) {
        if let Err(error) = self.delivery.log(line).await {
            warn!(job.id = %self.job, error = %error, "Could not write a log line of job `{}`", self.job);
        }
    }

    /// Progress is a courtesy: where it cannot be written the job goes on.
    async fn tell(&self) {
        let (percent, steps) = {
            let told = self.told.lock();
            (told.percent, told.steps.clone())
        };
        let shown = json!({ "progress": percent, "steps": steps });
        let (record, queue) =
            tokio::join!(self.work.records().progress(&self.job, percent, &steps), self.delivery.progress(&shown));
        if let Err(error) = record {
            warn!(job.id = %self.job, error = %error, "Could not record the progress of job `{}`", self.job);
        }
        if let Err(error) = queue {
            warn!(job.id = %self.job, error = %error, "Could not announce the progress of job `{}`", self.job);
        }
    }
}
