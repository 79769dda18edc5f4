//! The action that follows a picture: left when the picture's job has ended, by the same dispatch that tells receivers.

use serde_json::Value;

use crate::addons::starts::pictures::{follow_up_params, pictures_of};
use crate::addons::{Addons, Owner};
use crate::clock;
use crate::model::id::{JobId, UserId};
use crate::model::job::JobKind;
use crate::model::job_error::JobError;
use crate::model::started::StartedBy;
use crate::queue::tickets::invoke::Invoke;
use crate::store::jobs::JobRecord;
use crate::work::{JobOptions, Submission};

impl Addons {
    /// Leaves the action that is to follow the end of a job; none where there is none, or where the user has the addon
    /// no more. May be repeated: one end is followed once.
    ///
    /// # Errors
    /// [`JobError`] when records or the queue cannot be reached.
    pub async fn follow_up(&self, record: &JobRecord) -> Result<Option<JobId>, JobError> {
        let facts = &record.facts;
        let Some(start) = &facts.started_by else { return Ok(None) };
        let Some(action) = &start.then_action else { return Ok(None) };
        let user = facts.user.clone().unwrap_or_else(UserId::fallback);
        let owner = Owner { client: facts.client.clone(), user, addon: start.addon_id.clone() };
        let enablement = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        // Erased, and perhaps enabled anew: that one never asked for anything.
        if enablement.is_none_or(|enablement| enablement.id() != start.enablement) {
            return Ok(None);
        }
        let ended_at = record.finished_at.unwrap_or_else(clock::now);
        let seed = format!("then\n{}\n{}", facts.id, record.sequence);
        let id = JobId::derived(JobKind::Invoke.id_prefix(), ended_at, seed.as_bytes());
        let ticket = Invoke {
            addon_id: owner.addon.to_string(),
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            action: action.clone(),
            params: follow_up_params(&facts.id, record.public_status(), &pictures_of(record)),
            traceparent: facts.traceparent.clone(),
            hops: Some(facts.hops),
            ..Invoke::default()
        };
        // It belongs to the start that asked for the picture, and is none of its own.
        let started_by = StartedBy { then_action: None, follows: Some(facts.id.clone()), ..start.clone() };
        let options = JobOptions { hops: facts.hops, started_by: Some(started_by), ..JobOptions::default() };
        let submission =
            Submission { traceparent: facts.traceparent.as_deref(), ..owner.submission(&ticket, &options) };
        let work = &self.inner.work;
        work.submit_reserved(work.reserve_known(id.clone()), &submission).await?;
        Ok(Some(id))
    }
}

/// The assets that an action which follows a picture may open: those that it is told of.
#[must_use]
pub fn handed_over(params: &Value) -> Vec<String> {
    let assets = params.get("assets").and_then(Value::as_array);
    assets.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
