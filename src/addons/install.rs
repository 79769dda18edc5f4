//! The `load` job: from a wish to a running enablement, one visible step after another.
//!
//! Every step may be repeated: a worker that dies leaves nothing half-written
//! but a record that says `loading`, and the next attempt starts over. Where an
//! addon is enabled already the load is its candidate's: the record stays what it
//! is, and serves, until the last write ([`outcome`](super::outcome)).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::addons::begin::is_loading;
use crate::addons::blocking::blocking;
use crate::addons::blocks::blockable;
use crate::addons::consent::{Consent, decide};
use crate::addons::edition::Edition;
use crate::addons::follow::Followed;
use crate::addons::owner::Owner;
use crate::addons::record::candidate_of;
use crate::addons::registry::{VersionWish, nothing_fits};
use crate::addons::rights::denied;
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::{Addons, settings, verify};
use crate::host::inspect::Inspection;
use crate::host::{CompiledAddon, Export, InterfaceSet, Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::cron;
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::JobId;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{AutoUpdate, CandidateState, Enablement};
use crate::work::progress::{Found, Progress};

/// Steps after `grants`, shown as skipped when consent is missing.
const STEPS_AFTER_CONSENT: [&str; 2] = ["compile", "activate"];

/// What the checks before `compile` found out.
pub(super) struct Prepared {
    pub(super) record: VersionRecord,
    bytes: Bytes,
    pub(super) grants: Grants,
    doors: InterfaceSet,
    pub(super) config: Value,
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
    pub(super) fn as_running(&self, owner: &Owner, begun: Enablement) -> Running {
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
        let begun = self.begin_loading(owner, ticket, &context.job_id).await?;
        if !is_loading(&begun, &context.job_id) {
            // An earlier attempt of this job got that far and died before it could say so.
            return self.result(&begun, &context.job_id).await;
        }
        let prepared = Box::pin(self.prepare(ticket, owner, &begun, progress)).await?;
        progress.percent(60).await;
        if let Some(change) = self.still_missing(owner, &prepared).await? {
            for step in STEPS_AFTER_CONSENT {
                progress.skip(step).await;
            }
            let ended = self.settle(owner, change, &prepared, ticket, context).await?;
            let result = self.result(&ended, &context.job_id).await;
            if change == Change::SecretsMissing {
                self.wait_for_secrets(owner).await;
            }
            return result;
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
        let ended = match begun.last_ran().filter(|ran| ran.digest != prepared.record.digest) {
            // Boxed, as a future this deep is too large for the stack of a thread in a debug build.
            Some(before) => {
                Box::pin(self.carry_over(owner, &before, &begun, (&prepared, &compiled), ticket, context)).await?
            }
            None => {
                let running = prepared.as_running(owner, begun);
                progress.step("activate", Box::pin(self.activate(&running, &compiled, context))).await?;
                self.settle(owner, Change::Loaded, &prepared, ticket, context).await?
            }
        };
        // Who names an exact version begins there, and follows what is approved from now on.
        let is_exact = matches!(VersionWish::parse(ended.wish.as_deref()), Ok(VersionWish::Exact(_)));
        if ended.auto_update == AutoUpdate::Compatible && !is_exact {
            self.catch_up(owner).await;
        }
        self.result(&ended, &context.job_id).await
    }

    /// What somebody has to do before the addon can be tried out.
    async fn still_missing(&self, owner: &Owner, prepared: &Prepared) -> Result<Option<Change>, JobError> {
        if prepared.consent == Consent::Missing {
            return Ok(Some(Change::ConsentMissing));
        }
        let Prepared { record, grants, .. } = prepared;
        let missing = self.inner.missing_secrets(owner, &record.manifest, grants).await?;
        Ok((!missing.is_empty()).then_some(Change::SecretsMissing))
    }

    /// Tries the version out in a fresh store: `activate` where it has one, and otherwise whether it can be started at all.
    pub(super) async fn activate(
        &self,
        running: &Running,
        compiled: &CompiledAddon,
        context: &CallContext,
    ) -> Result<Found<()>, JobError> {
        let has_lifecycle = compiled.has(Export::Lifecycle);
        let question = if has_lifecycle {
            Some(Invocation::Activate)
        } else {
            Export::ALL.into_iter().find(|export| compiled.has(*export)).map(Invocation::Start)
        };
        if let Some(question) = question {
            let call = Call { context, limits: self.inner.limits(&running.manifest, None, None), given: &[] };
            match self.inner.call(running, compiled, call, question).await {
                Ok(Reply::Done) => {}
                Ok(_) => return Err(JobError::permanent(JobCode::Internal, "the activation answered out of turn")),
                Err(error) => return Err(as_activation_error(error)),
            }
        }
        Ok(Found::with((), json!({ "lifecycle": has_lifecycle })))
    }

    /// What the job's client reads: of its candidate where that still waits, of the enablement otherwise.
    async fn result(&self, ended: &Enablement, job: &JobId) -> Result<Value, JobError> {
        let Enablement { addon, grants, .. } = ended;
        let candidate = candidate_of(ended, job);
        let state = match candidate.map(|candidate| candidate.state) {
            Some(CandidateState::AwaitingSecrets) => EnablementState::AwaitingSecrets,
            Some(_) => EnablementState::AwaitingConsent,
            None => ended.state,
        };
        let is_waiting = matches!(state, EnablementState::AwaitingConsent | EnablementState::AwaitingSecrets);
        let version = candidate.map_or(ended.version.as_ref(), |candidate| Some(&candidate.version));
        let digest = candidate.map_or(ended.digest, |candidate| Some(candidate.digest));
        if is_waiting
            && let Some(number) = version
            && let Some(edition) = self.inner.edition(addon, number).await?
        {
            if state == EnablementState::AwaitingSecrets {
                let owner = Owner { client: ended.client.clone(), user: ended.user.clone(), addon: addon.clone() };
                let grants = candidate.and_then(|candidate| candidate.grants.as_ref()).unwrap_or(grants);
                let missing = self.inner.missing_secrets(&owner, &edition.manifest, grants).await?;
                return Ok(json!({
                    "state": state, "addonId": addon, "version": version, "digest": digest, "missingSecrets": missing,
                }));
            }
            let requested = super::views::in_plain_words(&edition.manifest);
            return Ok(json!({
                "state": state, "addonId": addon, "version": version, "digest": digest, "requested": requested,
            }));
        }
        Ok(json!({ "state": state, "addonId": addon, "version": version, "digest": digest, "grants": grants }))
    }

    async fn prepare(
        &self,
        ticket: &Load,
        owner: &Owner,
        begun: &Enablement,
        progress: &Progress,
    ) -> Result<Prepared, JobError> {
        let held = begun.digest;
        let record = progress.step("resolve", self.resolve(owner, ticket, held.as_ref())).await?;
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
        let granted = progress.step("grants", self.grant(&record, &inspection, ticket, begun)).await?;
        let Granted { grants, doors, config, consent } = granted;
        Ok(Prepared { record, bytes, grants, doors, config, consent })
    }

    pub(super) async fn resolve(
        &self,
        owner: &Owner,
        ticket: &Load,
        held: Option<&Digest>,
    ) -> Result<Found<VersionRecord>, JobError> {
        let wish = VersionWish::parse(ticket.version.as_deref())
            .map_err(|message| JobError::permanent(JobCode::AddonUnknown, message))?;
        let records = self.inner.versions.list(&owner.addon).await?;
        let record = self.inner.choose(&wish, &records, held).ok_or_else(|| {
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
        begun: &Enablement,
    ) -> Result<Found<Granted>, JobError> {
        let kept = begun.version.is_some().then_some(&begun.config);
        let config = settings::check(&record.manifest, ticket.config.as_ref().or(kept))
            .map_err(|faults| JobError::permanent(JobCode::ConfigInvalid, settings::in_words(&faults)))?;
        if let Some(zone) = ticket.timezone.as_ref().filter(|zone| !cron::is_timezone(zone)) {
            let message = format!("timezone: `{zone}` is not the IANA name of a time zone, such as Europe/Berlin");
            return Err(JobError::permanent(JobCode::ConfigInvalid, message));
        }
        let followed = self.followed(begun, record, inspection).await?;
        let grants = match &ticket.grants {
            None if let Some(Followed::Within(carried)) = &followed => carried.clone(),
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
        let stands = begun.consent == Some(record.digest) && begun.grants.covers(&grants);
        let mode = self.inner.settings.consent;
        let consent = match followed {
            Some(Followed::Within(_)) => Consent::Given,
            Some(Followed::Beyond) => Consent::Missing,
            None => decide(mode, &record.manifest, &record.digest, named.as_ref(), stands),
        };
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
