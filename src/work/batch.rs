//! Batches: many jobs of one request, of which all are enqueued or none, and one event when all of them are over.
//!
//! The jobs' ids are made from the batch's, so a request that is repeated asks for the same jobs. Records are written in one
//! step, tickets in another: a process that dies between the two leaves records that upkeep ends, and a repeat mends.

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use serde_json::Value;

use crate::clock;
use crate::model::event::{EventType, WebhookTarget};
use crate::model::id::{BatchId, ClientId, IdError, JobId, UserId};
use crate::model::job::JobStatus;
use crate::queue::producer::{Branch, Placed};
use crate::queue::tickets::dispatch::Dispatch;
use crate::queue::{AddOptions, Ticket};
use crate::store::batches::BatchRecord;
use crate::store::jobs::{JobRecord, NewJob};
use crate::work::announce::dispatch_id;
use crate::work::leave::Leaving;
use crate::work::submit::{end_of, leaving};
use crate::work::{IdempotencyKey, JobOptions, Reserved, Submission, Work, WorkError};

/// Most jobs of one batch (`api.md`).
pub const MOST_JOBS: usize = 100;

/// A batch's id that a request may enqueue under.
#[derive(Clone, Debug)]
pub struct ReservedBatch {
    id: BatchId,
    reserved: Reserved,
}

impl ReservedBatch {
    /// The id.
    #[must_use]
    pub const fn id(&self) -> &BatchId {
        &self.id
    }
}

/// One request for a batch.
#[derive(Debug)]
pub struct BatchSubmission<'a, T> {
    /// Who asks.
    pub client: &'a ClientId,
    /// For whom.
    pub user: &'a UserId,
    /// What is to be done, at most [`MOST_JOBS`], each with what is echoed on it.
    pub tickets: &'a [(T, Option<Value>)],
    /// How. The receiver gets the batch's event, and those of the jobs that it names.
    pub options: &'a JobOptions,
    /// The caller's trace.
    pub traceparent: Option<&'a str>,
}

/// The answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmittedBatch {
    /// The batch.
    pub batch_id: BatchId,
    /// Its jobs and where they stand, in the order in which they were asked for.
    pub jobs: Vec<(JobId, JobStatus)>,
    /// When it was first asked for.
    pub created_at: DateTime<Utc>,
    /// Whether an earlier request with the same idempotency key made it.
    pub is_replay: bool,
}

impl Work {
    /// Reserves an id for a batch.
    ///
    /// # Errors
    /// [`WorkError::IdempotencyMismatch`] and [`WorkError::IdempotencyBusy`] by the key; otherwise Redis is away.
    pub async fn reserve_batch(
        &self,
        client: &ClientId,
        key: Option<&IdempotencyKey>,
    ) -> Result<ReservedBatch, WorkError> {
        let reserved = self.reserve_as(BatchId::PREFIX, client, key).await?;
        let id = BatchId::parse(reserved.job_id().as_str()).map_err(|error: IdError| WorkError::Id(error))?;
        Ok(ReservedBatch { id, reserved })
    }

    /// Asks for all jobs of a batch. Twice is once.
    ///
    /// # Errors
    /// [`WorkError::RateLimited`], or Redis is away or full: none of the jobs is enqueued then, or, where the answer got lost, all are.
    pub async fn submit_batch<T: Ticket>(
        &self,
        reserved: &ReservedBatch,
        submission: &BatchSubmission<'_, T>,
    ) -> Result<SubmittedBatch, WorkError> {
        if let Some(admission) = &submission.options.admission
            && let Err(error) = admission.count().await
        {
            if matches!(error, WorkError::RateLimited(_)) && !reserved.reserved.is_replay() {
                self.give_back(reserved.reserved.clone()).await;
            }
            return Err(error);
        }
        let ears = self.listeners.of(submission.client).await?;
        let mut batch = Vec::with_capacity(submission.tickets.len());
        for (index, (ticket, metadata)) in submission.tickets.iter().enumerate() {
            let (id, mut job) = self.job_of(reserved, submission, (index, ticket, metadata.as_ref()));
            job.reaches_endpoints = ears.want_an_end();
            let ready = self.producer.ready(id.as_str(), ticket, &add_options(submission.options))?;
            batch.push(leaving::<T>(job, Some(ready), submission.options.priority));
        }
        let record = record_of(reserved, submission, &batch);
        self.batches.create(&record).await?;
        let all: Vec<&Leaving> = batch.iter().collect();
        self.enter(&all).await?;
        let is_told = record.webhook.is_some() || ears.want(EventType::BatchCompleted);
        self.enqueue_batch(&record, submission, &all, is_told).await?;
        let mut queued = Vec::new();
        for leaving in &batch {
            if self.is_wanted(&leaving.job, EventType::JobQueued).await? {
                queued.push(Box::pin(self.announce(&leaving.job.id, EventType::JobQueued)));
            }
        }
        try_join_all(queued).await?;
        self.answered(&reserved.reserved).await?;
        self.answer_of(reserved, record).await
    }

