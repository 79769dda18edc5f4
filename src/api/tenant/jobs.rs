//! The client's jobs.

use axum::response::Response;

use crate::api::answer::{self, Chat, no_job};
use crate::api::extract::prefer::Prefer;
use crate::api::extract::query::Paging;
use crate::api::problem::Problem;
use crate::api::tenant::Tenant;
use crate::model::id::{JobId, UserId};
use crate::queue::Ticket;
use crate::store::control::Bell;
use crate::store::job_events::EventPage;
use crate::store::jobs::JobRecord;
use crate::work::{
    CancelAnswer, IdempotencyKey, JobFilter, JobOptions, JobView, Page, RetryAnswer, Submission, Submitted,
};

/// What a request for a job says beside what is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// How it is to be done.
    pub options: &'a JobOptions,
    /// The client's name for the request.
    pub idempotency: Option<&'a IdempotencyKey>,
    /// The caller's trace.
    pub traceparent: Option<&'a str>,
}

impl Tenant {
    /// A job of the client.
    ///
    /// # Errors
    /// 404 where the client has no such job, 503 where Redis is away.
    pub async fn job(&self, id: &JobId) -> Result<JobView, Problem> {
        self.api.work().view(self.client(), id).await?.ok_or_else(|| no_job(id))
    }

    /// The client's jobs that match.
    ///
    /// # Errors
    /// 422 for a cursor of another list, 503 where Redis is away.
    pub async fn jobs(&self, filter: &JobFilter, paging: &Paging) -> Result<Page<JobView>, Problem> {
        Ok(self.api.work().list(self.client(), filter, paging.cursor.as_deref(), paging.limit).await?)
    }

    /// Cancels a job, and looks after what it left half done.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn cancel(&self, id: &JobId) -> Result<CancelAnswer, Problem> {
        let answer = self.api.work().cancel(self.client(), id).await?;
        if answer == CancelAnswer::Cancelled {
            self.api.addons().look_after(id).await?;
        }
        Ok(answer)
    }

    /// Puts a failed job back into its queue.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn retry(&self, id: &JobId) -> Result<RetryAnswer, Problem> {
        Ok(self.api.work().retry(self.client(), id).await?)
    }

    /// Lines of a job's log.
    ///
    /// # Errors
    /// 404 where the client has no such job, 503 where Redis is away.
    pub async fn logs(&self, id: &JobId, start: usize, limit: usize) -> Result<Vec<String>, Problem> {
        self.api.work().logs(self.client(), id, start, limit).await?.ok_or_else(|| no_job(id))
    }

    /// Asks for a job for one of the client's users.
    ///
    /// # Errors
    /// What is wrong with the idempotency key, 429, or 503 where Redis is away or full.
    pub async fn submit<T: Ticket>(&self, user: &UserId, ticket: &T, ask: Ask<'_>) -> Result<Submitted, Problem> {
        let submission = Submission {
            client: self.client(),
            user: Some(user),
            addon: None,
            ticket,
            options: ask.options,
            idempotency: ask.idempotency,
            traceparent: ask.traceparent,
        };
        Ok(self.api.work().submit(&submission).await?)
    }

    /// 202 with links, or, where the client prefers to wait, 200 with the finished job.
    ///
    /// # Errors
    /// 503 where the job cannot be watched.
    pub(in crate::api) async fn submitted(
        &self,
        submitted: &Submitted,
        prefer: Prefer,
        chat: Chat,
    ) -> Result<Response, Problem> {
        answer::submitted(&self.api, self.client(), submitted, prefer, chat).await
    }

    /// A bell that rings when the job has news, once [`Tenant::watch`] was called.
    #[must_use]
    pub fn bell(&self, id: &JobId) -> Bell {
        self.api.control.bell(id)
    }

    /// The job's record, whose changes ring from now on; none where the client has no such job.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn watch(&self, id: &JobId) -> Result<Option<JobRecord>, Problem> {
        let record = self.api.work().records().watch(id).await?;
        Ok(record.filter(|record| record.facts.client == *self.client()))
    }

    /// The job's events behind number `after`; none where the client has no such job.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn events(&self, id: &JobId, after: u64, limit: usize) -> Result<Option<EventPage>, Problem> {
        Ok(self.api.events.read_of(self.client(), id, after, limit).await?)
    }

    /// The number of the job's newest event; 0 where the client has no such job.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn newest_event(&self, id: &JobId) -> Result<u64, Problem> {
        let record = self.api.work().records().get(id).await?;
        Ok(record.filter(|record| record.facts.client == *self.client()).map_or(0, |record| record.sequence))
    }
}
