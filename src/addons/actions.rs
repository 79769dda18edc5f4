//! Calling an action: checked before it is queued, and run by a job.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::turns::{Line, Turn};
use crate::addons::{Addons, AddonsError};
use crate::host::{Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::model::limit::{Excess, Limit};
use crate::queue::tickets::invoke::Invoke;
use crate::work::{IdempotencyKey, JobOptions, Submission, Submitted};

/// What an action answered.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionAnswer {
    /// Its value, which fits the schema that it declared.
    pub value: Value,
    /// Ids of artifacts that it made.
    pub assets: Vec<String>,
}

impl Addons {
    /// Makes an `invoke` job.
    ///
    /// # Errors
    /// [`AddonsError`]: not enabled, no such action, or every way in which the parameters do not fit.
    pub async fn request_action(
        &self,
        owner: &Owner,
        action: &str,
        params: Value,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
        traceparent: Option<&str>,
    ) -> Result<Submitted, AddonsError> {
        let running = self.must_be_enabled(owner).await?;
        if let Some(what) = running.blockable() {
            self.inner.must_be_free(&what)?;
        }
        let declared = running.manifest.action(action).ok_or_else(|| {
            let names: Vec<&str> = running.manifest.actions.iter().map(|action| action.name.as_str()).collect();
            AddonsError::NotFound(format!("`{}` has no action `{action}`; it has: {}", owner.addon, names.join(", ")))
        })?;
        self.check_params(&running, action, &params)?;
        let ticket = Invoke {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            action: declared.name.clone(),
            params,
            ..Invoke::default()
        };
        let submission = Submission {
            client: &owner.client,
            user: Some(&owner.user),
            addon: Some(&owner.addon),
            ticket: &ticket,
            options,
            idempotency,
            traceparent,
        };
        Ok(self.inner.work.submit(&submission).await?)
    }

    /// A turn for an `invoke` job, to be held as long as it runs, perhaps waited for as long as `patience`; or after how
    /// long to come again. Cancel-safe.
    ///
    /// # Errors
    /// The time after which a turn may be free.
    pub async fn turn(&self, owner: &Owner, patience: Duration) -> Result<Turn, Duration> {
        self.inner.turns.take(owner, Line::Actions, patience).await
    }

    /// Runs an `invoke` job's call.
    ///
    /// # Errors
    /// [`JobError`]: not enabled any more, bad parameters from a foreign producer, or the call's own outcome.
    pub async fn run_action(
        &self,
        owner: &Owner,
        action: &str,
        params: &Value,
        context: &CallContext,
    ) -> Result<ActionAnswer, JobError> {
        let running = self.inner.running(owner).await?.ok_or_else(|| {
            let message = format!("`{}` is not enabled for user `{}`", owner.addon, owner.user);
            JobError::permanent(JobCode::AddonNotEnabled, message)
        })?;
        self.inner.may_run(&running)?;
        let declared = running.manifest.action(action).ok_or_else(|| {
            JobError::permanent(JobCode::AddonBadInput, format!("`{}` has no action `{action}`", owner.addon))
        })?;
        if let Err(AddonsError::Invalid(faults)) = self.check_params(&running, action, params) {
            let failure = Failure::permanent(JobCode::AddonBadInput, super::settings::in_words(&faults));
            return Err(match self.params_excess(params) {
                Some(excess) => failure.with_details(excess.details()).into(),
                None => failure.into(),
            });
        }
        let limits = self.inner.limits(&running.manifest, declared.cpu_ms, declared.timeout_ms);
        let compiled = self.inner.compiled(&running).await?;
        let call = Call { context, limits, given: &[] };
        let invocation = Invocation::Action { name: declared.name.clone(), params: params.clone() };
        match self.inner.call(&running, &compiled, call, invocation).await? {
            Reply::Action(output) => {
                let value = check_result(&running, action, output.value)?;
                Ok(ActionAnswer { value, assets: output.assets.into_iter().map(|asset| asset.id).collect() })
            }
            _ => Err(JobError::permanent(JobCode::Internal, "the action answered out of turn")),
        }
    }

    fn check_params(&self, running: &Running, action: &str, params: &Value) -> Result<(), AddonsError> {
        let faults = running.edition.params_faults(action, params, self.inner.settings.params_limit);
        if faults.is_empty() { Ok(()) } else { Err(AddonsError::Invalid(faults)) }
    }

    /// The limit of parameters, where they are beyond it.
    fn params_excess(&self, params: &Value) -> Option<Excess> {
        let reached = u64::try_from(params.to_string().len()).unwrap_or(u64::MAX);
        let allowed = self.inner.settings.params_limit.as_u64();
        (reached > allowed).then_some(Excess { limit: Limit::ParamsBytes, reached, allowed })
    }

    async fn must_be_enabled(&self, owner: &Owner) -> Result<Arc<Running>, AddonsError> {
        if let Some(running) = self.inner.running(owner).await? {
            return Ok(running);
        }
        let record = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let record = self.settled(record.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await?;
        // An unload that was cancelled in its queue leaves it on.
        if record.state == EnablementState::Enabled
            && let Some(running) = self.inner.running(owner).await?
        {
            return Ok(running);
        }
        Err(AddonsError::Conflict {
            code: "ADDON_NOT_ENABLED",
            message: format!(
                "`{}` is {} for user `{}`; {}",
                owner.addon,
                record.state,
                owner.user,
                match record.state {
                    EnablementState::Quarantined => "POST …/resume lets it run again",
                    _ => "actions run while it is enabled",
                }
            ),
        })
    }
}

/// Holds an answer against the schema that the addon declared for it.
fn check_result(running: &Running, action: &str, value: Value) -> Result<Value, JobError> {
    let Some(schema) = running.result(action) else { return Ok(value) };
    let faults = schema.faults(&value);
    if faults.is_empty() {
        return Ok(value);
    }
    let texts: Vec<Value> =
        faults.iter().map(|fault| json!({ "pointer": fault.pointer, "message": fault.message })).collect();
    let failure =
        Failure::permanent(JobCode::AddonResultInvalid, "the addon's answer does not fit the schema it declared");
    Err(failure.with_details(json!({ "faults": texts })).into())
}
