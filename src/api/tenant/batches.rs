//! The client's batches, and what its pictures cost.

use chrono::NaiveDate;
use serde_json::Value;

use crate::api::problem::{Problem, ProblemCode};
use crate::api::tenant::{Ask, Tenant};
use crate::imaging::spend::Usage;
use crate::model::id::{BatchId, UserId};
use crate::queue::Ticket;
use crate::work::{BatchSubmission, BatchView, IdempotencyKey, ReservedBatch, SubmittedBatch};

impl Tenant {
    /// An id for a batch that is about to be asked for.
    ///
    /// # Errors
    /// What is wrong with the idempotency key, or 503 where Redis is away.
    pub async fn reserve_batch(&self, key: Option<&IdempotencyKey>) -> Result<ReservedBatch, Problem> {
        Ok(self.api.work().reserve_batch(self.client(), key).await?)
    }

    /// Asks for all jobs of a batch, or none.
    ///
    /// # Errors
    /// 429, or 503 where Redis is away or full.
    pub async fn submit_batch<T: Ticket>(
        &self,
        reserved: &ReservedBatch,
        user: &UserId,
        tickets: &[(T, Option<Value>)],
        ask: Ask<'_>,
    ) -> Result<SubmittedBatch, Problem> {
        let submission = BatchSubmission {
            client: self.client(),
            user,
            tickets,
            options: ask.options,
            traceparent: ask.traceparent,
        };
        Ok(Box::pin(self.api.work().submit_batch(reserved, &submission)).await?)
    }

    /// A batch of the client.
    ///
    /// # Errors
    /// 404 where the client has no such batch, 503 where Redis is away.
    pub async fn batch(&self, id: &BatchId) -> Result<BatchView, Problem> {
        let view = self.api.work().batch(self.client(), id).await?;
        view.ok_or_else(|| Problem::new(ProblemCode::NotFound, format!("there is no batch `{id}`")))
    }

    /// What the client spent on these days, or one of its users did, and what it may.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn usage(&self, user: Option<&UserId>, days: &[NaiveDate]) -> Result<Usage, Problem> {
        Ok(self.api.services.spending.usage(self.client(), user, days).await?)
    }
}
