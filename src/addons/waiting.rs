//! Enablements that wait for secrets, and how they go on: the load is asked for again, by whoever set the last value, by the
//! load itself where that happened while it ended, and by upkeep where nobody else did.

use semver::Version;
use serde_json::Value;
use tracing::warn;

use crate::addons::follow::as_job_error;
use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::views::EnablementView;
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{ClientId, JobId};
use crate::model::job_error::JobError;
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::tickets::load::Load;
use crate::store::enablements::{AutoUpdate, Candidate, CandidateState, Enablement, Put};
use crate::store::secret_scope::SecretScope;
use crate::work::JobOptions;

/// Waiters of one addon that a request which sets a value for many lets go on; upkeep does the rest.
const MOST_AT_ONCE: usize = 100;
/// Addons with waiters that one look takes up.
const MAX_ADDONS: usize = 20;

/// What waits, and with what it goes on.
struct Waiting {
    version: Version,
    digest: Digest,
    grants: Grants,
    config: Option<Value>,
    auto_update: Option<AutoUpdate>,
    is_candidate: bool,
}

impl Waiting {
    fn of(current: &Enablement) -> Option<Self> {
        if current.state == EnablementState::AwaitingSecrets {
            return Some(Self {
                version: current.version.clone()?,
                digest: current.digest?,
                grants: current.grants.clone(),
                config: Some(current.config.clone()),
                auto_update: None,
                is_candidate: false,
            });
        }
        let candidate = current.candidate.as_ref().filter(|candidate| {
            current.state == EnablementState::Enabled && candidate.state == CandidateState::AwaitingSecrets
        })?;
        Some(Self {
            version: candidate.version.clone(),
            digest: candidate.digest,
            grants: candidate.grants.clone()?,
            config: candidate.config.clone(),
            auto_update: candidate.auto_update,
            is_candidate: true,
        })
    }

    fn ticket(&self, owner: &Owner) -> Load {
        Load {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            version: Some(self.version.to_string()),
            config: self.config.clone(),
            // The load came as far as secrets, so somebody said yes to this digest.
            consent: Some(self.digest.to_string()),
            grants: Some(self.grants.capabilities().to_vec()),
            auto_update: self.auto_update.map(|mode| mode.as_str().to_owned()),
            ..Load::default()
        }
    }

    /// The record, on its way by `job`.
    fn going_on(&self, current: Enablement, job: &JobId) -> Result<Enablement, AddonsError> {
        if self.is_candidate {
            let on_its_way = |candidate| Candidate {
                state: CandidateState::Loading,
                job_id: job.clone(),
                since: clock::now(),
                ..candidate
            };
            return Ok(Enablement { candidate: current.candidate.clone().map(on_its_way), ..current });
        }
        Ok(Enablement {
            state: current.state.next(Change::Load)?,
            job_id: Some(job.clone()),
            error: None,
            steps: Vec::new(),
            ..current
        })
    }
}

impl Addons {
    /// What a load does last that ended waiting for secrets. Whoever set the last one meanwhile met a load on its way, so it is
    /// asked for again here.
    pub(super) async fn wait_for_secrets(&self, owner: &Owner) {
        let noted = self.inner.waiters.add(&owner.client, &owner.user, &owner.addon).await;
        let gone_on = match noted {
            Ok(()) => self.go_on(owner).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = gone_on {
            warn!(error = %error, "`{}` waits for secrets; setting one of the user's own lets it go on", owner.addon);
        }
    }

    /// Asks for the load again where an enablement waits for secrets and all of them are set now; answers that job.
    pub(super) async fn go_on(&self, owner: &Owner) -> Result<Option<JobId>, AddonsError> {
        let Owner { client, user, addon } = owner;
        for _ in 0..WRITE_TRIES {
            let current = match self.inner.enablements.get(client, user, addon).await? {
                Some(current) => Some(self.settled(current).await?),
                None => None,
            };
            let Some((current, waiting)) = current.and_then(|current| Waiting::of(&current).map(|it| (current, it)))
            else {
                self.inner.waiters.remove(client, user, addon).await?;
                return Ok(None);
            };
            let Some(edition) = self.inner.edition(addon, &waiting.version).await? else { return Ok(None) };
            if !self.inner.missing_secrets(owner, &edition.manifest, &waiting.grants).await?.is_empty() {
                return Ok(None);
            }
            let ticket = waiting.ticket(owner);
            let options = JobOptions::default();
            let submission = owner.submission(&ticket, &options);
            let work = &self.inner.work;
            let reserved = work.reserve::<Load>(client, None).await?;
            let next = waiting.going_on(current, reserved.job_id())?;
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(_) => {
                    let job = reserved.job_id().clone();
                    work.submit_reserved(reserved, &submission).await?;
                    return Ok(Some(job));
                }
                Put::Conflict(_) => work.give_back(reserved).await,
            }
        }
        Err(AddonsError::conflict("this enablement is being changed by too many at once; try again"))
    }

    /// Shows which secrets an enablement, or its upgrade, waits for.
    pub(super) async fn show_missing_secrets(
        &self,
        record: &Enablement,
        view: &mut EnablementView,
    ) -> Result<(), AddonsError> {
        let Some(waiting) = Waiting::of(record) else { return Ok(()) };
        let Some(edition) = self.inner.edition(&record.addon, &waiting.version).await? else { return Ok(()) };
        let owner = Owner { client: record.client.clone(), user: record.user.clone(), addon: record.addon.clone() };
        let missing = self.inner.missing_secrets(&owner, &edition.manifest, &waiting.grants).await?;
        match view.candidate.as_mut().filter(|_| waiting.is_candidate) {
            Some(candidate) => candidate.missing_secrets = missing,
            None => view.missing_secrets = missing,
        }
        Ok(())
    }

    /// Lets go on, of those that a shared value is for, as many as a request has time for.
    pub(super) async fn go_on_for_all(&self, scope: &SecretScope) -> Result<(), AddonsError> {
        let is_meant = |client: &ClientId| scope.client().is_none_or(|meant| meant == client);
        for (client, user) in self.inner.waiters.some(scope.addon(), MOST_AT_ONCE).await? {
            if is_meant(&client) {
                self.go_on(&Owner { client, user, addon: scope.addon().clone() }).await?;
            }
        }
        Ok(())
    }

    /// What upkeep does for secrets: lets some enablements go on whose secrets are all set, and moves some values to the newest
    /// key; answers how many of each.
    ///
    /// # Errors
    /// [`JobError`] when records cannot be read or written, or no job can be left.
    pub async fn look_after_secrets(&self, limit: usize) -> Result<(usize, usize), JobError> {
        let (mut gone_on, mut left) = (0, limit);
        for addon in self.inner.waiters.addons(MAX_ADDONS).await? {
            let some = self.inner.waiters.some(&addon, left).await?;
            left = left.saturating_sub(some.len());
            for (client, user) in some {
                let owner = Owner { client, user, addon: addon.clone() };
                gone_on += usize::from(self.go_on(&owner).await.map_err(as_job_error)?.is_some());
            }
        }
        Ok((gone_on, self.inner.secrets.rewrap(limit).await?))
    }
}
