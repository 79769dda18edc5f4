//! A client wants an addon for a user: checked at once, done by a job.

use semver::Version;
use serde_json::{Value, json};

use crate::addons::blocks::blockable;
use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::registry::{VersionWish, nothing_fits, unknown_addon};
use crate::addons::views::{BreakerView, EnablementView, UsageView, in_plain_words};
use crate::addons::{Addons, AddonsError, EnableAnswer, EnableSpec, Fault, settings};
use crate::clock;
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::Ticket;
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{Candidate, CandidateState, Enablement, Put};
use crate::store::usage;
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
    config: Value,
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
        let owner = Owner { client: client.clone(), user: user.clone(), addon: addon.clone() };
        let checked = self.check_wish(&owner, spec).await?;
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

    /// Marks the enablement as `loading` by `job`, or a candidate of it where it runs, unless it is what is wished for, or a job is on its way to it. Of
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
            if let Some(known) = loading_candidate(&current) {
                if known.request == Some(request) {
                    return Ok(Claim::Job(known.job_id.clone()));
                }
                return Err(busy(&current));
            }
            if is_effective(&current, checked, spec) {
                let next = as_it_is(current.clone(), spec);
                if next == current {
                    return Ok(Claim::Unchanged(Box::new(self.view(&current).await?)));
                }
                match self.inner.write(next.revision, &next).await? {
                    Put::Stored(_) => return Ok(Claim::Unchanged(Box::new(self.view(&next).await?))),
                    Put::Conflict(_) => continue,
                }
            }
            if current.state.is_moving() {
                let known = current.job_id.as_ref().filter(|_| current.state == EnablementState::Loading);
                if let Some(known) = known.filter(|_| current.request == Some(request)) {
                    return Ok(Claim::Job(known.clone()));
                }
                return Err(busy(&current));
            }
            let wish = wish_after(spec, &current);
            let next = if current.state == EnablementState::Enabled {
                Enablement { candidate: Some(candidate_of(checked, spec, wish, job, request)), ..current }
            } else {
                Enablement {
                    state: current.state.next(Change::Load)?,
                    candidate: None,
                    job_id: Some(job.clone()),
                    request: Some(request),
                    wish,
                    error: None,
                    steps: Vec::new(),
                    ..current
                }
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

    /// The addons that a user has or had, and where each stands.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn had_by(
        &self,
        client: &ClientId,
        user: &UserId,
    ) -> Result<Vec<(AddonId, EnablementState)>, AddonsError> {
        let records = self.inner.enablements.list(client, user).await?;
        Ok(records.into_iter().map(|record| (record.addon, record.state)).collect())
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
            view.requested = self.requested(&record.addon, version).await?;
        }
        if let Some(candidate) = view.candidate.as_mut()
            && let Some(waiting) = &record.candidate
            && waiting.state == CandidateState::AwaitingConsent
        {
            candidate.requested = self.requested(&record.addon, &waiting.version).await?;
        }
        self.show_missing_secrets(record, &mut view).await?;
        let days = self.inner.usages.days(&record.client, &record.user, &record.addon).await?;
        view.usage = UsageView::of(&days, usage::today());
        if let Some(failure) = self.inner.blocked_enablement(record).await? {
            view.state = EnablementState::Blocked.as_str();
            view.error = Some(failure);
        }
        view.breakers = self.breakers(record).await?;
        Ok(view)
    }

    /// Those hooks of an addon that runs that failed lately.
    async fn breakers(&self, record: &Enablement) -> Result<Vec<BreakerView>, AddonsError> {
        let (EnablementState::Enabled, Some(version)) = (record.state, &record.version) else { return Ok(Vec::new()) };
        let Some(edition) = self.inner.edition(&record.addon, version).await? else { return Ok(Vec::new()) };
        let known = self.inner.breakers_of(record, &edition.manifest).await?;
        let of_this = known.iter().filter(|(_, breaker)| Some(breaker.digest) == record.digest);
        let mut views: Vec<_> = of_this.map(|(point, breaker)| BreakerView::of(*point, breaker)).collect();
        views.sort_by_key(|view| view.point.as_str());
        Ok(views)
    }

    /// What a version asks for, in plain words.
    async fn requested(&self, addon: &AddonId, version: &Version) -> Result<Vec<Value>, AddonsError> {
        let record = self.inner.versions.get(addon, version).await?;
        Ok(record.map(|record| in_plain_words(&record.manifest)).unwrap_or_default())
    }

    async fn check_wish(&self, owner: &Owner, spec: &EnableSpec) -> Result<Checked, AddonsError> {
        let addon = &owner.addon;
        let current = self.inner.enablements.get(&owner.client, &owner.user, addon).await?;
        let wish = wish_of(spec, current.as_ref()).map_err(|message| AddonsError::invalid("/version", message))?;
        let records = self.inner.versions.list(addon).await?;
        if records.is_empty() {
            return Err(unknown_addon(addon));
        }
        let held = current.as_ref().and_then(|current| current.digest);
        let record = self
            .inner
            .choose(&wish, &records, held.as_ref())
            .ok_or_else(|| AddonsError::NotFound(nothing_fits(addon, spec.version.as_deref(), &wish, &records)))?;
        self.inner.must_be_free(&blockable(&record))?;
        let mut faults = Vec::new();
        let kept = current.as_ref().and_then(|current| kept_config(spec, current));
        let config = settings::check(&record.manifest, spec.config.as_ref().or(kept)).unwrap_or_else(|found| {
            faults.extend(found);
            Value::Null
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

/// Which version is meant: the one that waits for consent where its digest is consented to, and no version is named.
fn wish_of(spec: &EnableSpec, current: Option<&Enablement>) -> Result<VersionWish, String> {
    match current.and_then(|current| consented(spec, current)).filter(|_| spec.version.is_none()) {
        Some(waiting) => Ok(VersionWish::Exact(waiting.version.clone())),
        None => VersionWish::parse(spec.version.as_deref()),
    }
}

fn loading_candidate(current: &Enablement) -> Option<&Candidate> {
    current.candidate.as_ref().filter(|candidate| candidate.state == CandidateState::Loading)
}

fn candidate_of(checked: &Checked, spec: &EnableSpec, wish: Option<String>, job: &JobId, request: Digest) -> Candidate {
    Candidate {
        version: checked.record.version.clone(),
        digest: checked.record.digest,
        job_id: job.clone(),
        since: clock::now(),
        state: CandidateState::Loading,
        error: None,
        config: spec.config.as_ref().map(|_| checked.config.clone()),
        grants: None,
        auto_update: None,
        wish,
        request: Some(request),
        is_automatic: false,
    }
}

/// The candidate that a wish consents to by its digest.
fn consented<'a>(spec: &EnableSpec, current: &'a Enablement) -> Option<&'a Candidate> {
    current.candidate.as_ref().filter(|waiting| spec.consent == Some(waiting.digest))
}

/// What is wished for from now on: consent to a version that waits leaves the wish that brought it.
fn wish_after(spec: &EnableSpec, current: &Enablement) -> Option<String> {
    spec.version.clone().or_else(|| consented(spec, current)?.wish.clone())
}

/// The settings of a wish that names none: those that came with what it consents to, or those that there are.
fn kept_config<'a>(spec: &EnableSpec, current: &'a Enablement) -> Option<&'a Value> {
    let waiting = consented(spec, current).and_then(|waiting| waiting.config.as_ref());
    waiting.or_else(|| current.version.is_some().then_some(&current.config))
}

