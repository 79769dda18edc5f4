//! The `load` job: from a wish to a running enablement, one visible step after another.
//!
//! Every step may be repeated: a worker that dies leaves nothing half-written
//! but a record that says `loading`, and the next attempt starts over.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::addons::blocking::blocking;
use crate::addons::blocks::blockable;
use crate::addons::consent::{Consent, decide};
use crate::addons::edition::Edition;
use crate::addons::owner::Owner;
use crate::addons::record::{is_of, overtaken};
use crate::addons::registry::{VersionWish, nothing_fits};
use crate::addons::rights::denied;
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::{Addons, settings, verify};
use crate::clock;
use crate::host::inspect::Inspection;
use crate::host::{InterfaceSet, Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::JobId;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState, IllegalChange};
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{AutoUpdate, Enablement};
use crate::work::progress::{Found, Progress};

/// Steps after `grants`, shown as skipped when consent is missing.
const STEPS_AFTER_CONSENT: [&str; 2] = ["compile", "activate"];

/// What the checks before `compile` found out.
struct Prepared {
    record: VersionRecord,
    inspection: Arc<Inspection>,
    bytes: Bytes,
    grants: Grants,
    doors: InterfaceSet,
    config: Value,
    consent: Consent,
}

/// What the step `grants` found out.
struct Granted {
    grants: Grants,
    /// What is linked: no more than all three keys allow.
    doors: InterfaceSet,
    config: Value,
    consent: Consent,
}

impl Prepared {
    /// The enablement as it will be, for the call that activates it.
    fn as_running(&self, owner: &Owner, begun: Enablement) -> Running {
        let enablement = Enablement {
            version: Some(self.record.version.clone()),
            digest: Some(self.record.digest),
            grants: self.grants.clone(),
            config: self.config.clone(),
            ..begun
        };
        Running::new(owner.clone(), enablement, Arc::new(Edition::of(self.record.clone())))
    }
}

impl Addons {
    /// Runs the steps of a `load` job and returns its result.
    ///
    /// # Errors
    /// [`JobError`] with the code of the step that failed.
    pub async fn install(&self, owner: &Owner, ticket: &Load, context: &CallContext) -> Result<Value, JobError> {
        let progress = &context.progress;
        let begun = self.begin_loading(owner, &context.job_id).await?;
        if begun.state != EnablementState::Loading {
            // An earlier attempt of this job got that far and died before it could say so.
            return self.result(&begun).await;
        }
        let prepared = self.prepare(ticket, owner, progress).await?;
        progress.percent(60).await;
        if prepared.consent == Consent::Missing {
            for step in STEPS_AFTER_CONSENT {
                progress.skip(step).await;
            }
            let ended = self.settle(owner, Change::ConsentMissing, &prepared, ticket, context).await?;
            return self.result(&ended).await;
        }
        let compiled = progress
            .step("compile", async {
                let bytes = prepared.bytes.clone();
                let compiled = self.inner.host()?.compile(&prepared.record.digest, prepared.doors, bytes).await?;
                let evidence = compiled.evidence();
                Ok(Found::with(compiled, evidence))
            })
            .await?;
        progress.percent(85).await;
        progress
            .step("activate", async {
                if !prepared.inspection.exports_interface("lifecycle") {
                    return Ok(Found::with((), json!({ "lifecycle": false })));
                }
                let running = prepared.as_running(owner, begun);
                let call = Call { context, limits: self.inner.limits(&running.manifest, None, None), given: &[] };
                match self.inner.call(&running, &compiled, call, Invocation::Activate).await {
                    Ok(Reply::Done) => Ok(Found::with((), json!({ "lifecycle": true }))),
                    Ok(_) => Err(JobError::permanent(JobCode::Internal, "the activation answered out of turn")),
                    Err(error) => Err(as_activation_error(error)),
                }
            })
            .await?;
        let ended = self.settle(owner, Change::Loaded, &prepared, ticket, context).await?;
        self.result(&ended).await
    }

