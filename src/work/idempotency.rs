//! One logical request, one job: the key is reserved before anything is enqueued.
//!
//! The first request reserves a fresh job id under its key and enqueues under
//! that id. A repeat finds the id, enqueues again under it (record and queue
//! both ignore an id that they have) and gives the same answer, so a crash in
//! between neither loses nor doubles.

use tracing::warn;

use crate::model::id::{ClientId, JobId};
use crate::queue::Ticket;
use crate::store::idempotency::{self, LEASE};
use crate::work::{IdempotencyKey, Work, WorkError};

/// A job id that this request may enqueue under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    job_id: JobId,
    is_replay: bool,
    key: Option<(String, String)>,
}

impl Reserved {
    /// The id.
    #[must_use]
    pub const fn job_id(&self) -> &JobId {
        &self.job_id
    }

    /// Whether an earlier request made this job.
    #[must_use]
    pub const fn is_replay(&self) -> bool {
        self.is_replay
    }
}

impl Work {
    /// Reserves an id for a job of `T`'s kind.
    ///
    /// # Errors
    /// [`WorkError::IdempotencyMismatch`] and [`WorkError::IdempotencyBusy`] by the key; otherwise Redis is away.
    pub async fn reserve<T: Ticket>(
        &self,
        client: &ClientId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Reserved, WorkError> {
        self.reserve_as(T::KIND.id_prefix(), client, key).await
    }

    /// Reserves an id that starts with `prefix`.
    pub(super) async fn reserve_as(
        &self,
        prefix: &str,
        client: &ClientId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Reserved, WorkError> {
        let fresh = JobId::fresh(prefix);
        let Some(key) = key else {
            return Ok(Reserved { job_id: fresh, is_replay: false, key: None });
        };
        let scope = format!("{client} {}", key.route);
        let reserved = self.idempotency.reserve(&scope, &key.key, &key.fingerprint, &fresh, LEASE).await?;
        let key = Some((scope, key.key.clone()));
        match reserved {
            idempotency::Reserved::Fresh(job_id) => Ok(Reserved { job_id, is_replay: false, key }),
            idempotency::Reserved::Replay(job_id) => Ok(Reserved { job_id, is_replay: true, key }),
            idempotency::Reserved::Mismatch => Err(WorkError::IdempotencyMismatch),
            idempotency::Reserved::Busy => Err(WorkError::IdempotencyBusy),
        }
    }

    /// Goes on under the id of a job that was asked for before.
    #[must_use]
    pub const fn reserve_known(&self, job_id: JobId) -> Reserved {
        Reserved { job_id, is_replay: true, key: None }
    }

    /// Gives the key back: the request was refused, or answered without this job, and nothing was enqueued. A repeat is
    /// then a first request again. Where Redis is away the key is free when its lease ends.
    pub async fn give_back(&self, reserved: Reserved) {
        let Some((scope, key)) = reserved.key else { return };
        if let Err(error) = self.idempotency.forget(&scope, &key).await {
            warn!(error = %error, "Could not give an idempotency key back; it stays reserved for job `{}`", reserved.job_id);
        }
    }

    /// Whether the job of a reservation was made already: a repeat that only has to be answered.
    ///
    /// # Errors
    /// [`WorkError`] when Redis is away.
    pub async fn is_made(&self, reserved: &Reserved) -> Result<bool, WorkError> {
        Ok(reserved.is_replay && self.jobs.get(&reserved.job_id).await?.is_some())
    }

    /// The request is answered: a repeat need not wait any more.
    pub(super) async fn answered(&self, reserved: &Reserved) -> Result<(), WorkError> {
        match &reserved.key {
            Some((scope, key)) => Ok(self.idempotency.answered(scope, key).await?),
            None => Ok(()),
        }
    }
}
