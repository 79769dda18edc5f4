//! Asking for work and looking at it: the one desk where jobs are submitted, watched, cancelled and tried again.
//!
//! A submission writes our own record of the job, then leaves the ticket in
//! its queue. The record, not the queue, is the truth about how a job ended:
//! it changes by compare-and-set, and a finished status never changes.

mod admission;
mod announce;
mod batch;
mod batch_view;
mod cancel;
mod everywhere;
mod idempotency;
mod leave;
mod listeners;
pub mod progress;
mod reconcile;
mod submit;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::gather::Gatherer;
use crate::model::digest::Digest;
use crate::model::disposition::Disposition;
use crate::model::event::WebhookTarget;
use crate::model::id::{AddonId, ClientId, IdError, JobId, UserId};
use crate::model::job::{JobStatus, Priority};
use crate::model::job_error::JobError;
use crate::model::rate::RateStanding;
use crate::model::started::StartedBy;
use crate::queue::{Producer, QueueError};
use crate::store::batches::Batches;
use crate::store::clients::Clients;
use crate::store::control::Control;
use crate::store::endpoints::Endpoints;
use crate::store::idempotency::Idempotency;
use crate::store::job_events::JobEvents;
use crate::store::jobs::Jobs;
use crate::store::outbox::Outbox;
use crate::store::signals::Signals;
use crate::store::{Store, StoreError};

pub use crate::store::jobs::JobFilter;
pub use admission::Admission;
pub use announce::dispatch_id;
pub use batch::{BatchSubmission, MOST_JOBS, ReservedBatch, SubmittedBatch};
pub use batch_view::{BatchCounts, BatchJobView, BatchView, batch_path};
pub use everywhere::{OwnedJob, RetriedMany, RetryPace};
pub use idempotency::Reserved;
pub use listeners::{Ears, Listeners};
pub use reconcile::LOST_AFTER;
pub use view::{Attempts, JobView, StarterView};

/// What every request that makes a job may say about the job itself (`api.md`, “Job options”).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobOptions {
    /// Where the job's events go.
    pub webhook: Option<WebhookTarget>,
    /// Echoed on the job and its events; at most 4 KiB.
    pub metadata: Option<Value>,
    /// How urgent it is.
    pub priority: Priority,
    /// Longest time one attempt may take; the queue's own when left out.
    pub timeout: Option<Duration>,
    /// The chat that the job belongs to; no client sets it here, the chat routes do.
    pub session_id: Option<String>,
    /// The chat message that the job answers.
    pub message_id: Option<String>,
    /// How long from now it waits before it may start; no client sets it, addons do.
    pub delay: Option<Duration>,
    /// How many starts by addons lie behind it, this one included; none where a client asks.
    pub hops: u32,
    /// The addon that starts it, where one does.
    pub started_by: Option<StartedBy>,
    /// Where the request counts; nowhere where nobody limits it.
    pub admission: Option<Admission>,
}

/// A client's name for one logical request, and what the request was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as the client sent it, without quotes.
    pub key: String,
    /// Method and path: the same key on another route is another request.
    pub route: String,
    /// A hash of the body: the same key with another body is a mistake.
    pub fingerprint: Digest,
}

/// One request for a job.
#[derive(Debug)]
pub struct Submission<'a, T> {
    /// Who asks.
    pub client: &'a ClientId,
    /// For whom.
    pub user: Option<&'a UserId>,
    /// Which addon it is about.
    pub addon: Option<&'a AddonId>,
    /// What is to be done.
    pub ticket: &'a T,
    /// How.
    pub options: &'a JobOptions,
    /// Under which idempotency key.
    pub idempotency: Option<&'a IdempotencyKey>,
    /// The caller's trace.
    pub traceparent: Option<&'a str>,
}