    /// What the job's client reads.
    async fn result(&self, ended: &Enablement) -> Result<Value, JobError> {
        let Enablement { state, addon, version, digest, grants, .. } = ended;
        if *state == EnablementState::AwaitingConsent
            && let Some(number) = version
            && let Some(edition) = self.inner.edition(addon, number).await?
        {
            let requested = super::views::in_plain_words(&edition.manifest);
            return Ok(json!({
                "state": state, "addonId": addon, "version": version, "digest": digest, "requested": requested,
            }));
        }
        Ok(json!({ "state": state, "addonId": addon, "version": version, "digest": digest, "grants": grants }))
    }

    /// The enablement, `loading` by `job`; or as an earlier attempt of the same job left it. A job of ours finds it marked
    /// by its request: where it is not, somebody asked for something else since, and this load must not undo that.
    async fn begin_loading(&self, owner: &Owner, job: &JobId) -> Result<Enablement, JobError> {
        self.change(owner, |current| {
            match (is_of(current, job), current.state) {
                (
                    true,
                    EnablementState::Loading
                    | EnablementState::Enabled
                    | EnablementState::AwaitingConsent
                    | EnablementState::AwaitingSecrets,
                ) => return Ok(false),
                // It failed and is tried again.
                (true, EnablementState::Failed) => {}
                (_, _) if job.as_foreign().is_none() => return Err(overtaken(owner)),
                (_, _) => {}
            }
            if current.state != EnablementState::Loading {
                current.state = current.state.next(Change::Load).map_err(as_activation_failure)?;
            }
            current.job_id = Some(job.clone());
            current.error = None;
            Ok(true)
        })
        .await
    }

    async fn prepare(&self, ticket: &Load, owner: &Owner, progress: &Progress) -> Result<Prepared, JobError> {
        let record = progress.step("resolve", self.resolve(owner, ticket)).await?;
        let bytes = progress
            .step("fetch", async {
                let bytes = self.inner.stored_component(&record.digest).await?;
                let size = bytes.len();
                Ok(Found::with(bytes, json!({ "source": "store", "sizeBytes": size })))
            })
            .await?;
        let digest = progress.step("digest", verify::digest(bytes.clone(), Some(record.digest))).await?;
        progress.step("revocation", std::future::ready(self.inner.revocation(&blockable(&record)))).await?;
        progress.step("signature", self.inner.judge_stored(&record, &bytes)).await?;
        progress.step("manifest", manifest(&bytes, &record)).await?;
        let limit = self.inner.settings.limit_of(record.id.publisher());
        let inspection =
            progress.step("inspect", verify::component(&self.inner.inspections, &digest, bytes.clone(), limit)).await?;
        let granted = progress.step("grants", self.grant(&record, &inspection, ticket)).await?;
        let Granted { grants, doors, config, consent } = granted;
        Ok(Prepared { record, inspection, bytes, grants, doors, config, consent })
    }

    async fn resolve(&self, owner: &Owner, ticket: &Load) -> Result<Found<VersionRecord>, JobError> {
        let wish = VersionWish::parse(ticket.version.as_deref())
            .map_err(|message| JobError::permanent(JobCode::AddonUnknown, message))?;
        let records = self.inner.versions.list(&owner.addon).await?;
        let record = self.inner.choose(&wish, &records).ok_or_else(|| {
            let message = nothing_fits(&owner.addon, ticket.version.as_deref(), &wish, &records);
            JobError::permanent(JobCode::AddonUnknown, message)
        })?;
        let evidence = json!({ "version": record.version, "digest": record.digest });
        Ok(Found::with(record, evidence))
    }

