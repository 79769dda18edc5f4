//! Changing an enablement together with the copy of its addon's values that it uses, in one step.

use std::time::Duration;

use redis::ScriptInvocation;

use crate::model::id::JobId;
use crate::store::control::CHANNEL;
use crate::store::enablements::{
    Enablement, Enablements, OF_ADDON, STOPPED, WRITTEN, Written, changed, in_use, user_key,
};
use crate::store::kv_copy::{COPY_LIFE, ScopeCopy, millis};
use crate::store::{StoreError, jobs, kv_keys, outbox, script};

/// How long values outlive the time that a record promises them for, so that the promise is kept.
const SLACK: Duration = Duration::from_secs(60 * 60);
/// What the scripts answer where the values are not what they have to be.
const VALUES_CHANGED: u8 = 3;

/// What changes hands with an enablement that goes over to another version.
#[derive(Clone, Debug)]
pub struct Handover<'a> {
    /// The values so far, and their copy.
    pub values: &'a ScopeCopy,
    /// How long the values so far are kept for a rollback.
    pub keep: Duration,
    /// The scope of an older copy that nobody can go back to any more.
    pub dropped: Option<String>,
}

/// What came of [`Enablements::switch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switched {
    /// Done, and the job can no longer be cancelled.
    Written,
    /// Somebody else changed the enablement since.
    Conflict,
    /// The values were changed since they were copied.
    ValuesChanged,
    /// Nothing was written: the job was cancelled, or is over.
    Stopped,
}

/// What came of [`Enablements::roll_back`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolledBack {
    /// Done.
    Written,
    /// Somebody else changed the enablement since.
    Conflict,
    /// The values to go back to are not kept any more.
    Gone,
}

impl Enablements {
    /// Stores what `job` found as [`Enablements::conclude`] does, and in the same step makes the copy the values of the
    /// enablement, which has to name it already: from then on the values so far take no writes any more
    /// (`KvError::Moved`) and go when their time is over.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn switch(
        &self,
        job: &JobId,
        written: impl Into<Written<'_>>,
        handover: &Handover<'_>,
    ) -> Result<Switched, StoreError> {
        let Written { record: enablement, owed } = written.into();
        let store = &self.store;
        let mut invocation = script::ENABLEMENT_SWITCH.prepare_invoke();
        invocation
            .key(user_key(store, &enablement.client, &enablement.user))
            .key(store.key(OF_ADDON, enablement.addon.as_str()))
            .key(store.key(jobs::RECORD, job.as_str()));
        let scopes = [Some(&handover.values.from), Some(&handover.values.to), handover.dropped.as_ref()];
        for key in scopes.into_iter().flatten().flat_map(|scope| kv_keys::keys_of(store, scope)) {
            invocation.key(key);
        }
        self.change_arguments(&mut invocation, enablement.revision, enablement)?;
        invocation
            .arg(&handover.values.numbers)
            .arg(millis(handover.keep.saturating_add(SLACK)))
            .arg(millis(COPY_LIFE));
        outbox::add_owed(store, &mut invocation, owed);
        Ok(match store.run(&invocation).await? {
            WRITTEN => Switched::Written,
            STOPPED => Switched::Stopped,
            VALUES_CHANGED => Switched::ValuesChanged,
            _ => Switched::Conflict,
        })
    }

    /// Stores `enablement`, which names the values of the version before again, if the stored one still has its revision;
    /// in the same step those values are open again and the ones in `left` are gone.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn roll_back(&self, written: impl Into<Written<'_>>, left: &str) -> Result<RolledBack, StoreError> {
        let Written { record: enablement, owed } = written.into();
        let store = &self.store;
        let mut invocation = script::ENABLEMENT_ROLL_BACK.prepare_invoke();
        invocation
            .key(user_key(store, &enablement.client, &enablement.user))
            .key(store.key(OF_ADDON, enablement.addon.as_str()));
        for key in [left, &enablement.kv_scope()].into_iter().flat_map(|scope| kv_keys::keys_of(store, scope)) {
            invocation.key(key);
        }
        self.change_arguments(&mut invocation, enablement.revision, enablement)?;
        invocation.arg(millis(COPY_LIFE));
        outbox::add_owed(store, &mut invocation, owed);
        Ok(match store.run(&invocation).await? {
            WRITTEN => RolledBack::Written,
            VALUES_CHANGED => RolledBack::Gone,
            _ => RolledBack::Conflict,
        })
    }

    /// What every script that stores a record needs: the record gets the revision after `expected_revision`.
    pub(super) fn change_arguments(
        &self,
        invocation: &mut ScriptInvocation<'_>,
        expected_revision: u64,
        enablement: &Enablement,
    ) -> Result<(), StoreError> {
        let Enablement { client, user, addon, .. } = enablement;
        let revision = expected_revision.saturating_add(1);
        let record = Enablement { revision, ..enablement.clone() };
        let json = serde_json::to_string(&record).map_err(StoreError::unwritable("enablement"))?;
        invocation
            .arg(addon.as_str())
            .arg(expected_revision)
            .arg(format!("{revision} {json}"))
            .arg(format!("{client}:{user}"))
            .arg(self.store.only_key(CHANNEL))
            .arg(changed(client, user, addon)?)
            .arg(in_use(&record));
        Ok(())
    }
}
