//! Gathering flows: what arrives while a batch is on its way leaves with the next one.
//!
//! The crate loads its three scripts anew for every flow it adds; in a batch it
//! loads them once. There is no task and no timer here: whoever comes first
//! carries everybody's flows, and the next of those who wait takes over.

use std::collections::VecDeque;

use bullmq::FlowJob;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::queue::QueueError;
use crate::queue::session::Sessions;

/// Most flows in one batch: a batch is one `MULTI`, and Redis does nothing else meanwhile (about 6 ms).
const MOST_IN_A_BATCH: usize = 100;

/// Flows that wait to be carried.
#[derive(Default)]
pub(super) struct Gatherer {
    waiting: Mutex<VecDeque<Waiting>>,
    carrying: tokio::sync::Mutex<()>,
}

struct Waiting {
    flow: FlowJob,
    answer: oneshot::Sender<Result<(), QueueError>>,
}

impl Gatherer {
    /// Adds `flow`, with whatever else waits.
    ///
    /// Cancel-safe: a carrier that goes away leaves its passengers to carry themselves, and ids are fixed, so that
    /// a flow that was added after all is not added twice.
    pub(super) async fn add(&self, sessions: &Sessions, flow: &FlowJob) -> Result<(), QueueError> {
        loop {
            let (answer, mut answered) = oneshot::channel();
            self.waiting.lock().push_back(Waiting { flow: flow.clone(), answer });
            let carrier = tokio::select! {
                biased;
                result = &mut answered => match result {
                    Ok(result) => return result,
                    Err(_) => continue,
                },
                carrier = self.carrying.lock() => carrier,
            };
            loop {
                match answered.try_recv() {
                    Ok(result) => return result,
                    Err(oneshot::error::TryRecvError::Closed) => break,
                    Err(oneshot::error::TryRecvError::Empty) => self.carry(sessions).await,
                }
            }
            drop(carrier);
        }
    }

    /// Sends one batch and answers everybody in it.
    async fn carry(&self, sessions: &Sessions) {
        let batch: Vec<Waiting> = {
            let mut waiting = self.waiting.lock();
            let count = waiting.len().min(MOST_IN_A_BATCH);
            waiting.drain(..count).filter(|waiting| !waiting.answer.is_closed()).collect()
        };
        if batch.is_empty() {
            return;
        }
        let flows: Vec<FlowJob> = batch.iter().map(|waiting| waiting.flow.clone()).collect();
        let result = sessions
            .with(|session| {
                let flows = flows.clone();
                async move {
                    session.flows().add_bulk(flows).await?;
                    Ok(())
                }
            })
            .await;
        for waiting in batch {
            // A caller that has gone does not need its answer.
            let _ = waiting.answer.send(result.clone());
        }
    }
}
