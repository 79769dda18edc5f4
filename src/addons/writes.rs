//! Writing an enablement: every process forgets what it knew of it, what wakes it is made anew, and whoever listens is told
//! where it is news.

use crate::addons::Inner;
use crate::addons::news;
use crate::addons::owner::Owner;
use crate::clock;
use crate::model::event::Announcement;
use crate::model::id::JobId;
use crate::store::StoreError;
use crate::store::enablements::{Concluded, Enablement, Handover, Put, RolledBack, Switched, Written};
use crate::store::outbox::{Owed, OwedEntry};
use crate::store::secret_scope::SecretScope;

/// A change that is to be written.
struct Change {
    next: Box<Enablement>,
    is_woken: bool,
    owed: Option<OwedEntry>,
}

impl Change {
    fn written(&self) -> Written<'_> {
        Written::announced(&self.next, self.owed.as_ref())
    }
}

impl Inner {
    /// Writes an enablement where it still has this revision. Every process forgets what it knew: the others hear of
    /// it over the control channel, this one does it now, so that whoever asked for the change meets it.
    pub(super) async fn write(&self, expected_revision: u64, next: &Enablement) -> Result<Put, StoreError> {
        let change = self.change_to(expected_revision, next).await?;
        let put = self.enablements.put(expected_revision, change.written()).await;
        self.changed(&change, matches!(put, Ok(Put::Stored(_)))).await;
        put
    }

    /// The last write of a job: only while nobody cancelled it, and never cancelled after it.
    pub(super) async fn conclude(&self, job: &JobId, next: &Enablement) -> Result<Concluded, StoreError> {
        let change = self.change_to(next.revision, next).await?;
        let concluded = self.enablements.conclude(job, change.written()).await;
        self.changed(&change, matches!(concluded, Ok(Concluded::Written))).await;
        concluded
    }

    /// The last write of a job that carries the addon's values over to another version.
    pub(super) async fn switch(
        &self,
        job: &JobId,
        next: &Enablement,
        handover: &Handover<'_>,
    ) -> Result<Switched, StoreError> {
        let change = self.change_to(next.revision, next).await?;
        let switched = self.enablements.switch(job, change.written(), handover).await;
        self.changed(&change, matches!(switched, Ok(Switched::Written))).await;
        switched
    }

    /// Goes back to the version before and its values.
    pub(super) async fn roll_back(&self, next: &Enablement, left: &str) -> Result<RolledBack, StoreError> {
        let change = self.change_to(next.revision, next).await?;
        let done = self.enablements.roll_back(change.written(), left).await;
        self.changed(&change, matches!(done, Ok(RolledBack::Written))).await;
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
        let owed = Box::pin(self.owed(news::of_erasure(current, clock::now()))).await?;
        let change = Change { next: Box::new(current.clone()), is_woken: false, owed };
        let concluded = self.enablements.erase(job, change.written()).await;
        let is_written = matches!(concluded, Ok(Concluded::Written));
        self.changed(&change, is_written).await;
        if is_written {
            self.settle_erased(current).await;
            self.forget_secrets(current).await;
        }
        concluded
    }

    /// The change that leads to `next`, whether something wakes the enablement then, and what is to be announced of it.
    async fn change_to(&self, expected_revision: u64, next: &Enablement) -> Result<Change, StoreError> {
        let is_woken = self.announce_write(next).await?;
        let owed = Box::pin(self.owed(news::of_change(expected_revision, next, clock::now()))).await?;
        let next = Box::new(Enablement { told: Some(next.standing()), ..next.clone() });
        Ok(Change { next, is_woken, owed })
    }

    /// What is owed for some news: nothing where nobody listens.
    async fn owed(&self, news: Option<Announcement>) -> Result<Option<OwedEntry>, StoreError> {
        let Some(news) = news else { return Ok(None) };
        if !self.work.listeners().of(&news.client).await?.want(news.body.event) {
            return Ok(None);
        }
        OwedEntry::of(Owed::Event(Box::new(news))).map(Some)
    }

    async fn changed(&self, change: &Change, is_written: bool) {
        let next = &change.next;
        let (client, user, addon) = (next.client.clone(), next.user.clone(), next.addon.clone());
        self.caches.forget(&(client.clone(), user.clone(), addon.clone()));
        if change.is_woken {
            self.settle_signals(&Owner { client, user, addon }).await;
        }
        if is_written {
            // Rare, and deep: it must not make the future of every change as large as its own.
            Box::pin(self.work.settle_owed_soon(change.owed.as_ref())).await;
        }
    }
}
