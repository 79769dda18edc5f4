//! Updates that nobody asks for: enablements that follow compatible versions get them as candidates.
//!
//! A version that is approved marks its addon; upkeep then looks at the addon's enablements, a bounded number at a time. Each
//! step may be repeated: the job's id is made from what it changes, so twice is once.

use tracing::warn;

use crate::addons::owner::Owner;
use crate::addons::record::{WRITE_TRIES, too_many};
use crate::addons::registry::VersionWish;
use crate::addons::updates::asks_no_more;
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::host::inspect::Inspection;
use crate::model::grants::Grants;
use crate::model::id::JobId;
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::queue::Ticket;
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{AutoUpdate, Candidate, CandidateState, Enablement, Put};
use crate::work::JobOptions;

/// Addons that one look takes up.
const MAX_ADDONS: usize = 20;

/// What an update that nobody asked for may do.
pub(super) enum Followed {
    /// It asks for no more than the version before: these grants of it are carried over.
    Within(Grants),
    /// It asks for more: somebody must say yes.
    Beyond,
}

impl Addons {
    /// Says that `addon` has a new version.
    ///
    /// # Errors
    /// [`AddonsError`] when Redis cannot be asked.
    pub(super) async fn announce_version(&self, record: &VersionRecord) -> Result<(), AddonsError> {
        Ok(self.inner.versions.mark_update(&record.id).await?)
    }

    /// Looks at enablements whose addon has a new version, some more than `limit` at most, and asks for the update of each
    /// that follows; answers how many. The next call goes on.
    ///
    /// # Errors
    /// [`JobError`] when records cannot be read or written, or no job can be left.
    pub async fn follow_versions(&self, limit: usize) -> Result<usize, JobError> {
        let (mut looked_at, mut asked_for) = (0, 0);
        for mut due in self.inner.versions.due_updates(MAX_ADDONS).await? {
            let versions = self.inner.marked(self.inner.versions.list(&due.addon).await?);
            while looked_at < limit {
                let page = self.inner.enablements.of_addon(&due.addon, Some(&due.cursor)).await?;
                looked_at += page.items.len();
                for (client, user) in page.items {
                    let owner = Owner { client, user, addon: due.addon.clone() };
                    asked_for += usize::from(self.follow(&owner, &versions).await?);
                }
                self.inner.versions.advance_update(&due, page.next_cursor.as_deref()).await?;
                match page.next_cursor {
                    Some(next) => due.cursor = next,
                    None => break,
                }
            }
        }
        Ok(asked_for)
    }

    /// Asks for the update of one enablement right now, for one that may have missed its addon's last version.
    pub(super) async fn catch_up(&self, owner: &Owner) {
        let followed = async {
            let versions = self.inner.marked(self.inner.versions.list(&owner.addon).await?);
            self.follow(owner, &versions).await
        };
        if let Err(error) = followed.await {
            warn!(error = %error, "Could not ask for an update of `{}`; its next version is another chance", owner.addon);
        }
    }

    /// Asks for the update that an enablement follows to, where there is one.
    async fn follow(&self, owner: &Owner, versions: &[VersionRecord]) -> Result<bool, JobError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let Some(current) = current else { return Ok(false) };
            let current = self.settled(current).await.map_err(as_job_error)?;
            let Some(target) = target_of(&current, versions) else { return Ok(false) };
            if let Some(known) = &current.candidate
                && (known.digest == target.digest || !known.is_automatic && known.state != CandidateState::Failed)
            {
                if known.is_automatic && known.state == CandidateState::Loading {
                    // Whoever marked it may have died before the job was left.
                    self.leave_update(owner, known).await?;
                }
                return Ok(false);
            }
            let candidate = candidate_for(&current, target);
            let next = Enablement { candidate: Some(candidate.clone()), ..current };
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(_) => {
                    self.leave_update(owner, &candidate).await?;
                    return Ok(true);
                }
                Put::Conflict(_) => {}
            }
        }
        Err(too_many())
    }

    async fn leave_update(&self, owner: &Owner, candidate: &Candidate) -> Result<(), JobError> {
        let ticket = Load {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            version: Some(candidate.version.to_string()),
            ..Load::default()
        };
        let options = JobOptions::default();
        let submission = owner.submission(&ticket, &options);
        let work = &self.inner.work;
        work.submit_reserved(work.reserve_known(candidate.job_id.clone()), &submission).await?;
        Ok(())
    }

    /// What the load of `record` may do where nobody asked for it; none where somebody did.
    pub(super) async fn followed(
        &self,
        begun: &Enablement,
        record: &VersionRecord,
        inspection: &Inspection,
    ) -> Result<Option<Followed>, JobError> {
        if !begun.candidate.as_ref().is_some_and(|candidate| candidate.is_automatic) {
            return Ok(None);
        }
        let Some(version) = &begun.version else { return Ok(Some(Followed::Beyond)) };
        let before = self.inner.edition(&begun.addon, version).await?;
        let asked = Grants::requested(&record.manifest);
        let is_within = before.is_some_and(|before| asks_no_more(&before.manifest, &record.manifest));
        let carried = begun.grants.intersect(&asked);
        // What it imports now and nobody granted before is more, too.
        let is_open = inspection.capabilities.iter().all(|kind| carried.has(*kind));
        Ok(Some(if is_within && is_open { Followed::Within(carried) } else { Followed::Beyond }))
    }
}

/// The version that an enablement follows to: the newest within its major version that its user's wish allows, newer than
/// what runs and than what the user turned down.
fn target_of<'a>(current: &Enablement, versions: &'a [VersionRecord]) -> Option<&'a VersionRecord> {
    let is_following = current.state == EnablementState::Enabled && current.auto_update == AutoUpdate::Compatible;
    let version = current.version.as_ref().filter(|_| is_following)?;
    let wish = VersionWish::parse(current.wish.as_deref()).ok()?;
    let newest = wish.newest_after(version, versions)?;
    let is_news = Some(newest.digest) != current.digest
        && current.skipped.as_ref().is_none_or(|skipped| newest.version > *skipped);
    is_news.then_some(newest)
}

fn candidate_for(current: &Enablement, target: &VersionRecord) -> Candidate {
    let enabled_at = current.enabled_at.map_or(0, |at| at.timestamp_millis());
    let Enablement { client, user, addon, .. } = current;
    let seed = format!("{client} {user} {addon} {enabled_at} {}", target.digest);
    Candidate {
        version: target.version.clone(),
        digest: target.digest,
        job_id: JobId::derived(Load::KIND.id_prefix(), target.published_at, seed.as_bytes()),
        since: clock::now(),
        state: CandidateState::Loading,
        error: None,
        config: None,
        grants: None,
        auto_update: None,
        wish: current.wish.clone(),
        request: None,
        is_automatic: true,
    }
}

pub(super) fn as_job_error(error: AddonsError) -> JobError {
    match error {
        AddonsError::Store(error) => error.into(),
        AddonsError::Work(error) => error.into(),
        _ => too_many(),
    }
}
