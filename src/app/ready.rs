//! Whether this process should get traffic: Redis answers, and it is not stopping.

use std::sync::Arc;

use crate::api::ReadinessCheck;
use crate::app::supervise::Standing;
use crate::queue::Producer;
use crate::shutdown::Stop;
use crate::store::Store;

/// What readiness depends on.
#[derive(Clone)]
pub(super) struct Readiness {
    store: Store,
    producer: Producer,
    stop: Stop,
    workers: Option<Standing>,
}

impl Readiness {
    pub(super) const fn new(store: Store, producer: Producer, stop: Stop) -> Self {
        Self { store, producer, stop, workers: None }
    }

    /// Asks for these processes to be ready, too.
    pub(super) fn with_workers(self, workers: Option<Standing>) -> Self {
        Self { workers, ..self }
    }

    pub(super) fn into_check(self) -> ReadinessCheck {
        Arc::new(move || {
            let this = self.clone();
            Box::pin(async move { this.check().await })
        })
    }

    async fn check(&self) -> Result<(), String> {
        if self.stop.has_fired() {
            return Err(String::from("stopping"));
        }
        self.store.ping().await.map_err(|error| format!("redis: {error}"))?;
        self.producer.ping().await.map_err(|error| format!("queues: {error}"))?;
        self.workers.as_ref().map_or(Ok(()), Standing::check)
    }
}
