//! An addon's own actions that run later, each as a job of its own.

use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use crate::addons::error::Fault;
use crate::addons::starts::{StartError, Starting, Starts};
use crate::model::id::{ClientId, JobId};
use crate::model::job::JobKind;
use crate::queue::tickets::invoke::Invoke;
use crate::store::jobs::RecordStatus;
use crate::store::pending_starts::{Admitted, NewStart};
use crate::work::{JobOptions, Submission, WorkError};

/// Longest dedupe text, in bytes.
const MAX_DEDUPE_BYTES: usize = 200;

impl Starts {
    /// Leaves an action for later; while a job with the same `dedupe` text waits, that one is the answer.
    ///
    /// # Errors
    /// [`StartError`] says what keeps it from being left.
    pub async fn enqueue(
        &self,
        action: &str,
        params: Value,
        delay: Duration,
        dedupe: Option<&str>,
    ) -> Result<JobId, StartError> {
        let id = self.next_id(JobKind::Invoke);
        let hops = self.next_hop()?;
        self.own_action(action)?;
        let mut faults = self.starter.edition.params_faults(action, &params, self.starting.params_limit);
        faults.extend(dedupe.and_then(dedupe_fault));
        if !faults.is_empty() {
            return Err(StartError::Faulty { what: "the job", faults });
        }
        let (max_delay, most) = (self.starting.settings.max_delay.duration(), self.starting.settings.max_waiting);
        if delay > max_delay {
            return Err(StartError::DelayTooLong { reached: delay, allowed: max_delay });
        }
        let enablement = self.starter.enablement.as_str();
        match self.starting.pending.admit(NewStart { enablement, id: &id, dedupe, most, max_delay }).await? {
            Admitted::New => {}
            Admitted::Same(waiting) => return Ok(waiting),
            Admitted::Full { waiting } => {
                return Err(StartError::TooManyWaiting {
                    reached: waiting.saturating_add(1),
                    allowed: u64::from(most),
                });
            }
        }
        match self.leave_job(&id, action, params, delay, hops).await {
            Ok(()) => Ok(id),
            Err(error) => {
                if let Err(error) = self.starting.pending.withdraw(enablement, &id).await {
                    warn!(error = %error, "Could not take back job `{id}`, which was not left");
                }
                Err(error.into())
            }
        }
    }

    /// Cancels a job that this enablement left; false where it is too late.
    ///
    /// # Errors
    /// [`StartError::Missing`] for any other id.
    pub async fn cancel_job(&self, id: &str) -> Result<bool, StartError> {
        self.cancel(JobKind::Invoke, id).await
    }

    async fn leave_job(
        &self,
        id: &JobId,
        action: &str,
        params: Value,
        delay: Duration,
        hops: u32,
    ) -> Result<(), WorkError> {
        let owner = &self.starter.owner;
        let traceparent = self.starter.traceparent.as_deref();
        let ticket = Invoke {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            action: action.to_owned(),
            params,
            traceparent: traceparent.map(str::to_owned),
            hops: Some(hops),
            ..Invoke::default()
        };
        let options = JobOptions { delay: Some(delay).filter(|delay| !delay.is_zero()), ..self.options(hops, None) };
        let submission = Submission { traceparent, ..owner.submission(&ticket, &options) };
        let work = &self.starting.work;
        work.submit_reserved(work.reserve_known(id.clone()), &submission).await.map(|_| ())
    }
}

impl Starting {
    /// Cancels what an enablement left for later and no worker has begun. Best effort: what stays ends by itself, since an
    /// addon that is off runs nothing.
    pub(in crate::addons) async fn cancel_waiting(&self, client: &ClientId, enablement: &str) {
        if let Err(error) = self.try_cancel_waiting(client, enablement).await {
            warn!(error = %error, "Could not cancel everything that enablement `{enablement}` left for later");
        }
    }

    async fn try_cancel_waiting(&self, client: &ClientId, enablement: &str) -> Result<(), WorkError> {
        for id in self.pending.list(enablement).await? {
            let record = self.work.records().get(&id).await?;
            if record.is_some_and(|record| record.status == RecordStatus::Queued) {
                self.work.cancel(client, &id).await?;
            }
        }
        Ok(())
    }
}

fn dedupe_fault(text: &str) -> Option<Fault> {
    let is_good = (1..=MAX_DEDUPE_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    let message = format!("must be 1-{MAX_DEDUPE_BYTES} bytes without control characters");
    (!is_good).then(|| Fault { pointer: String::from("/dedupe"), message })
}
