//! A client wants an addon for a user: checked at once, done by a job.

use serde_json::json;

use crate::addons::blocks::blockable;
use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::registry::{VersionWish, nothing_fits, unknown_addon};
use crate::addons::views::{EnablementView, in_plain_words};
use crate::addons::{Addons, AddonsError, EnableAnswer, EnableSpec, Fault, settings};
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::Ticket;
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{Enablement, Put};
use crate::work::{IdempotencyKey, JobOptions, Reserved, Submission, Submitted};

/// What the record says to a wish.
enum Claim {
    /// It is so already.
    Unchanged(Box<EnablementView>),
    /// This job brings it.
    Job(JobId),
}

/// A wish that was checked: what the job will be asked for.
struct Checked {
    record: VersionRecord,
    grants: Grants,
    config: serde_json::Value,
}

impl Addons {
    /// Makes a `load` job for the wish, unless the enablement is exactly so already.
    ///
    /// # Errors
    /// [`AddonsError`]: unknown addon or version, every fault of the wish at once, or a conflict with what is on its way.
    pub async fn request_enable(
        &self,
        user: (&ClientId, &UserId),
        addon: &AddonId,
        spec: &EnableSpec,
        options: &JobOptions,
        idempotency: Option<&IdempotencyKey>,
    ) -> Result<EnableAnswer, AddonsError> {
        let (client, user) = user;
        let checked = self.check_wish(addon, spec).await?;
        let ticket = ticket_of(client, user, addon, &checked, spec);
        let submission = Submission {
            client,
            user: Some(user),
            addon: Some(addon),
            ticket: &ticket,
            options,
            idempotency,
            traceparent: None,
        };
        let work = &self.inner.work;
        let reserved = work.reserve::<Load>(client, idempotency).await?;
        if work.is_made(&reserved).await? {
            return Ok(EnableAnswer::Accepted(work.submit_reserved(reserved, &submission).await?));
        }
        let owner = Owner { client: client.clone(), user: user.clone(), addon: addon.clone() };
        match self.claim_load(&owner, &checked, spec, reserved.job_id()).await {
            Ok(Claim::Job(job)) => Ok(EnableAnswer::Accepted(self.submit_claimed(job, reserved, &submission).await?)),
            Ok(Claim::Unchanged(view)) => {
                work.give_back(reserved).await;
                Ok(EnableAnswer::Unchanged(view))
            }
            Err(error) => {
                work.give_back(reserved).await;
                Err(error)
            }
        }
    }

