//! Switching an addon off: no new calls, a last word to the guest, then off or gone.

use serde_json::{Value, json};

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::running::{Call, CallContext};
use crate::addons::{Addons, AddonsError};
use crate::host::Invocation;
use crate::host::invocation::StopReason;
use crate::model::code::JobCode;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::tickets::unload::Unload;
use crate::work::{IdempotencyKey, JobOptions, Submission, Submitted};

impl Addons {
    /// Makes an `unload` job; `erase` also deletes the record and the addon's data.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when there is no such enablement; a conflict when its state does not allow it.
    pub async fn request_disable(
        &self,
        owner: &Owner,
        erase: bool,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<Submitted, AddonsError> {
        let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let current = current.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?;
        if current.state != EnablementState::Disabling && current.state != EnablementState::Disabled {
            current.state.next(Change::Unload)?;
        }
        let ticket = Unload {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            erase,
            ..Unload::default()
        };
        let submission = Submission {
            client: &owner.client,
            user: Some(&owner.user),
            addon: Some(&owner.addon),
            ticket: &ticket,
            options,
            idempotency,
            traceparent: None,
        };
        Ok(self.inner.work.submit(&submission).await?)
    }

    /// Runs an `unload` job: no new calls, a last word to the guest, then off or gone.
    ///
    /// # Errors
    /// [`JobError`] when the records cannot be written.
    pub async fn disable(&self, owner: &Owner, erase: bool, context: &CallContext) -> Result<Value, JobError> {
        let was_running = self.inner.running(owner).await?;
        self.change(owner, |current| match current.state {
            EnablementState::Disabling | EnablementState::Disabled => Ok(false),
            state => {
                current.state = state
                    .next(Change::Unload)
                    .map_err(|error| JobError::permanent(JobCode::Internal, error.to_string()))?;
                current.job_id = Some(context.job_id.clone());
                Ok(true)
            }
        })
        .await?;
        if let Some(running) = was_running {
            self.say_goodbye(&running, context).await;
        }
        if erase {
            self.inner.kv.erase(&crate::addons::kv_scope(owner)).await?;
            self.inner.erase(owner).await?;
            return Ok(json!({ "state": "erased", "addonId": owner.addon }));
        }
        self.change(owner, |current| {
            if current.state != EnablementState::Disabling {
                return Ok(false);
            }
            current.state = EnablementState::Disabled;
            Ok(true)
        })
        .await?;
        Ok(json!({ "state": "disabled", "addonId": owner.addon }))
    }

    /// Best effort, as the contract says: an addon that cannot say goodbye is switched off all the same.
    async fn say_goodbye(&self, running: &super::running::Running, context: &CallContext) {
        let Ok(compiled) = self.inner.compiled(running).await else { return };
        let limits = self.inner.limits(&running.manifest, None, None);
        let call = Call { context, limits, given: &[] };
        if let Err(error) =
            self.inner.call(running, &compiled, call, Invocation::Deactivate(StopReason::UserDisabled)).await
        {
            context.progress.log(&format!("deactivate failed: {error}")).await;
        }
    }
}
