//! Jobs that wait for others: a tree of them, added in one transaction.

use bullmq::{FlowJob, JobOptions};
use serde_json::Value;
use tokio::time::timeout;

use crate::queue::producer::flow::carry;
use crate::queue::producer::{AddOptions, Producer, check_id, payload};
use crate::queue::session::PATIENCE;
use crate::queue::{QueueError, Ticket};

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
