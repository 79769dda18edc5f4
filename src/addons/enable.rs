//! A client wants an addon for a user: checked at once, done by a job.

use serde_json::json;

use crate::addons::registry::{VersionWish, nothing_fits, unknown_addon};
use crate::addons::views::{EnablementView, in_plain_words};
use crate::addons::{Addons, AddonsError, EnableAnswer, EnableSpec, Fault, settings};
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::lifecycle::{Change, EnablementState};
use crate::queue::tickets::load::Load;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{Enablement, Put};
use crate::work::{IdempotencyKey, JobOptions, Submission};

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
        let current = match self.inner.enablements.get(client, user, addon).await? {
            Some(current) => Some(self.settled(current).await?),
            None => None,
        };
        let request = fingerprint(&checked, spec);
        let mut next = match current {
            Some(current) if is_effective(&current, &checked, spec) => {
                return Ok(EnableAnswer::Unchanged(Box::new(EnablementView::of(&current))));
            }
            Some(current) if current.state == EnablementState::Loading && current.request != Some(request) => {
                return Err(AddonsError::conflict(format!(
                    "another `load` of `{addon}` is on its way for this user ({}); wait for it or cancel it",
                    current.job_id.as_ref().map_or("", |id| id.as_str())
                )));
            }
            Some(current) => current,
            None => Enablement::fresh(client.clone(), user.clone(), addon.clone()),
        };
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
        // A repeated wish goes on under the job that is on its way: where that job was never enqueued
        // because its request died in between, this enqueues it.
        let reserved = match (&next.state, &next.job_id) {
            (EnablementState::Loading, Some(job)) => self.inner.work.reserve_known(job.clone()),
            _ => self.inner.work.reserve::<Load>(client, idempotency).await?,
        };
        if !reserved.is_replay() {
            next.state =
                if next.state == EnablementState::Loading { next.state } else { next.state.next(Change::Load)? };
            next.job_id = Some(reserved.job_id().clone());
            next.request = Some(request);
            next.error = None;
            next.steps = Vec::new();
            match self.inner.write(next.revision, &next).await? {
                Put::Stored(_) => {}
                Put::Conflict(_) => {
                    return Err(AddonsError::conflict("somebody changed this enablement just now; try again"));
                }
            }
        }
        Ok(EnableAnswer::Accepted(self.inner.work.submit_reserved(reserved, &submission).await?))
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

    /// A load that ended where no worker could write it down (cancelled in its queue, or every worker that had it
    /// died) must not keep the enablement `loading` for ever: whoever looks next writes it.
    async fn settled(&self, current: Enablement) -> Result<Enablement, AddonsError> {
        let (EnablementState::Loading, Some(job)) = (current.state, &current.job_id) else { return Ok(current) };
        let Some(record) = self.inner.work.records().get(job).await? else { return Ok(current) };
        let record = self.inner.work.reconcile(record).await?;
        let (true, Some(failure)) = (record.is_finished(), record.failure) else { return Ok(current) };
        let state = current.state.next(Change::LoadFailed)?;
        let next = Enablement { state, error: Some(failure), steps: record.steps, ..current.clone() };
        match self.inner.write(current.revision, &next).await? {
            Put::Stored(revision) => Ok(Enablement { revision, ..next }),
            // Its worker, or another reader, wrote first; that is what the caller meets.
            Put::Conflict(_) => {
                let (client, user, addon) = (&current.client, &current.user, &current.addon);
                Ok(self.inner.enablements.get(client, user, addon).await?.unwrap_or(current))
            }
        }
    }

    async fn view(&self, record: &Enablement) -> Result<EnablementView, AddonsError> {
        let mut view = EnablementView::of(record);
        if record.state == EnablementState::AwaitingConsent
            && let Some(version) = &record.version
        {
            let version = self.inner.versions.get(&record.addon, version).await?;
            view.requested = version.map(|version| in_plain_words(&version.manifest)).unwrap_or_default();
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
        let record = wish
            .choose(&records)
            .ok_or_else(|| AddonsError::NotFound(nothing_fits(addon, spec.version.as_deref(), &wish, &records)))?;
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