/// The answer to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The job.
    pub job_id: JobId,
    /// When it was first asked for.
    pub created_at: DateTime<Utc>,
    /// Whether an earlier request with the same idempotency key made it.
    pub is_replay: bool,
    /// Where it stands.
    pub status: JobStatus,
    /// How many jobs wait before it, where that is cheap to know.
    pub queue_position: Option<u64>,
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAnswer {
    /// It had not started and is cancelled now.
    Cancelled,
    /// A worker was told to stop.
    Cancelling,
    /// It has done what it was asked for, and cannot be stopped any more.
    TooLate,
    /// It was over already.
    Over(JobStatus),
    /// There is no such job for this client.
    Missing,
}

/// What became of a request to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAnswer {
    /// It waits for a worker again.
    Queued,
    /// Only failed jobs can be tried again.
    NotFailed(JobStatus),
    /// The failure is known, but the queue does not keep the ticket any more.
    Gone,
    /// There is no such job for this client.
    Missing,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// Why a request for work could not be met. Cheap to clone: one failed batch answers many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WorkError {
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body before")]
    IdempotencyMismatch,
    /// Another request with the key is being answered right now.
    #[error("another request with this idempotency key is being answered")]
    IdempotencyBusy,
    /// One of the counters that the request counts on is full; nothing was done.
    #[error("more than {} requests a minute were asked ({})", .0.limit, .0.counter.as_str())]
    RateLimited(RateStanding),
    /// A cursor that we did not make.
    #[error("the cursor is not one of ours")]
    CursorInvalid,
    /// Redis holds no usable record.
    #[error("reading or writing the job's record")]
    Store(#[from] StoreError),
    /// The queue did not take or give the job.
    #[error("reaching the queue")]
    Queue(#[from] QueueError),
    /// A stored id is not an id.
    #[error("a stored id cannot be read")]
    Id(#[from] IdError),
}

impl WorkError {
    /// Whether trying again may help.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::IdempotencyBusy => Disposition::RetryAfter(Duration::from_secs(1)),
            Self::RateLimited(standing) => Disposition::RetryAfter(standing.wait.unwrap_or(Duration::from_secs(1))),
            Self::Store(error) => error.disposition(),
            Self::Queue(error) => error.disposition(),
            Self::IdempotencyMismatch | Self::CursorInvalid | Self::Id(_) => Disposition::GiveUp,
        }
    }
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Work {
    jobs: Jobs,
    batches: Batches,
    clients: Clients,
    events: JobEvents,
    idempotency: Idempotency,
    producer: Producer,
    control: Control,
    listeners: Listeners,
    outbox: Outbox,
    signals: Signals,
    leaving: Gatherer<Arc<leave::Leaving>, Result<(), WorkError>>,
}

impl Work {
    /// A desk over one store and one set of queues.
    #[must_use]
    pub fn new(store: &Store, producer: Producer, control: Control) -> Self {
        Self {
            jobs: Jobs::new(store.clone()),
            batches: Batches::new(store.clone()),
            clients: Clients::new(store.clone()),
            events: JobEvents::new(store.clone()),
            idempotency: Idempotency::new(store.clone()),
            producer,
            control,
            listeners: Listeners::new(Endpoints::new(store.clone())),
            outbox: Outbox::new(store.clone()),
            signals: Signals::new(store.clone()),
            leaving: Gatherer::new(leave::MOST_IN_A_BATCH, leave::TURNS),
        }
    }

    /// The records behind the desk, for workers that write them.
    #[must_use]
    pub const fn records(&self) -> &Jobs {
        &self.jobs
    }

    /// The jobs' event streams, for whoever follows them.
    #[must_use]
    pub const fn events(&self) -> &JobEvents {
        &self.events
    }

    /// Who listens to which events.
    #[must_use]
    pub const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// What is to be announced and was not yet.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The queues behind the desk, for jobs that leave tickets of their own.
    #[must_use]
    pub const fn producer(&self) -> &Producer {
        &self.producer
    }
}

impl From<WorkError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: WorkError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not ask for work");
        Self::internal(error.disposition())
    }
}
