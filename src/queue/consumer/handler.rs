//! What the queue asks of whoever does the work.

use std::time::Duration;

use crate::queue::{Delivery, Verdict};
use async_trait::async_trait;

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
