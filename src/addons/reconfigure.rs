//! Changing an enablement while it is on: settings through the addon's own `config-handler`, the rest at once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::record::overtaken;
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::views::EnablementView;
use crate::addons::{Addons, AddonsError, Fault, PatchSpec, settings};
use crate::host::Invocation;
use crate::model::capability::Capability;
use crate::model::code::JobCode;
use crate::model::grants::Grants;
use crate::model::job::JobStatus;
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::queue::tickets::reconfigure::Reconfigure;
use crate::store::enablements::{AutoUpdate, CandidateState, Enablement, Put};
use crate::work::JobOptions;

/// How long a change of settings waits for the addon's word before it is answered as still going on.
const PATIENCE: Duration = Duration::from_secs(20);

impl Addons {
    /// Changes settings, order, grants or update mode of an enablement.
    ///
    /// New settings of an enabled addon go through its `config-handler` first; an error keeps the old ones.
    ///
    /// # Errors
    /// [`AddonsError`]: no such enablement, every fault of the change, or somebody else was quicker.
    pub async fn patch(&self, owner: &Owner, patch: &PatchSpec) -> Result<EnablementView, AddonsError> {
        let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let current = current.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?;
        let is_moving = current.state.is_moving()
            || current.candidate.as_ref().is_some_and(|candidate| candidate.state == CandidateState::Loading);
        if is_moving && (patch.config.is_some() || patch.grants.is_some()) {
            return Err(AddonsError::conflict(format!(
                "a job about `{}` is on its way; its settings and grants can be changed when that is over",
                current.addon
            )));
        }
        let mut next = self.patched(owner, current, patch).await?;
        let needs_word = patch.config.is_some() && next.state == EnablementState::Enabled;
        if needs_word {
            self.ask_for_settings(owner, &next.config).await?;
            let fresh = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let fresh = fresh.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?;
            // The job wrote the settings; only what else was asked for goes onto what the record is now.
            let grants = if patch.grants.is_some() { next.grants } else { fresh.grants.clone() };
            next = Enablement {
                order: patch.order.unwrap_or(fresh.order),
                auto_update: patch.auto_update.unwrap_or(fresh.auto_update),
                budget: next.budget,
                timezone: patch.timezone.clone().or_else(|| fresh.timezone.clone()),
                grants,
                ..fresh
            };
        }
        match self.inner.write(next.revision, &next).await? {
            Put::Stored(revision) => {
                if patch.auto_update == Some(AutoUpdate::Compatible) {
                    self.catch_up(owner).await;
                }
                self.view(&Enablement { revision, ..next }).await
            }
            Put::Conflict(_) => Err(AddonsError::conflict("somebody changed this enablement just now; try again")),
        }
    }

    /// The enablement as the patch wants it, held against the manifest.
    async fn patched(&self, owner: &Owner, current: Enablement, patch: &PatchSpec) -> Result<Enablement, AddonsError> {
        let mut next = current;
        let mut faults = Vec::new();
        if let Some(version) = &next.version {
            let record = self.record(&owner.addon, version).await?;
            if let Some(config) = &patch.config {
                match settings::check(&record.manifest, Some(config)) {
                    Ok(config) => next.config = config,
                    Err(found) => faults.extend(found),
                }
            }
            if let Some(wish) = &patch.grants {
                match Grants::narrowed(&record.manifest, wish.clone()) {
                    Ok(grants) => match other_doors(&next, &grants) {
                        Some(message) => faults.push(Fault { pointer: String::from("/grants"), message }),
                        None => next.grants = grants,
                    },
                    Err(error) => {
                        faults.push(Fault { pointer: String::from("/grants"), message: error.to_string() });
                    }
                }
            }
        } else if patch.config.is_some() || patch.grants.is_some() {
            return Err(AddonsError::conflict("the addon was never loaded for this user; PUT it first"));
        }
        next.auto_update = patch.auto_update.unwrap_or(next.auto_update);
        next.order = patch.order.unwrap_or(next.order);
        if let Some(budget) = patch.budget {
            next.budget = budget.has_any().then_some(budget);
        }
        next.timezone = patch.timezone.clone().or(next.timezone);
        if faults.is_empty() { Ok(next) } else { Err(AddonsError::Invalid(faults)) }
    }

    /// Has a worker show the settings to the addon and keep them, and waits for its word.
    async fn ask_for_settings(&self, owner: &Owner, config: &Value) -> Result<(), AddonsError> {
        let ticket = Reconfigure {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            config: config.clone(),
        };
        let options = JobOptions::default();
        let submission = owner.submission(&ticket, &options);
        let job = self.inner.work.submit(&submission).await?.job_id;
        let ended = self.inner.work.wait(&owner.client, &job, PATIENCE).await?;
        match ended {
            Some(view) if view.status == JobStatus::Completed => Ok(()),
            Some(view) if view.status.is_finished() => {
                let why = view.error.map_or_else(|| view.status.to_string(), |failure| failure.to_string());
                Err(AddonsError::invalid("/config", format!("was refused by the addon, the old settings stay: {why}")))
            }
            _ => Err(AddonsError::conflict(format!(
                "the addon still looks at the settings; GET /jobs/{job} says how it ends"
            ))),
        }
    }

    /// Runs a `reconfigure` job: the addon sees the settings, and only then they are kept.
    ///
    /// # Errors
    /// [`JobError`]: not enabled any more, settings that do not fit, or the addon's own refusal.
    pub async fn reconfigure(&self, owner: &Owner, config: &Value, context: &CallContext) -> Result<Value, JobError> {
        let running = self.inner.running(owner).await?.ok_or_else(|| {
            let message = format!("`{}` is not enabled for user `{}`", owner.addon, owner.user);
            JobError::permanent(JobCode::AddonNotEnabled, message)
        })?;
        let config = settings::check(&running.manifest, Some(config))
            .map_err(|faults| JobError::permanent(JobCode::ConfigInvalid, settings::in_words(&faults)))?;
        let compiled = self.inner.compiled(&running).await?;
        let enablement = Enablement { config: config.clone(), ..running.enablement.clone() };
        let changed = Running::new(owner.clone(), enablement, Arc::clone(&running.edition));
        let call = Call { context, limits: self.inner.limits(&running.manifest, None, None), given: &[] };
        self.inner.call(&changed, &compiled, call, Invocation::Reconfigure).await?;
        self.change(owner, |current| {
            // It was erased or upgraded meanwhile: its settings must not bring a record back, nor reach what came after it.
            if current.revision == 0
                || current.subject != running.enablement.subject
                || current.digest != running.enablement.digest
            {
                return Err(overtaken(owner));
            }
            if current.config == config {
                return Ok(false);
            }
            current.config = config.clone();
            Ok(true)
        })
        .await?;
        Ok(json!({ "addonId": owner.addon, "config": config }))
    }
}

/// Why new grants do not fit the component that is loaded. It was linked with exactly what it imports: without one of
/// these doors it cannot run, and a door that it does not import is nothing to give.
fn other_doors(current: &Enablement, grants: &Grants) -> Option<String> {
    let name = |capability: &Capability| format!("`{}`", capability.kind.as_str());
    let missing = current.grants.capabilities().iter().find(|capability| !grants.has(capability.kind));
    if let Some(missing) = missing {
        return Some(format!(
            "leave out {}, which the addon imports and cannot run without; give it with narrower parameters, or \
             switch the addon off",
            name(missing)
        ));
    }
    let strange = grants.capabilities().iter().find(|capability| !current.grants.has(capability.kind));
    strange.map(|strange| format!("name {}, which the addon declares and does not import", name(strange)))
}
