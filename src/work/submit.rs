//! Leaving a ticket: our record first, then the queue.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::clock;
use crate::model::event::EventType;
use crate::model::job::{JobStatus, Priority};
use crate::queue::producer::ReadyTicket;
use crate::queue::tickets::dispatch::Dispatch;
use crate::queue::{AddOptions, Ticket};
use crate::store::jobs::{JobRecord, NewJob, Turn};
use crate::work::announce::dispatch_id;
use crate::work::idempotency::Reserved;
use crate::work::leave::Leaving;
use crate::work::{Submission, Submitted, Work, WorkError};

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
    /// [`WorkError::RateLimited`], or Redis is away or full.
    pub async fn submit_reserved<T: Ticket>(
        &self,
        reserved: Reserved,
        submission: &Submission<'_, T>,
    ) -> Result<Submitted, WorkError> {
        let options = submission.options;
        if let Some(admission) = options.admission.as_ref().filter(|_| reserved.is_replay()) {
            // A repeat makes nothing, and counts all the same.
            admission.count().await?;
        }
        let add = AddOptions {
            priority: options.priority.number(),
            timeout: options.timeout,
            delay: options.delay,
            ..AddOptions::default()
        };
        let ears = self.listeners.of(submission.client).await?;
        let mut job = self.record_of(&reserved, submission);
        job.reaches_endpoints = ears.want_an_end();
        // A dispatch is the flow parent where somebody awaits the end; otherwise a plain add, which is far cheaper. What
        // has to wait for its time is added alone.
        let is_plain = !job.is_awaited() && job.not_before.is_none();
        let ticket = if is_plain { Some(self.producer.ready(job.id.as_str(), submission.ticket, &add)?) } else { None };
        let leaving = Arc::new(leaving::<T>(job, ticket, options.priority).admitted(options.admission.clone()));
        if let Err(error) = self.leave(Arc::clone(&leaving)).await {
            if matches!(error, WorkError::RateLimited(_)) {
                self.give_back(reserved).await;
            }
            return Err(error);
        }
        let job = &leaving.job;
        let add = AddOptions { priority: leaving.number(), ..add };
        if leaving.is_told() {
            self.enqueue_with_dispatch(job, submission.ticket, &add).await?;
        } else if job.not_before.is_some() {
            self.producer.add(job.id.as_str(), submission.ticket, &add).await?;
        }
        if self.is_wanted(job, EventType::JobQueued).await? {
            Box::pin(self.announce(&job.id, EventType::JobQueued)).await?;
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

    /// What is written of a job that is asked for.
    pub(super) fn record_of<T: Ticket>(&self, reserved: &Reserved, submission: &Submission<'_, T>) -> NewJob {
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
        let dispatch = end_of(job);
        let parent = (&*dispatch_id(&job.id), &dispatch);
        Ok(self.producer.add_with_parent(parent, (job.id.as_str(), ticket), add).await?)
    }
}

/// A job of `T`'s lane that is asked for.
pub(super) fn leaving<T: Ticket>(job: NewJob, ticket: Option<ReadyTicket>, priority: Priority) -> Leaving {
    let leaving = Leaving::new(job, ticket, priority);
    if T::LANE.takes_turns() { leaving.in_turn(Turn::new(priority)) } else { leaving }
}

/// The ticket that tells how a job ended.
pub(super) fn end_of(job: &NewJob) -> Dispatch {
    Dispatch { job_id: job.id.to_string(), traceparent: job.traceparent.clone(), ..Dispatch::default() }
}
