//! How a `load` job ends: one write, so that a reader sees all of it or nothing, and the last moment at which it can be
//! cancelled.
//!
//! Where the version changes, the addon's values change with it. The new version is let at a copy of them, and enablement and
//! copy change hands in one script; the version before serves until then, and a call of it that still runs afterwards reads
//! what it read and is told to try again when it writes. What it wrote between copy and switch shows in the numbers of the
//! values: then everything is done once more over a new copy, with the old values closed to writes for so long.

use std::time::Duration;

use serde_json::json;

use crate::addons::Addons;
use crate::addons::begin::as_activation_failure;
use crate::addons::install::Prepared;
use crate::addons::owner::Owner;
use crate::addons::record::{WRITE_TRIES, candidate_of, is_of, overtaken, stopped, too_many};
use crate::addons::running::{Call, CallContext, Running};
use crate::clock;
use crate::host::invocation::StopReason;
use crate::host::{CompiledAddon, Export, Invocation};
use crate::model::code::JobCode;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::tickets::load::Load;
use crate::store::enablements::{
    AutoUpdate, Candidate, CandidateState, Enablement, Handover, Previous, Setup, Switched,
};
use crate::store::kv::{ScopeCopy, ValuesCopy};
use crate::work::progress::Found;

/// How much longer than `migrate` and `activate` may take the old values stay closed, in the worst case.
const CLOSED_MARGIN: Duration = Duration::from_secs(10);
/// Longest farewell of a version that another one took over from: the job waits for it.
const FAREWELL_MS: u64 = 5000;

impl Addons {
    /// The end of a load that leaves the addon's values where they are: without consent or secrets, or of the version that ran last.
    pub(super) async fn settle(
        &self,
        owner: &Owner,
        change: Change,
        prepared: &Prepared,
        ticket: &Load,
        context: &CallContext,
    ) -> Result<Enablement, JobError> {
        self.conclude(owner, &context.job_id, |current| arrange(current, owner, change, prepared, ticket, context))
            .await
    }

    /// The end of a load that changes the version: over a copy of the values, and once more where they changed meanwhile.
    pub(super) async fn carry_over(
        &self,
        owner: &Owner,
        before: &Setup,
        begun: &Enablement,
        (prepared, compiled): (&Prepared, &CompiledAddon),
        ticket: &Load,
        context: &CallContext,
    ) -> Result<Enablement, JobError> {
        for is_closed in [false, true] {
            let values = ValuesCopy::fresh();
            let tried = Enablement { values: values.clone(), ..begun.clone() };
            let running = prepared.as_running(owner, tried);
            let limits = self.inner.limits(&running.manifest, None, None);
            let closed_for = is_closed.then(|| limits.wall.saturating_mul(2).saturating_add(CLOSED_MARGIN));
            let copy = self.inner.kv.copy(begun.kv_scope(), running.enablement.kv_scope(), closed_for).await?;
            let ended = async {
                self.try_out(&running, compiled, before, context).await?;
                self.switch(owner, before, &values, &copy, (prepared, ticket), context).await
            };
            match ended.await {
                Ok(Some(ended)) => {
                    if begun.state == EnablementState::Enabled {
                        self.say_farewell(owner, begun, context).await;
                    }
                    return Ok(ended);
                }
                Ok(None) => self.inner.kv.discard(&copy).await?,
                Err(error) => {
                    // It ends by itself where it cannot be thrown away now.
                    let _: Result<(), _> = self.inner.kv.discard(&copy).await;
                    return Err(error);
                }
            }
        }
        Err(JobError::transient(JobCode::Internal, "the addon's values kept changing while they were carried over"))
    }

    /// Lets the new version at the copy: first `migrate`, then `activate`.
    async fn try_out(
        &self,
        running: &Running,
        compiled: &CompiledAddon,
        before: &Setup,
        context: &CallContext,
    ) -> Result<(), JobError> {
        let has_migration = compiled.has(Export::Migration);
        let migrated = async {
            let call = Call { context, limits: self.inner.migration_limits(&running.manifest), given: &[] };
            let question = Invocation::Migrate { from_version: before.version.to_string() };
            self.inner.call(running, compiled, call, question).await.map_err(as_migration_error)?;
            Ok(Found::with((), json!({ "from": before.version, "migration": has_migration })))
        };
        context.progress.step("migrate", migrated).await?;
        context.progress.step("activate", self.activate(running, compiled, context)).await
    }

