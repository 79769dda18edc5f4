//! Telling everybody whose addon a block stops: a ticket an addon, a page of users each.

use crate::addons::Addons;
use crate::addons::blocks::blockable;
use crate::events::EnablementFacts;
use crate::model::block::{Block, BlockTarget};
use crate::model::event::{Announcement, EventType};
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::queue::tickets::dispatch::BlockWalk;
use crate::store::addons::VersionRecord;
use crate::store::jobs::millis;

impl Addons {
    /// Does one page of an announcement and leaves the ticket of the next; answers how many were told. Twice is once.
    ///
    /// # Errors
    /// [`JobError`] when the records cannot be read, or a ticket cannot be left.
    pub async fn tell_of_block(&self, walk: &BlockWalk) -> Result<usize, JobError> {
        let (_, blocks) = self.inner.blocks.book.all().await?;
        let is_it = |block: &Block| block.id == walk.id && millis(block.created_at) == walk.at_ms;
        // Taken back meanwhile: there is nothing to tell.
        let Some(block) = blocks.into_iter().find(is_it) else { return Ok(0) };
        let Some(addon) = &walk.addon else {
            for addon in self.stopped_by(&block).await? {
                self.inner.work.announce_block(BlockWalk { addon: Some(addon), ..walk.clone() }).await?;
            }
            return Ok(0);
        };
        let versions = self.inner.versions.list(addon).await?;
        let stopped: Vec<VersionRecord> = versions.into_iter().filter(|it| block.covers(&blockable(it))).collect();
        let page = self.inner.enablements.of_addon_as(addon, walk.cursor.as_deref()).await?;
        let mut told = 0;
        for (client, user, digest) in page.items {
            if let Some(version) = stopped.iter().find(|version| Some(version.digest) == digest)
                && self.inner.work.listeners().of(&client).await?.want(EventType::AddonBlocked)
            {
                told += usize::from(self.tell_one(&block, version, (&client, &user)).await?);
            }
        }
        if page.next_cursor.is_some() {
            let next = BlockWalk { cursor: page.next_cursor, ..walk.clone() };
            self.inner.work.announce_block(next).await?;
        }
        Ok(told)
    }

    /// The addons of which it stops a version.
    async fn stopped_by(&self, block: &Block) -> Result<Vec<AddonId>, JobError> {
        if let BlockTarget::Versions { addon, .. } = &block.target {
            return Ok(vec![addon.clone()]);
        }
        let mut addons: Vec<AddonId> = self
            .versions_near(&block.target)
            .await?
            .iter()
            .filter(|record| block.covers(&blockable(record)))
            .map(|record| record.id.clone())
            .collect();
        addons.sort_unstable();
        addons.dedup();
        Ok(addons)
    }

    async fn tell_one(
        &self,
        block: &Block,
        version: &VersionRecord,
        (client, user): (&ClientId, &UserId),
    ) -> Result<bool, JobError> {
        let current = self.inner.enablements.get(client, user, &version.id).await?;
        let Some(current) = current.filter(|current| current.digest == Some(version.digest)) else { return Ok(false) };
        let failure = block.failure(&blockable(version));
        let facts = EnablementFacts {
            user_id: user,
            addon_id: &version.id,
            state: EnablementState::Blocked,
            version: Some((&version.version, &version.digest)),
            job_id: None,
            error: Some(&failure),
            revision: current.revision,
        };
        let Some(body) = facts.event(block.created_at) else { return Ok(false) };
        let subject = format!("{} {} {}", block.id, millis(block.created_at), current.id());
        self.inner.work.raise(&Announcement { client: client.clone(), subject, body }).await?;
        Ok(true)
    }
}
