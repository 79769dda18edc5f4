//! What an admin forbids: blocks with what they will hit, keys that are revoked, and taking it back.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::info;

use crate::addons::blocks::blockable;
use crate::addons::publishers::{PublisherKeyView, no_key};
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::model::block::{Block, BlockCause, BlockTarget};
use crate::model::digest::Digest;
use crate::model::id::{AddonId, ClientId};
use crate::model::signature::{KeyStanding, PublisherKeyId};
use crate::store::StoreError;
use crate::store::addons::VersionRecord;
use crate::store::jobs::millis;
use crate::store::outbox::{Owed, OwedEntry};

/// Addons that are looked at in one go.
const PAGE: usize = 200;

/// One entry of the list as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Its id.
    pub block_id: String,
    /// The component that it covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The addon whose versions it covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addon: Option<String>,
    /// Which of its versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The key whose signatures it covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher_key: Option<String>,
    /// From when on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// For the people whose addon does not run any more.
    pub reason: String,
    /// `admin`, `key-revoked` or `quarantine`.
    pub cause: &'static str,
    /// Since when it holds.
    pub created_at: DateTime<Utc>,
    /// The client whose key said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

impl BlockView {
    fn of(block: &Block) -> Self {
        let mut view = Self {
            block_id: block.id.clone(),
            digest: None,
            addon: None,
            range: None,
            publisher_key: None,
            since: None,
            reason: block.reason.clone(),
            cause: block.cause.as_str(),
            created_at: block.created_at,
            created_by: block.created_by.clone(),
        };
        match &block.target {
            BlockTarget::Digest { digest } => view.digest = Some(digest.to_string()),
            BlockTarget::Versions { addon, range } => {
                view.addon = Some(addon.to_string());
                view.range = Some(range.to_string());
            }
            BlockTarget::Signed { key, since } => {
                view.publisher_key = Some(key.to_string());
                view.since = Some(*since);
            }
        }
        view
    }
}

/// A version that a block hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HitVersion {
    /// The addon.
    pub addon_id: String,
    /// Its version.
    pub version: String,
    /// The component.
    pub digest: String,
}

/// What a block hits: shown before it is said, and when it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// The versions that are published now.
    pub versions: Vec<HitVersion>,
    /// Enablements of these versions that are not switched off.
    pub enablements: u64,
    /// Users that have one.
    pub users: u64,
    /// Clients that such users belong to.
    pub clients: u64,
    /// Calls that run just now, in all processes, as of about a second ago.
    pub running_calls: u64,
}