    /// Enablement and values go over to the new version; none where the values changed since they were copied.
    async fn switch(
        &self,
        owner: &Owner,
        before: &Setup,
        values: &ValuesCopy,
        copy: &ScopeCopy,
        (prepared, ticket): (&Prepared, &Load),
        context: &CallContext,
    ) -> Result<Option<Enablement>, JobError> {
        let keep = self.inner.settings.keep_previous.duration();
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let mut next = current.ok_or_else(|| overtaken(owner))?;
            let setup = next.last_ran().filter(|ran| ran.digest == before.digest && ran.values == before.values);
            let setup = setup.ok_or_else(|| overtaken(owner))?;
            arrange(&mut next, owner, Change::Loaded, prepared, ticket, context)?;
            let dropped = next.previous.take().filter(|older| older.setup.values != setup.values);
            let dropped = dropped.map(|older| older.setup.values.scope(&owner.client, &owner.user, &owner.addon));
            next.previous = Some(Previous { setup, until: clock::now() + keep });
            next.values = values.clone();
            match self.inner.switch(&context.job_id, &next, &Handover { values: copy, keep, dropped }).await? {
                Switched::Written => return Ok(Some(next)),
                Switched::ValuesChanged => return Ok(None),
                Switched::Conflict => {}
                Switched::Stopped => return Err(stopped()),
            }
        }
        Err(too_many())
    }

    /// The version before hears that another one took over.
    async fn say_farewell(&self, owner: &Owner, begun: &Enablement, context: &CallContext) {
        if let Ok(Some(running)) = self.inner.as_running(owner, begun.clone()).await {
            self.say_goodbye(&running, context, StopReason::Upgraded, Some(FAREWELL_MS)).await;
        }
    }
}

/// What the record becomes when its load ends so.
fn arrange(
    current: &mut Enablement,
    owner: &Owner,
    change: Change,
    prepared: &Prepared,
    ticket: &Load,
    context: &CallContext,
) -> Result<(), JobError> {
    let job = &context.job_id;
    let ran = current.last_ran().filter(|ran| ran.digest != prepared.record.digest);
    // An upgrade of what runs is no new beginning: its place among the user's hooks stays.
    let runs_since = current.enabled_at.filter(|_| current.state == EnablementState::Enabled);
    if let Some(candidate) = candidate_of(current, job).cloned() {
        if change == Change::ConsentMissing {
            current.candidate = Some(Candidate { state: CandidateState::AwaitingConsent, ..candidate });
            return Ok(());
        }
        if change == Change::SecretsMissing {
            current.candidate = Some(Candidate {
                state: CandidateState::AwaitingSecrets,
                grants: Some(prepared.grants.clone()),
                auto_update: ticket.auto_update.as_deref().and_then(AutoUpdate::parse),
                ..candidate
            });
            return Ok(());
        }
        current.candidate = None;
        current.job_id = Some(job.clone());
        current.request = candidate.request;
        current.wish = candidate.wish;
    } else if is_of(current, job) {
        current.ran = ran.clone().filter(|_| change != Change::Loaded).map(Box::new);
        current.state = current.state.next(change).map_err(as_activation_failure)?;
    } else {
        return Err(overtaken(owner));
    }
    let version = &prepared.record.version;
    current.version = Some(version.clone());
    current.digest = Some(prepared.record.digest);
    current.grants = prepared.grants.clone();
    current.config = prepared.config.clone();
    current.steps = context.progress.steps();
    current.error = None;
    if let Some(mode) = ticket.auto_update.as_deref().and_then(AutoUpdate::parse) {
        current.auto_update = mode;
    }
    if ticket.timezone.is_some() {
        current.timezone.clone_from(&ticket.timezone);
    }
    if change == Change::SecretsMissing {
        // It was said before secrets were asked for, and goes on holding when they are there.
        current.consent = Some(prepared.record.digest);
    }
    if change == Change::Loaded {
        // Who asks for an older version turns the newer one down.
        let left = ran.map(|ran| ran.version);
        current.skipped = left.max(current.skipped.take()).filter(|skipped| skipped > version);
        current.consent = Some(prepared.record.digest);
        current.enabled_at = Some(runs_since.unwrap_or_else(clock::now));
    }
    Ok(())
}

/// What a guest's own refusal means when it happens in `migrate`: the values could not be brought over.
fn as_migration_error(error: JobError) -> JobError {
    let code = match error.failure.code {
        JobCode::AddonBadInput | JobCode::AddonRefused | JobCode::AddonFailed => JobCode::MigrateFailed,
        other => other,
    };
    JobError { failure: Failure { code, ..error.failure }, ..error }
}
