//! What crashes again and again is paused: for the user whose calls crash, and for everybody when it is not one user alone.
//!
//! What counts is the guest's own doing: traps, and limits that it broke. Refusals, bad input, deadlines (a client may set
//! them as short as it likes) and cancelled calls do not.

use serde_json::json;
use tracing::warn;

use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::running::{CallContext, Running};
use crate::addons::views::EnablementView;
use crate::addons::{Addons, AddonsError, Inner};
use crate::clock;
use crate::host::CallFailure;
use crate::model::block::{Block, BlockCause, BlockTarget};
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::lifecycle::{Change, EnablementState};
use crate::store::StoreError;
use crate::store::crashes::CrashCount;
use crate::store::enablements::{Enablement, Put};
use crate::store::jobs::millis;
use crate::store::outbox::{Owed, OwedEntry};

/// Users that it takes to call something everybody's trouble.
const SEVERAL: u32 = 2;

impl Inner {
    /// Counts a crash, and pauses what crashed too often. Best effort: the call has failed already, and the next one counts
    /// again.
    pub(super) async fn note_crash(&self, running: &Running, failure: &CallFailure, context: &CallContext) {
        let (true, Some(digest)) = (failure.is_crash(), running.enablement.digest) else { return };
        if let Err(error) = self.count_crash(running, digest, failure, context).await {
            warn!(addon.digest = %digest, %error, "Could not count a crash of `{}`", running.owner.addon);
        }
    }

    async fn count_crash(
        &self,
        running: &Running,
        digest: Digest,
        failure: &CallFailure,
        context: &CallContext,
    ) -> Result<(), StoreError> {
        let (rules, owner) = (&self.settings.quarantine, &running.owner);
        let window = rules.window.duration();
        let call = format!("{}.{}", context.job_id, context.attempt);
        let count = self.crashes.count(&digest, (&owner.client, &owner.user), &call, window).await?;
        if rules.user_crashes > 0 && count.of_user >= rules.user_crashes {
            let message = format!(
                "it crashed {} times within {} for this user, last with {}; POST …/resume lets it run again",
                count.of_user,
                rules.window,
                failure.code()
            );
            if self.pause(owner, &digest, &message, count).await? {
                context.progress.log(&format!("[{}] is quarantined: {message}", owner.addon)).await;
            }
        }
        if rules.everywhere_crashes > 0 && count.of_all >= rules.everywhere_crashes && count.users >= SEVERAL {
            let reason = format!("it crashed {} times within {} for {} users", count.of_all, rules.window, count.users);
            if self.pause_everywhere(digest, reason.clone()).await? {
                warn!(addon.digest = %digest, "`{}` is paused for everybody: {reason}", owner.addon);
                context.progress.log(&format!("[{}] is paused for everybody: {reason}", owner.addon)).await;
            }
        }
        Ok(())
    }

    /// Pauses one enablement that still runs this component; answers whether it did.
    async fn pause(
        &self,
        owner: &Owner,
        digest: &Digest,
        message: &str,
        count: CrashCount,
    ) -> Result<bool, StoreError> {
        for _ in 0..WRITE_TRIES {
            let current = self.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            // Switched off, upgraded, or paused already: nothing to do.
            let Some(current) = current.filter(|current| current.digest.as_ref() == Some(digest)) else {
                return Ok(false);
            };
            let Ok(state) = current.state.next(Change::Quarantine) else { return Ok(false) };
            let failure =
                Failure::permanent(JobCode::AddonQuarantined, format!("`{}` is paused: {message}", owner.addon));
            let error = Some(failure.with_details(json!({ "crashes": count.of_user, "digest": digest })));
            let next = Enablement { state, error, ..current };
            if let Put::Stored(_) = self.write(next.revision, &next).await? {
                warn!(addon.digest = %digest, user.id = %owner.user, "`{}` is quarantined: {message}", owner.addon);
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn pause_everywhere(&self, digest: Digest, reason: String) -> Result<bool, StoreError> {
        let block = Block {
            // One name a component: several workers that see the last crash make one block.
            id: format!("blk_quarantine-{}", digest.hex()),
            target: BlockTarget::Digest { digest },
            reason,
            cause: BlockCause::Quarantine,
            created_at: clock::now(),
            created_by: None,
        };
        let owed = OwedEntry::of(Owed::Block { id: block.id.clone(), at_ms: millis(block.created_at) })?;
        let is_new = self.blocks.book.put_new(&block, Some(&owed)).await?;
        if is_new {
            Box::pin(self.work.settle_owed_soon(Some(&owed))).await;
        }
        Ok(is_new)
    }
}

impl Addons {
    /// Lets an addon that was paused for crashing run again for its user.
    ///
    /// # Errors
    /// [`AddonsError`]: the user does not have it, it is not paused, or it is paused for everybody.
    pub async fn resume(&self, owner: &Owner) -> Result<EnablementView, AddonsError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let current = current.ok_or_else(|| super::enable::not_enabled(&owner.addon, &owner.user))?;
            if let Some(failure) = self.inner.blocked_enablement(&current).await? {
                return Err(AddonsError::Conflict { code: "ADDON_BLOCKED", message: failure.message });
            }
            if current.state != EnablementState::Quarantined {
                return Err(AddonsError::conflict(format!(
                    "`{}` is {} for user `{}`; only what is quarantined is resumed",
                    owner.addon, current.state, owner.user
                )));
            }
            if let Some(digest) = current.digest {
                // Before it runs: the crash that paused it must not pause it again.
                self.inner.crashes.forget_user(&digest, (&owner.client, &owner.user)).await?;
            }
            let next = Enablement { state: current.state.next(Change::Resume)?, error: None, ..current };
            if let Put::Stored(revision) = self.inner.write(next.revision, &next).await? {
                return self.view(&Enablement { revision, ..next }).await;
            }
        }
        Err(AddonsError::conflict("this enablement is being changed by too many at once; try again"))
    }
}
