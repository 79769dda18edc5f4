//! Leaving a ticket: our record first, then the queue.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::clock;
use crate::model::event::EventType;
use crate::model::id::JobId;
use crate::model::job::JobStatus;
use crate::queue::tickets::dispatch::Dispatch;
use crate::queue::{AddOptions, Ticket};
use crate::store::jobs::{JobRecord, NewJob};
use crate::work::idempotency::Reserved;
use crate::work::leave::Leaving;
use crate::work::{Submission, Submitted, Work, WorkError};

/// The id of the job that dispatches `job`'s terminal event: twice is once.
#[must_use]
pub fn dispatch_id(job: &JobId) -> String {
    format!("hook_end_{job}")
}

impl Work {
    /// Asks for a job.
    ///
    /// # Errors
    /// [`WorkError`]: the idempotency key's own answers, or Redis is away or full.
    pub async fn submit<T: Ticket>(&self, submission: &Submission<'_, T>) -> Result<Submitted, WorkError> {
        let reserved = self.reserve::<T>(submission.client, submission.idempotency).await?;
        self.submit_reserved(reserved, submission).await
    }

    /// Asks for a job under an id that was reserved before.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn submit_reserved<T: Ticket>(
        &self,
        reserved: Reserved,
        submission: &Submission<'_, T>,
    ) -> Result<Submitted, WorkError> {
        let options = submission.options;
        let add = AddOptions {
            priority: options.priority.number(),
            timeout: options.timeout,
            delay: options.delay,
            ..AddOptions::default()
        };
        let job = self.record_of(&reserved, submission);
        // A dispatch is the flow parent where somebody awaits the end; otherwise a plain add, which is far cheaper. What
        // has to wait for its time is added alone.
        let is_plain = !job.is_awaited() && job.not_before.is_none();
        let ticket = if is_plain { Some(self.producer.ready(job.id.as_str(), submission.ticket, &add)?) } else { None };
        let leaving = Arc::new(Leaving { job, ticket });
        self.leave(Arc::clone(&leaving)).await?;
        let job = &leaving.job;
        if job.is_awaited() {
            self.enqueue_with_dispatch(job, submission.ticket, &add).await?;
        } else if job.not_before.is_some() {
            self.producer.add(job.id.as_str(), submission.ticket, &add).await?;
        }
        self.answered(&reserved).await?;
        let shown = if reserved.is_replay() { self.jobs.get(&job.id).await? } else { None };
        Ok(Submitted {
            created_at: shown.as_ref().map_or(job.created_at, |record| record.facts.created_at),
            status: shown.as_ref().map_or(JobStatus::Queued, JobRecord::public_status),
            is_replay: reserved.is_replay(),
            queue_position: None,
            job_id: job.id.clone(),
        })
    }

    fn record_of<T: Ticket>(&self, reserved: &Reserved, submission: &Submission<'_, T>) -> NewJob {
        let id = reserved.job_id().clone();
        NewJob {
            user: submission.user.cloned(),
            addon: submission.addon.cloned(),
            metadata: submission.options.metadata.clone(),
            max_attempts: self.producer.attempts(T::LANE),
            webhook: submission.options.webhook.clone(),
            traceparent: submission.traceparent.map(str::to_owned),
            session_id: submission.options.session_id.clone(),
            message_id: submission.options.message_id.clone(),
            not_before: submission
                .options
                .delay
                .and_then(|delay| TimeDelta::from_std(delay).ok())
                .map(|d| clock::now() + d),
            hops: submission.options.hops,
            started_by: submission.options.started_by.clone(),
            ..NewJob::of(T::KIND, id, submission.client.clone(), T::LANE.name())
        }
    }

    async fn enqueue_with_dispatch<T: Ticket>(
        &self,
        job: &NewJob,
        ticket: &T,
        add: &AddOptions,
    ) -> Result<(), WorkError> {
        let dispatch =
            Dispatch { job_id: job.id.to_string(), events: Vec::new(), traceparent: job.traceparent.clone() };
        self.producer.add_with_parent((&dispatch_id(&job.id), &dispatch), (job.id.as_str(), ticket), add).await?;
        if job.webhook.as_ref().is_some_and(|target| target.events.contains(&EventType::JobQueued)) {
            self.announce(&job.id, EventType::JobQueued).await?;
        }
        Ok(())
    }

    /// Leaves the dispatch of an event that does not end the job.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce(&self, job: &JobId, event: EventType) -> Result<(), WorkError> {
        let dispatch = Dispatch { job_id: job.to_string(), events: vec![event], traceparent: None };
        let id = format!("hook_{}_{job}", event.as_str().trim_start_matches("job."));
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the dispatch of a `job.progress`; there are several of one job, so each says how far it was.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn announce_progress(&self, job: &JobId, percent: u8) -> Result<(), WorkError> {
        let dispatch = Dispatch { job_id: job.to_string(), events: vec![EventType::JobProgress], traceparent: None };
        let id = format!("hook_progress_{job}_{percent}");
        Ok(self.producer.add(&id, &dispatch, &AddOptions::default()).await?)
    }

    /// Leaves the dispatch of the event that ends the job, for jobs that no flow parent waits for.
    ///
    /// A job that is tried again after it failed ends a second time, so that dispatch has a name of its own.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away or full.
    pub async fn leave_dispatch(&self, record: &JobRecord) -> Result<(), WorkError> {
        let job = &record.facts.id;
        let first = dispatch_id(job);
        let id = if record.facts.is_foreign { first } else { format!("{first}_{}", record.sequence) };
        let dispatch = Dispatch { job_id: job.to_string(), events: Vec::new(), traceparent: None };
        self.producer.add(&id, &dispatch, &AddOptions::default()).await?;
        Ok(self.jobs.settle(job).await?)
    }
}
