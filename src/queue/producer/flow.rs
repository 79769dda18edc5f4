//! Adding flows: jobs now, and their parents for when they have ended.
//!
//! The crate loads its three scripts anew for every flow it adds; in a batch it
//! loads them once.

use bullmq::FlowJob;

use crate::gather::Gatherer;
use crate::queue::QueueError;
use crate::queue::session::Sessions;

/// Most flows in one batch: a batch is one `MULTI`, and Redis does nothing else meanwhile (about 6 ms).
const MOST_IN_A_BATCH: usize = 100;

/// Flows that wait to be carried.
#[derive(Clone)]
pub(super) struct Flows(Gatherer<FlowJob, Result<(), QueueError>>);

impl Default for Flows {
    fn default() -> Self {
        Self(Gatherer::new(MOST_IN_A_BATCH, 1))
    }
}

impl Flows {
    /// Adds `flow`, with whatever else waits. Ids are fixed, so a flow that is carried twice is added once.
    ///
    /// # Errors
    /// [`QueueError`], the same for everybody in the batch.
    pub(super) async fn add(&self, sessions: &Sessions, flow: FlowJob) -> Result<(), QueueError> {
        self.0.add(flow, |batch| carry_each(sessions, batch)).await
    }
}

async fn carry_each(sessions: &Sessions, batch: Vec<FlowJob>) -> Vec<Result<(), QueueError>> {
    let count = batch.len();
    vec![carry(sessions, batch).await; count]
}

/// Adds all of them in one `MULTI`.
pub(super) async fn carry(sessions: &Sessions, batch: Vec<FlowJob>) -> Result<(), QueueError> {
    sessions
        .with(|session| {
            let batch = batch.clone();
            async move {
                session.flows().add_bulk(batch).await?;
                Ok(())
            }
        })
        .await
}
