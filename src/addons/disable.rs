//! Switching an addon off: no new calls, a last word to the guest, then off or gone.

use serde_json::{Value, json};

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::record::{WRITE_TRIES, is_of, overtaken, stopped, too_many};
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::{Addons, AddonsError};
use crate::host::Invocation;
use crate::host::invocation::StopReason;
use crate::model::code::JobCode;
use crate::model::id::JobId;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState, IllegalChange};
use crate::queue::tickets::unload::Unload;
use crate::store::enablements::{Concluded, Enablement, Put, Unloading};
use crate::work::{IdempotencyKey, JobOptions, Submission, Submitted};

impl Addons {
    /// Marks the enablement as `disabling` and makes its `unload` job; `erase` also deletes the record and the addon's
    /// data. Once this answers, no call begins and no load is taken until the job is over.
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
        let work = &self.inner.work;
        let reserved = work.reserve::<Unload>(&owner.client, idempotency).await?;
        if work.is_made(&reserved).await? {
            return Ok(work.submit_reserved(reserved, &submission).await?);
        }
        match self.claim_unload(owner, erase, reserved.job_id()).await {
            Ok(job) => self.submit_claimed(job, reserved, &submission).await,
            Err(error) => {
                work.give_back(reserved).await;
                Err(error)
            }
        }
    }

    /// Marks the enablement as `disabling` by `job`, or names the job that does as much already.
    async fn claim_unload(&self, owner: &Owner, erase: bool, job: &JobId) -> Result<JobId, AddonsError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let current = self.settled(current.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await?;
            if let Some(known) = current.job_id.as_ref().filter(|_| does_as_much(&current, erase)) {
                return Ok(known.clone());
            }
            let next = disabling(current, erase, job)?;
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(_) => return Ok(job.clone()),
                Put::Conflict(_) => {}
            }
        }
        Err(AddonsError::conflict("this enablement is being changed by too many at once; try again"))
    }

    /// Runs an `unload` job: a last word to the guest, then off or gone.
    ///
    /// # Errors
    /// [`JobError`] when the job was cancelled before it was done, or the records cannot be written.
    pub async fn disable(&self, owner: &Owner, erase: bool, context: &CallContext) -> Result<Value, JobError> {
        let job = &context.job_id;
        let begun = self.begin_unloading(owner, erase, job).await?;
        let Some(unloading) = begun.unloading.filter(|_| is_being_unloaded_by(&begun, job)) else {
            return Ok(answer(owner, (begun.revision > 0).then_some(begun.state), erase));
        };
        let enablement = begun.id();
        if unloading.from == EnablementState::Enabled
            && let Some(running) = self.inner.as_running(owner, begun).await?
        {
            self.say_goodbye(&running, context, StopReason::UserDisabled, None).await;
        }
        if unloading.erase || erase {
            let erased = self.erase(owner, job).await?;
            self.inner.starting.cancel_waiting(&owner.client, &enablement).await;
            return Ok(erased);
        }
        let ended = self.conclude(owner, job, |current| {
            if !is_being_unloaded_by(current, job) {
                return Err(overtaken(owner));
            }
            current.state = current.state.next(Change::Unloaded).map_err(as_internal)?;
            current.unloading = None;
            Ok(())
        });
        let ended = ended.await?;
        self.inner.starting.cancel_waiting(&owner.client, &enablement).await;
        Ok(answer(owner, Some(ended.state), false))
    }

    /// Marks the enablement, where the request could not: a foreign job, or one that is tried again after it failed.
    /// Where anybody asked for something else since, it is left as it is.
    async fn begin_unloading(&self, owner: &Owner, erase: bool, job: &JobId) -> Result<Enablement, JobError> {
        self.change(owner, |current| {
            let is_done = current.revision == 0 || (current.state == EnablementState::Disabled && !erase);
            let may_begin = if is_of(current, job) {
                current.state == EnablementState::Disabled
            } else {
                job.as_foreign().is_some() && !does_as_much(current, erase)
            };
            if is_done || !may_begin {
                return Ok(false);
            }
            *current = disabling(current.clone(), erase, job).map_err(as_internal)?;
            Ok(true)
        })
        .await
    }

    async fn erase(&self, owner: &Owner, job: &JobId) -> Result<Value, JobError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let Some(current) = current else { return Ok(answer(owner, None, true)) };
            if !is_being_unloaded_by(&current, job) {
                return Err(overtaken(owner));
            }
            match self.inner.erase(job, &current).await? {
                Concluded::Written => return Ok(answer(owner, None, true)),
                Concluded::Conflict => {}
                Concluded::Stopped => return Err(stopped()),
            }
        }
        Err(too_many())
    }

    /// Best effort, as the contract says: an addon that cannot say goodbye is switched off all the same.
    pub(super) async fn say_goodbye(
        &self,
        running: &Running,
        context: &CallContext,
        reason: StopReason,
        wall_ms: Option<u64>,
    ) {
        let Ok(compiled) = self.inner.compiled(running).await else { return };
        let limits = self.inner.limits(&running.manifest, None, wall_ms);
        let call = Call { context, limits, given: &[] };
        if let Err(error) = self.inner.call(running, &compiled, call, Invocation::Deactivate(reason)).await {
            context.progress.log(&format!("deactivate failed: {error}")).await;
        }
    }
}

/// The enablement, `disabling` by `job`. Where it was so already by a job that does less, this one takes over.
fn disabling(current: Enablement, erase: bool, job: &JobId) -> Result<Enablement, IllegalChange> {
    let state = current.state.next(Change::Unload)?;
    let from = current.unloading.map_or(current.state, |unloading| unloading.from);
    let unloading = Some(Unloading { from, erase });
    Ok(Enablement { state, unloading, candidate: None, job_id: Some(job.clone()), ..current })
}

/// Whether the enablement is being switched off already, and erased where that is asked for.
fn does_as_much(current: &Enablement, erase: bool) -> bool {
    current.state == EnablementState::Disabling && current.unloading.is_some_and(|unloading| unloading.erase || !erase)
}

fn is_being_unloaded_by(current: &Enablement, job: &JobId) -> bool {
    current.state == EnablementState::Disabling && is_of(current, job)
}

/// What the job's client reads; no state is no record.
fn answer(owner: &Owner, state: Option<EnablementState>, erase: bool) -> Value {
    let gone = if erase { "erased" } else { EnablementState::Disabled.as_str() };
    json!({ "state": state.map_or(gone, EnablementState::as_str), "addonId": owner.addon })
}

fn as_internal(error: IllegalChange) -> JobError {
    JobError::permanent(JobCode::Internal, error.to_string())
}