    async fn grant(
        &self,
        record: &VersionRecord,
        inspection: &Inspection,
        ticket: &Load,
    ) -> Result<Found<Granted>, JobError> {
        let config = settings::check(&record.manifest, ticket.config.as_ref())
            .map_err(|faults| JobError::permanent(JobCode::ConfigInvalid, settings::in_words(&faults)))?;
        let grants = match &ticket.grants {
            None => Grants::requested(&record.manifest),
            Some(wish) => Grants::narrowed(&record.manifest, wish.clone())
                .map_err(|error| JobError::permanent(JobCode::NotGranted, error.to_string()))?,
        };
        // What is declared and not imported is not granted: nobody should hold what nobody uses.
        let grants = grants.without(&inspection.unused_capabilities);
        let named = match ticket.consent.as_deref().map(Digest::parse) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            Some(Err(error)) => return Err(JobError::permanent(JobCode::DigestMismatch, format!("consent: {error}"))),
        };
        let consent = decide(self.inner.settings.consent, &record.manifest, &record.digest, named.as_ref());
        if let Consent::ForOther(other) = consent {
            let message = format!("consent was given to {other}, but {} would run", record.digest);
            return Err(JobError::permanent(JobCode::DigestMismatch, message));
        }
        // What the component imports must be open, or it could not be made; better said here, by name and rule.
        let rights = self.inner.rights_of(&record.manifest, Some(grants.clone())).await?;
        if let Some(denial) = rights.closed_door(inspection.capabilities.iter().copied()) {
            return Err(denied(&denial));
        }
        let doors = InterfaceSet::granted(rights.effective());
        let evidence = json!({
            "grants": grants, "effective": rights.effective(), "consent": consent == Consent::Given,
        });
        Ok(Found::with(Granted { grants, doors, config, consent }, evidence))
    }

    /// Writes what the job found: one compare-and-set, so that a reader sees all of it or nothing, and the last moment at
    /// which the job can be cancelled.
    async fn settle(
        &self,
        owner: &Owner,
        change: Change,
        prepared: &Prepared,
        ticket: &Load,
        context: &CallContext,
    ) -> Result<Enablement, JobError> {
        self.conclude(owner, &context.job_id, |current| {
            if !is_of(current, &context.job_id) {
                return Err(overtaken(owner));
            }
            current.state = current.state.next(change).map_err(as_activation_failure)?;
            current.version = Some(prepared.record.version.clone());
            current.digest = Some(prepared.record.digest);
            current.grants = prepared.grants.clone();
            current.config = prepared.config.clone();
            current.steps = context.progress.steps();
            current.error = None;
            if let Some(mode) = ticket.auto_update.as_deref().and_then(AutoUpdate::parse) {
                current.auto_update = mode;
            }
            if change == Change::Loaded {
                current.consent = Some(prepared.record.digest);
                current.enabled_at = Some(clock::now());
            }
            Ok(())
        })
        .await
    }
}

fn as_activation_failure(error: IllegalChange) -> JobError {
    JobError::permanent(JobCode::ActivateFailed, error.to_string())
}

async fn manifest(bytes: &Bytes, record: &VersionRecord) -> Result<Found<()>, JobError> {
    let bytes = bytes.clone();
    let embedded = blocking(move || {
        crate::host::section::read(&bytes).map_err(|error| JobError::permanent(error.code(), error.to_string()))
    })
    .await?;
    if embedded == record.manifest {
        Ok(Found::with((), json!({ "id": embedded.id, "version": embedded.version })))
    } else {
        Err(JobError::permanent(JobCode::ManifestInvalid, "the component's manifest is not the one that was published"))
    }
}

/// What a guest's own refusal means when it happens in `activate`: the settings or the moment were wrong, not the call.
fn as_activation_error(error: JobError) -> JobError {
    let code = match error.failure.code {
        JobCode::AddonBadInput | JobCode::AddonRefused | JobCode::AddonFailed => JobCode::ActivateFailed,
        other => other,
    };
    JobError { failure: Failure { code, ..error.failure }, ..error }
}
