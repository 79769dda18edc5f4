//! What the queue asks of whoever does the work.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::queue::Delivery;

/// How a try ended, in the handler's own judgement.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Well, with this result.
    Done(Value),
    /// Badly; try again by the lane's backoff while tries are left. The text is what boards show.
    Retry(String),
    /// Badly; try again after this long, charged as a try: for schedules of the handler's own.
    RetryIn(Duration, String),
    /// Not now: try again after this long (clamped to 1 s – 1 h) without a try charged. Ends as a failure after as many
    /// of these as the job has tries, or after 24 h.
    RetryAfter(Duration, String),
    /// Badly, for good.
    GiveUp(String),
    /// Not here: back to the front of the queue, no try charged.
    HandBack,
}

/// Why a job ends for good without a verdict of its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Abandoned {
    /// The handler panicked.
    #[error("INTERNAL: the work on this job broke off")]
    Panicked,
    /// It was cancelled and did not wind down in time.
    #[error("CANCELLED: cancelled while it ran")]
    Cancelled,
    /// Its last try ran longer than it may and did not wind down in time.
    #[error("DEADLINE_EXCEEDED: ran longer than {} ms", .0.as_millis())]
    DeadlineExceeded(Duration),
    /// Its worker died under it too often.
    #[error("WORKER_LOST: lost its worker {0} times")]
    WorkerLost(u32),
}

/// Does the work of one lane.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does one job. Safe to run twice: a job whose worker was silent for too long is given to another.
    ///
    /// When `delivery.token` is cancelled the handler has two seconds to wind down; then its future is dropped.
    async fn handle(&self, delivery: Delivery) -> Verdict;

    /// Hears that a job ends as failed without [`Handler::handle`] having said so, before the queue writes it down.
    async fn abandoned(&self, delivery: &Delivery, why: Abandoned) {
        let _ = (delivery, why);
    }
}