/// The enablement as it runs, for a user who wants just that: no candidate that waits for consent or failed, and one that
/// nobody asked for is not offered again.
fn as_it_is(mut current: Enablement, spec: &EnableSpec) -> Enablement {
    current.wish.clone_from(&spec.version);
    let turned_down = current.candidate.take().filter(|candidate| candidate.is_automatic);
    current.skipped = turned_down.map(|candidate| candidate.version).max(current.skipped);
    current
}

/// Something else is on its way.
fn busy(current: &Enablement) -> AddonsError {
    let job = loading_candidate(current).map(|candidate| &candidate.job_id).or(current.job_id.as_ref());
    let job = job.map_or("", |id| id.as_str());
    let what = if current.state == EnablementState::Disabling { "an `unload` of" } else { "another `load` of" };
    AddonsError::conflict(format!(
        "{what} `{}` is on its way for this user ({job}); wait for it or cancel it",
        current.addon
    ))
}

/// A name for the wish: the same wish again means the same job.
fn fingerprint(checked: &Checked, spec: &EnableSpec) -> Digest {
    let wish = json!({
        "digest": checked.record.digest, "config": checked.config, "grants": checked.grants,
        "consent": spec.consent, "autoUpdate": spec.auto_update, "timezone": spec.timezone,
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
        && (spec.timezone.is_none() || spec.timezone == current.timezone)
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
        timezone: spec.timezone.clone(),
        ..Load::default()
    }
}
