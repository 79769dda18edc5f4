//! Looking at jobs: one, many, until it ends.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::model::id::{ClientId, JobId};
use crate::store::jobs::JobRecord;
use crate::work::cancel::queue_id;
use crate::work::{JobFilter, JobView, Page, Work, WorkError};

impl Work {
    /// The job, where it is `client`'s.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn view(&self, client: &ClientId, id: &JobId) -> Result<Option<JobView>, WorkError> {
        match self.own(client, id).await? {
            None => Ok(None),
            Some(record) => Ok(Some(JobView::of(&self.reconcile(record).await?))),
        }
    }

    /// The job once it ended, or as it is when `wait` is over. Cancel-safe.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn wait(&self, client: &ClientId, id: &JobId, wait: Duration) -> Result<Option<JobView>, WorkError> {
        let until = Instant::now() + wait;
        loop {
            // The bell is asked for before the look, so that no change falls between the two.
            let mut bell = self.control.bell(id);
            let record = self.jobs.watch(id).await?.filter(|record| record.facts.client == *client);
            let Some(record) = record else { return Ok(None) };
            if record.is_finished() {
                return Ok(Some(JobView::of(&record)));
            }
            if timeout_at(until, bell.rung()).await.is_err() {
                return self.view(client, id).await;
            }
        }
    }

    /// Jobs of `client`, newest first.
    ///
    /// # Errors
    /// [`WorkError::CursorInvalid`], or Redis is away.
    pub async fn list(
        &self,
        client: &ClientId,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<JobView>, WorkError> {
        let page = self.jobs.list(client, filter, cursor, limit).await?;
        Ok(Page {
            data: page.items.iter().map(|record: &JobRecord| JobView::of(record)).collect(),
            next_cursor: page.next_cursor,
        })
    }

    /// Lines of the job's log, oldest first; none where the job is not `client`'s.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn logs(
        &self,
        client: &ClientId,
        id: &JobId,
        start: usize,
        count: usize,
    ) -> Result<Option<Vec<String>>, WorkError> {
        let Some(record) = self.own(client, id).await? else { return Ok(None) };
        let Some(lane) = crate::queue::Lane::parse(&record.facts.lane) else { return Ok(Some(Vec::new())) };
        Ok(Some(self.producer.logs(lane, queue_id(id), start, count).await?))
    }
}