impl Addons {
    /// Everything that is blocked, oldest first.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn blocks(&self) -> Result<Vec<BlockView>, AddonsError> {
        Ok(self.inner.blocks.book.all().await?.1.iter().map(BlockView::of).collect())
    }

    /// Blocks: from now on nothing of it is asked for, starts or goes on, in any process.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read or written.
    pub async fn block(
        &self,
        target: BlockTarget,
        reason: String,
        by: &ClientId,
    ) -> Result<(BlockView, Impact), AddonsError> {
        let impact = self.impact(&target).await?;
        let block = Block {
            id: format!("blk_{}", ulid::Ulid::generate()),
            target,
            reason,
            cause: BlockCause::Admin,
            created_at: clock::now(),
            created_by: Some(by.to_string()),
        };
        self.forbid(&block).await?;
        Ok((BlockView::of(&block), impact))
    }

    async fn forbid(&self, block: &Block) -> Result<(), AddonsError> {
        let owed = OwedEntry::of(Owed::Block { id: block.id.clone(), at_ms: millis(block.created_at) })?;
        self.inner.blocks.book.put(block, Some(&owed)).await?;
        Box::pin(self.inner.work.settle_owed_soon(Some(&owed))).await;
        info!(block.id = %block.id, cause = block.cause.as_str(), "Blocked: {}", block.reason);
        Ok(self.inner.blocks.catch_up().await?)
    }

    /// Takes a block back: everything that it covered is as it was.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`], or the records cannot be read or written.
    pub async fn unblock(&self, id: &str) -> Result<(), AddonsError> {
        let removed = self.inner.blocks.book.remove(id).await?;
        let block = removed.ok_or_else(|| {
            AddonsError::NotFound(format!("there is no block `{id}`; GET /admin/blocks lists what there is"))
        })?;
        if let (BlockCause::Quarantine, BlockTarget::Digest { digest }) = (block.cause, &block.target) {
            // Or the very next crash would bring it back.
            self.inner.crashes.forget(digest).await?;
        }
        info!(block.id = %block.id, cause = block.cause.as_str(), "A block was taken back: {}", block.reason);
        Ok(self.inner.blocks.catch_up().await?)
    }

    /// Revokes a publisher's key as of `since`: it signs no more, and everything that it signed from then on is blocked.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`], or the records cannot be read or written.
    pub async fn revoke_key(
        &self,
        publisher: &str,
        id: &PublisherKeyId,
        since: DateTime<Utc>,
        reason: String,
        by: &ClientId,
    ) -> Result<(PublisherKeyView, BlockView, Impact), AddonsError> {
        let key = self.inner.publishers.get(publisher, id).await?.ok_or_else(|| no_key(publisher, id))?;
        let now = clock::now();
        let since = match key.standing.revoked(since, now) {
            KeyStanding::Revoked { since, .. } => since,
            KeyStanding::Active | KeyStanding::Retired { .. } => since,
        };
        let target = BlockTarget::Signed { key: id.clone(), since };
        let impact = self.impact(&target).await?;
        let block = Block {
            id: format!("blk_key-{id}"),
            target,
            reason,
            cause: BlockCause::KeyRevoked,
            created_at: now,
            created_by: Some(by.to_string()),
        };
        // The block first: whoever dies in between has stopped the versions, and says it again.
        self.forbid(&block).await?;
        let changed = self.inner.publishers.change(publisher, id, |standing| standing.revoked(since, now)).await?;
        let key = changed.ok_or_else(|| no_key(publisher, id))?;
        Ok((PublisherKeyView::of(&key), BlockView::of(&block), impact))
    }

    /// What a revocation would hit, nothing done.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`], or the records cannot be read.
    pub async fn revocation_impact(
        &self,
        publisher: &str,
        id: &PublisherKeyId,
        since: DateTime<Utc>,
    ) -> Result<Impact, AddonsError> {
        self.inner.publishers.get(publisher, id).await?.ok_or_else(|| no_key(publisher, id))?;
        self.impact(&BlockTarget::Signed { key: id.clone(), since }).await
    }

    /// What a block would hit, nothing done.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn impact(&self, target: &BlockTarget) -> Result<Impact, AddonsError> {
        let trial = Block {
            id: String::new(),
            target: target.clone(),
            reason: String::new(),
            cause: BlockCause::Admin,
            created_at: clock::now(),
            created_by: None,
        };
        let hit: Vec<VersionRecord> =
            self.versions_near(target).await?.into_iter().filter(|record| trial.covers(&blockable(record))).collect();
        let mut impact = Impact::default();
        let (mut users, mut clients) = (HashSet::new(), HashSet::new());
        for addon in hit.iter().map(|record| record.id.clone()).collect::<BTreeSet<AddonId>>() {
            let of_addon = hit.iter().filter(|record| record.id == addon);
            let digests: HashSet<Digest> = of_addon.map(|record| record.digest).collect();
            let mut cursor = None;
            loop {
                let page = self.inner.enablements.of_addon_as(&addon, cursor.as_deref()).await?;
                for (client, user, digest) in page.items {
                    if digest.is_some_and(|digest| digests.contains(&digest))
                        && users.insert((client.clone(), user, addon.clone()))
                    {
                        clients.insert(client);
                    }
                }
                match page.next_cursor {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
        }
        impact.enablements = count(users.len());
        impact.users = count(users.iter().map(|(client, user, _)| (client, user)).collect::<HashSet<_>>().len());
        impact.clients = count(clients.len());
        let running = self.inner.blocks.book.running().await?;
        let mut digests: Vec<Digest> = hit.iter().map(|record| record.digest).collect();
        if let BlockTarget::Digest { digest } = target {
            digests.push(*digest);
        }
        digests.sort_unstable();
        digests.dedup();
        impact.running_calls = digests.iter().filter_map(|digest| running.get(digest)).sum();
        impact.versions = hit.iter().map(line).collect();
        Ok(impact)
    }

    /// The versions among which those that a target covers are.
    pub(super) async fn versions_near(&self, target: &BlockTarget) -> Result<Vec<VersionRecord>, StoreError> {
        if let BlockTarget::Versions { addon, .. } = target {
            return self.inner.versions.list(addon).await;
        }
        let (mut records, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.inner.versions.all(cursor.as_deref(), PAGE).await?;
            for id in &page.items {
                records.extend(self.inner.versions.list(id).await?);
            }
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(records),
            }
        }
    }
}

fn line(record: &VersionRecord) -> HitVersion {
    HitVersion {
        addon_id: record.id.to_string(),
        version: record.version.to_string(),
        digest: record.digest.to_string(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