    /// Marks the enablement as `loading` by `job`, unless it is what is wished for, or a job is on its way to it. Of
    /// several equal wishes at the same moment one wins, and the others find its job.
    async fn claim_load(
        &self,
        owner: &Owner,
        checked: &Checked,
        spec: &EnableSpec,
        job: &JobId,
    ) -> Result<Claim, AddonsError> {
        let request = fingerprint(checked, spec);
        for _ in 0..WRITE_TRIES {
            let current = match self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await? {
                Some(current) => self.settled(current).await?,
                None => Enablement::fresh(owner.client.clone(), owner.user.clone(), owner.addon.clone()),
            };
            if is_effective(&current, checked, spec) {
                return Ok(Claim::Unchanged(Box::new(EnablementView::of(&current))));
            }
            if current.state.is_moving() {
                let known = current.job_id.as_ref().filter(|_| current.state == EnablementState::Loading);
                if let Some(known) = known.filter(|_| current.request == Some(request)) {
                    return Ok(Claim::Job(known.clone()));
                }
                return Err(busy(&current));
            }
            let next = Enablement {
                state: current.state.next(Change::Load)?,
                job_id: Some(job.clone()),
                request: Some(request),
                error: None,
                steps: Vec::new(),
                ..current
            };
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(_) => return Ok(Claim::Job(job.clone())),
                Put::Conflict(_) => {}
            }
        }
        Err(AddonsError::conflict("this enablement is being changed by too many at once; try again"))
    }

    /// Goes on under the job that the enablement names now: the one that was reserved, or an earlier one for the same
    /// wish, which this enqueues where its own request died in between.
    pub(super) async fn submit_claimed<T: Ticket>(
        &self,
        job: JobId,
        reserved: Reserved,
        submission: &Submission<'_, T>,
    ) -> Result<Submitted, AddonsError> {
        let work = &self.inner.work;
        if job == *reserved.job_id() {
            return Ok(work.submit_reserved(reserved, submission).await?);
        }
        work.give_back(reserved).await;
        Ok(work.submit_reserved(work.reserve_known(job), submission).await?)
    }

    /// One enablement.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when the user never had this addon.
    pub async fn enablement(
        &self,
        client: &ClientId,
        user: &UserId,
        addon: &AddonId,
    ) -> Result<EnablementView, AddonsError> {
        let record = self.inner.enablements.get(client, user, addon).await?.ok_or_else(|| not_enabled(addon, user))?;
        self.view(&self.settled(record).await?).await
    }

    /// Every enablement of a user.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn enablements(&self, client: &ClientId, user: &UserId) -> Result<Vec<EnablementView>, AddonsError> {
        let mut views = Vec::new();
        for record in self.inner.enablements.list(client, user).await? {
            views.push(self.view(&self.settled(record).await?).await?);
        }
        Ok(views)
    }

    /// The enablement as its client sees it. That its version is blocked is not written to it: the list says so, for a
    /// million enablements as for one, and unblocking leaves each as it was.
    pub(super) async fn view(&self, record: &Enablement) -> Result<EnablementView, AddonsError> {
        let mut view = EnablementView::of(record);
        if record.state == EnablementState::AwaitingConsent
            && let Some(version) = &record.version
        {
            let version = self.inner.versions.get(&record.addon, version).await?;
            view.requested = version.map(|version| in_plain_words(&version.manifest)).unwrap_or_default();
        }
        if let Some(failure) = self.inner.blocked_enablement(record).await? {
            view.state = EnablementState::Blocked.as_str();
            view.error = Some(failure);
        }
        Ok(view)
    }

    async fn check_wish(&self, addon: &AddonId, spec: &EnableSpec) -> Result<Checked, AddonsError> {
        let wish =
            VersionWish::parse(spec.version.as_deref()).map_err(|message| AddonsError::invalid("/version", message))?;
        let records = self.inner.versions.list(addon).await?;
        if records.is_empty() {
            return Err(unknown_addon(addon));
        }
        let record = self
            .inner
            .choose(&wish, &records)
            .ok_or_else(|| AddonsError::NotFound(nothing_fits(addon, spec.version.as_deref(), &wish, &records)))?;
        self.inner.must_be_free(&blockable(&record))?;
        let mut faults = Vec::new();
        let config = settings::check(&record.manifest, spec.config.as_ref()).unwrap_or_else(|found| {
            faults.extend(found);
            serde_json::Value::Null
        });
        let grants = match &spec.grants {
            None => Grants::requested(&record.manifest),
            Some(wish) => Grants::narrowed(&record.manifest, wish.clone()).unwrap_or_else(|error| {
                faults.push(Fault { pointer: String::from("/grants"), message: error.to_string() });
                Grants::default()
            }),
        };
        if spec.consent.is_some_and(|digest| !digest.matches(&record.digest)) {
            let message = format!("is not the digest of {addon} {}, which is {}", record.version, record.digest);
            faults.push(Fault { pointer: String::from("/consent"), message });
        }
        if faults.is_empty() { Ok(Checked { record, grants, config }) } else { Err(AddonsError::Invalid(faults)) }
    }
}

pub(super) fn not_enabled(addon: &AddonId, user: &UserId) -> AddonsError {
    AddonsError::NotFound(format!(
        "`{addon}` was never enabled for user `{user}`; PUT /users/{user}/addons/{addon} does it"
    ))
}

/// Something else is on its way.
fn busy(current: &Enablement) -> AddonsError {
    let job = current.job_id.as_ref().map_or("", |id| id.as_str());
    let what = if current.state == EnablementState::Loading { "another `load` of" } else { "an `unload` of" };
    AddonsError::conflict(format!(
        "{what} `{}` is on its way for this user ({job}); wait for it or cancel it",
        current.addon
    ))
}

/// A name for the wish: the same wish again means the same job.
fn fingerprint(checked: &Checked, spec: &EnableSpec) -> Digest {
    let wish = json!({
        "digest": checked.record.digest, "config": checked.config, "grants": checked.grants,
        "consent": spec.consent, "autoUpdate": spec.auto_update,
    });
    Digest::of(wish.to_string().as_bytes())
}

/// Whether the enablement is exactly what the wish asks for.
fn is_effective(current: &Enablement, checked: &Checked, spec: &EnableSpec) -> bool {
    current.state == EnablementState::Enabled
        && current.digest == Some(checked.record.digest)
        && current.version.as_ref() == Some(&checked.record.version)
        && (spec.config.is_none() || current.config == checked.config)
        && (spec.grants.is_none() || current.grants == checked.grants)
        && spec.auto_update.is_none_or(|mode| mode == current.auto_update)
}

fn ticket_of(client: &ClientId, user: &UserId, addon: &AddonId, checked: &Checked, spec: &EnableSpec) -> Load {
    Load {
        addon_id: addon.to_string(),
        user_id: Some(user.to_string()),
        client_id: Some(client.to_string()),
        version: Some(checked.record.version.to_string()),
        config: Some(checked.config.clone()),
        consent: spec.consent.map(|digest| digest.to_string()),
        grants: Some(checked.grants.capabilities().to_vec()),
        auto_update: spec.auto_update.map(|mode| mode.as_str().to_owned()),
        ..Load::default()
    }
}
