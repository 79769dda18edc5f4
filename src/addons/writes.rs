//! Writing an enablement: every process forgets what it knew of it.

use crate::addons::Inner;
use crate::model::id::JobId;
use crate::store::StoreError;
use crate::store::enablements::{Concluded, Enablement, Handover, Put, RolledBack, Switched};
use crate::store::secret_scope::SecretScope;

impl Inner {
    /// Writes an enablement where it still has this revision. Every process forgets what it knew: the others hear of
    /// it over the control channel, this one does it now, so that whoever asked for the change meets it.
    pub(super) async fn write(&self, expected_revision: u64, next: &Enablement) -> Result<Put, StoreError> {
        let put = self.enablements.put(expected_revision, next).await;
        self.caches.forget(&(next.client.clone(), next.user.clone(), next.addon.clone()));
        put
    }

    /// The last write of a job: only while nobody cancelled it, and never cancelled after it.
    pub(super) async fn conclude(&self, job: &JobId, next: &Enablement) -> Result<Concluded, StoreError> {
        let concluded = self.enablements.conclude(job, next).await;
        self.caches.forget(&(next.client.clone(), next.user.clone(), next.addon.clone()));
        concluded
    }

    /// The last write of a job that carries the addon's values over to another version.
    pub(super) async fn switch(
        &self,
        job: &JobId,
        next: &Enablement,
        handover: &Handover<'_>,
    ) -> Result<Switched, StoreError> {
        let switched = self.enablements.switch(job, next, handover).await;
        self.caches.forget(&(next.client.clone(), next.user.clone(), next.addon.clone()));
        switched
    }

    /// Goes back to the version before and its values.
    pub(super) async fn roll_back(&self, next: &Enablement, left: &str) -> Result<RolledBack, StoreError> {
        let done = self.enablements.roll_back(next, left).await;
        self.caches.forget(&(next.client.clone(), next.user.clone(), next.addon.clone()));
        done
    }

    /// Tidies up behind the secrets that went with an enablement; what is left over holds nothing, and upkeep meets it again.
    async fn forget_secrets(&self, gone: &Enablement) {
        let [own, ..] = SecretScope::of(&gone.client, &gone.user, &gone.addon);
        let tidied = async {
            self.secrets.settle(&own).await?;
            self.waiters.remove(&gone.client, &gone.user, &gone.addon).await
        };
        if let Err(error) = tidied.await {
            tracing::debug!(error = %error, "Could not tidy up behind the secrets of `{}`", gone.addon);
        }
    }

    /// Removes an enablement, its addon's values and the user's secrets for it, likewise the last write of a job.
    pub(super) async fn erase(&self, job: &JobId, current: &Enablement) -> Result<Concluded, StoreError> {
        let concluded = self.enablements.erase(job, current).await;
        self.caches.forget(&(current.client.clone(), current.user.clone(), current.addon.clone()));
        if matches!(concluded, Ok(Concluded::Written)) {
            self.forget_secrets(current).await;
        }
        concluded
    }
}
