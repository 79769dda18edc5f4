//! What wakes an enablement, kept as its record says: the schedulers of its schedules, and its place among those that listen
//! to how the user's jobs end.
//!
//! Both are derived from the record and made right after it was written. Before that the enablement is put on a list of those
//! that are looked after, so that upkeep does it where the writer dies in between; upkeep looks again every few minutes, for
//! schedulers that an outage or somebody's clearing of a queue broke.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::running::Running;
use crate::addons::{Addons, Inner};
use crate::model::capability::CapabilityKind;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::model::manifest::Manifest;
use crate::model::usage::Use;
use crate::store::StoreError;
use crate::store::enablements::Enablement;
use crate::work::WorkError;

/// How long the writer of a record has before upkeep does the rest for it.
const WRITERS_TIME: Duration = Duration::from_secs(20);
/// How long until an enablement that is as it should be is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(180);
/// How long until one is that would run, were it not blocked.
const LOOK_SOON: Duration = Duration::from_secs(30);

impl Addons {
    /// Looks at enablements that are woken by something, at most `limit`, and makes right what is not; answers how many.
    ///
    /// # Errors
    /// [`JobError`] when Redis cannot be asked.
    pub async fn look_after_signals(&self, limit: usize) -> Result<usize, JobError> {
        let due = self.inner.signals.due(limit).await?;
        let count = due.len();
        for (client, user, addon) in due {
            self.inner.settle_signals(&Owner { client, user, addon }).await;
        }
        Ok(count)
    }
}

impl Inner {
    /// Whether anything wakes the enablement, or did so in the version before.
    pub(super) async fn is_woken(&self, enablement: &Enablement) -> Result<bool, StoreError> {
        Ok(self.manifests(enablement).await?.iter().any(|manifest| is_woken(manifest)))
    }

    /// Puts the enablement on the list before its record is written.
    pub(super) async fn announce_write(&self, enablement: &Enablement) -> Result<bool, StoreError> {
        let is_woken = self.is_woken(enablement).await?;
        if is_woken {
            self.signals.look_in(key_of(enablement), WRITERS_TIME).await?;
        }
        Ok(is_woken)
    }

    /// Makes right what wakes an enablement. Best effort: what is left undone is on the list, and upkeep comes by.
    pub(super) async fn settle_signals(&self, owner: &Owner) {
        if let Err(error) = self.try_settle(owner).await {
            warn!(%error, "Could not see to what wakes `{}`; upkeep tries again", owner.addon);
        }
    }

    /// Looks, makes it so, and looks again: of two who do this at the same time the slower one may have undone what the
    /// quicker one did for a newer record.
    async fn try_settle(&self, owner: &Owner) -> Result<(), WorkError> {
        for _ in 0..WRITE_TRIES {
            let before = self.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            match &before {
                Some(record) => self.settle_as(owner, record).await?,
                None => self.settle_as_gone(owner).await?,
            }
            let after = self.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let name = |record: &Option<Enablement>| record.as_ref().map(|record| (record.id(), record.revision));
            if name(&before) == name(&after) {
                return Ok(());
            }
        }
        Ok(self.signals.look_in((&owner.client, &owner.user, &owner.addon), LOOK_SOON).await?)
    }

    async fn settle_as_gone(&self, owner: &Owner) -> Result<(), WorkError> {
        let key = (&owner.client, &owner.user, &owner.addon);
        self.signals.set_listening(key, false).await?;
        Ok(self.signals.forget(key).await?)
    }

    async fn settle_as(&self, owner: &Owner, record: &Enablement) -> Result<(), WorkError> {
        let key = (&owner.client, &owner.user, &owner.addon);
        let known = self.manifests(record).await?;
        let running = match record.state {
            EnablementState::Enabled => self.as_running(owner, record.clone()).await?,
            _ => None,
        };
        let armed = match &running {
            Some(running) => self.arm_what_may(running).await?,
            None => BTreeSet::new(),
        };
        let left = schedules_of(&known).difference(&armed).cloned().collect();
        self.disarm(record, &left).await?;
        self.signals.set_listening(key, running.as_ref().is_some_and(|running| running.manifest.hears_jobs())).await?;
        match &running {
            Some(running) if is_woken(&running.manifest) => {
                let is_silent = armed.len() < running.manifest.schedules.len();
                Ok(self.signals.look_in(key, if is_silent { LOOK_SOON } else { LOOK_AGAIN }).await?)
            }
            _ => Ok(self.signals.forget(key).await?),
        }
    }

    /// Arms the schedules of an enablement that runs, unless it is blocked or may not be woken; answers their names.
    async fn arm_what_may(&self, running: &Running) -> Result<BTreeSet<String>, WorkError> {
        let rights = self.rights(running).await?;
        let is_open = rights.decide(&Use::Door(CapabilityKind::Schedule)).is_allowed();
        if !is_open || self.may_run(running).is_err() {
            return Ok(BTreeSet::new());
        }
        self.arm(running).await?;
        Ok(running.manifest.schedules.iter().map(|schedule| schedule.name.clone()).collect())
    }

    /// Silences an enablement that was erased, and what all users of the client shared where it was the last one.
    pub(super) async fn settle_erased(&self, erased: &Enablement) {
        if let Err(error) = self.try_settle_erased(erased).await {
            warn!(%error, "Could not see to what an erased `{}` left behind", erased.addon);
        }
    }

    async fn try_settle_erased(&self, erased: &Enablement) -> Result<(), WorkError> {
        let manifests = self.manifests(erased).await?;
        if manifests.iter().any(|manifest| is_woken(manifest)) {
            self.disarm(erased, &schedules_of(&manifests)).await?;
            let Enablement { client, user, addon, .. } = erased;
            // It may be there again by now.
            self.try_settle(&Owner { client: client.clone(), user: user.clone(), addon: addon.clone() }).await?;
        }
        let shares =
            |manifest: &Manifest| manifest.capabilities.iter().any(|asked| asked.kind == CapabilityKind::KvShared);
        if manifests.iter().any(|manifest| shares(manifest)) {
            self.kv.remove_unshared(&self.enablements, &erased.client, &erased.addon).await?;
        }
        Ok(())
    }

    /// The manifests of the version that an enablement has, and of those that it had.
    async fn manifests(&self, enablement: &Enablement) -> Result<Vec<Arc<Manifest>>, StoreError> {
        let previous = enablement.previous.as_ref().map(|previous| &previous.setup.version);
        let ran = enablement.ran.as_ref().map(|ran| &ran.version);
        let versions: BTreeSet<_> = [enablement.version.as_ref(), previous, ran].into_iter().flatten().collect();
        let mut manifests = Vec::with_capacity(versions.len());
        for version in versions {
            manifests.extend(self.edition(&enablement.addon, version).await?.map(|edition| edition.manifest.clone()));
        }
        Ok(manifests)
    }
}

/// The names of all their schedules.
fn schedules_of(manifests: &[Arc<Manifest>]) -> BTreeSet<String> {
    let schedules = manifests.iter().flat_map(|manifest| manifest.schedules.iter());
    schedules.map(|schedule| schedule.name.clone()).collect()
}

fn is_woken(manifest: &Manifest) -> bool {
    !manifest.schedules.is_empty() || manifest.hears_jobs()
}

const fn key_of(enablement: &Enablement) -> (&ClientId, &UserId, &AddonId) {
    (&enablement.client, &enablement.user, &enablement.addon)
}