    fn job_of<T: Ticket>(
        &self,
        reserved: &ReservedBatch,
        submission: &BatchSubmission<'_, T>,
        (index, ticket, metadata): (usize, &T, Option<&Value>),
    ) -> (JobId, NewJob) {
        let id = reserved.id.job(T::KIND.id_prefix(), index);
        let options = JobOptions {
            metadata: metadata.or(submission.options.metadata.as_ref()).cloned(),
            webhook: submission.options.webhook.as_ref().and_then(of_each_job),
            ..submission.options.clone()
        };
        let one = Submission {
            client: submission.client,
            user: Some(submission.user),
            addon: None,
            ticket,
            options: &options,
            idempotency: None,
            traceparent: submission.traceparent,
        };
        let mut job = self.record_of(&self.reserve_known(id.clone()), &one);
        job.batch_id = Some(reserved.id.to_string());
        (id, job)
    }

    /// All tickets in one script; where somebody listens, with the dispatches above them, in one transaction.
    async fn enqueue_batch<T: Ticket>(
        &self,
        record: &BatchRecord,
        submission: &BatchSubmission<'_, T>,
        batch: &[&Leaving],
        is_told: bool,
    ) -> Result<(), WorkError> {
        if !is_told && !batch.iter().any(|leaving| leaving.is_told()) {
            let tickets: Vec<Placed<'_>> = batch.iter().filter_map(|leaving| leaving.placed()).collect();
            return Ok(self.producer.add_many(&tickets).await?);
        }
        let mut branches = Vec::with_capacity(batch.len());
        for (leaving, (ticket, _)) in batch.iter().zip(submission.tickets) {
            let add = AddOptions { priority: leaving.number(), ..add_options(submission.options) };
            let job = self.producer.leaf(leaving.job.id.as_str(), ticket, &add)?;
            branches.push(if leaving.is_told() {
                self.producer.above(&dispatch_id(&leaving.job.id), &end_of(&leaving.job), vec![job])?
            } else {
                job
            });
        }
        if is_told {
            branches = vec![self.end_of_batch(record, branches)?];
        }
        Ok(self.producer.add_branches(branches).await?)
    }

    fn end_of_batch(&self, record: &BatchRecord, jobs: Vec<Branch>) -> Result<Branch, WorkError> {
        let dispatch = Dispatch {
            batch_id: Some(record.id.to_string()),
            traceparent: record.traceparent.clone(),
            ..Dispatch::default()
        };
        Ok(self.producer.above(&format!("hook_end_{}", record.id), &dispatch, jobs)?)
    }

    async fn answer_of(&self, reserved: &ReservedBatch, record: BatchRecord) -> Result<SubmittedBatch, WorkError> {
        let is_replay = reserved.reserved.is_replay();
        let seen = if is_replay { self.batches.get(&record.id).await?.unwrap_or(record) } else { record };
        let statuses = if is_replay { self.jobs.get_many(&seen.jobs).await? } else { Vec::new() };
        let status_of = |index: usize| statuses.get(index).and_then(Option::as_ref).map(JobRecord::public_status);
        let jobs = seen.jobs.iter().enumerate();
        Ok(SubmittedBatch {
            jobs: jobs.map(|(index, id)| (id.clone(), status_of(index).unwrap_or(JobStatus::Queued))).collect(),
            batch_id: seen.id,
            created_at: seen.created_at,
            is_replay,
        })
    }
}

fn record_of<T>(reserved: &ReservedBatch, submission: &BatchSubmission<'_, T>, batch: &[Leaving]) -> BatchRecord {
    BatchRecord {
        id: reserved.id.clone(),
        client: submission.client.clone(),
        user: submission.user.clone(),
        jobs: batch.iter().map(|leaving| leaving.job.id.clone()).collect(),
        created_at: clock::now(),
        webhook: submission.options.webhook.clone(),
        metadata: submission.options.metadata.clone(),
        traceparent: submission.traceparent.map(str::to_owned),
        end: None,
    }
}

fn add_options(options: &JobOptions) -> AddOptions {
    AddOptions { priority: options.priority.number(), timeout: options.timeout, ..AddOptions::default() }
}

/// What of the receiver's wishes is about each single job.
fn of_each_job(target: &WebhookTarget) -> Option<WebhookTarget> {
    let of_jobs = target.events.iter().copied().filter(|event| EventType::OF_A_JOB.contains(event));
    let events: Vec<EventType> = of_jobs.collect();
    (!events.is_empty()).then(|| WebhookTarget { url: target.url.clone(), events })
}
