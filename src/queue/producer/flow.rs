//! Adding flows: jobs now, and their parents for when they have ended.
//!
//! The crate loads its three scripts anew for every flow it adds; in a batch it
//! loads them once.

use bullmq::{FlowJob, JobOptions};
use serde_json::Value;
use tokio::time::timeout;

use crate::gather::Gatherer;
use crate::queue::producer::{AddOptions, Producer, check_id, payload};
use crate::queue::session::{PATIENCE, Sessions};
use crate::queue::{QueueError, Ticket};

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
    async fn add(&self, sessions: &Sessions, flow: FlowJob) -> Result<(), QueueError> {
        self.0.add(flow, |batch| carry_each(sessions, batch)).await
    }
}

async fn carry_each(sessions: &Sessions, batch: Vec<FlowJob>) -> Vec<Result<(), QueueError>> {
    let count = batch.len();
    vec![carry(sessions, batch).await; count]
}

/// Adds all of them in one `MULTI`.
async fn carry(sessions: &Sessions, batch: Vec<FlowJob>) -> Result<(), QueueError> {
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

/// A job that runs now, or one that runs when those below it have ended.
#[derive(Clone, Debug)]
pub struct Branch(FlowJob);

impl Producer {
    /// A job that waits for nobody.
    ///
    /// # Errors
    /// [`QueueError::Id`] and [`QueueError::Encode`].
    pub fn leaf<T: Ticket>(&self, id: &str, ticket: &T, options: &AddOptions) -> Result<Branch, QueueError> {
        self.branch::<T>(id, payload(ticket, options)?, options, None)
    }

    /// A job that runs when each of `children` has completed, failed for good, or was removed; with its lane's own options.
    ///
    /// # Errors
    /// As [`Producer::leaf`].
    pub fn above<T: Ticket>(&self, id: &str, ticket: &T, children: Vec<Branch>) -> Result<Branch, QueueError> {
        let children = children.into_iter().map(|Branch(child)| as_child(child)).collect();
        self.branch::<T>(id, serde_json::to_value(ticket)?, &AddOptions::default(), Some(children))
    }

    /// Leaves one branch. Redis releases what waits in the script that ends what it waits for. Callers at the same time share
    /// one batch.
    ///
    /// # Errors
    /// As [`Producer::add`].
    pub async fn add_branch(&self, branch: Branch) -> Result<(), QueueError> {
        let adding = self.flows.add(self.sessions(), branch.0);
        timeout(PATIENCE, adding).await.unwrap_or_else(|_| Err(QueueError::silence()))
    }

    /// Leaves several branches in one transaction: all of them or none.
    ///
    /// # Errors
    /// As [`Producer::add`].
    pub async fn add_branches(&self, branches: Vec<Branch>) -> Result<(), QueueError> {
        let branches = branches.into_iter().map(|Branch(branch)| branch).collect();
        carry(self.sessions(), branches).await
    }

    fn branch<T: Ticket>(
        &self,
        id: &str,
        data: Value,
        options: &AddOptions,
        children: Option<Vec<FlowJob>>,
    ) -> Result<Branch, QueueError> {
        check_id(id)?;
        Ok(Branch(FlowJob {
            name: T::NAME.to_owned(),
            queue_name: T::LANE.name().to_owned(),
            data,
            opts: Some(self.job_options(T::LANE, id, options)),
            prefix: None,
            children,
        }))
    }
}

/// A child that fails must not hold up its parent, nor fail it.
fn as_child(child: FlowJob) -> FlowJob {
    let opts = child.opts.unwrap_or_default();
    FlowJob { opts: Some(JobOptions { ignore_dependency_on_failure: Some(true), ..opts }), ..child }
}
