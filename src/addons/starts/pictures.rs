//! Pictures that an addon asks for: paid by the user's credits of the day, made by the image queue like any other.

use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use serde_json::{Value, json};
use tracing::warn;

use crate::addons::error::Fault;
use crate::addons::owner::Owner;
use crate::addons::starts::{StartError, Starts};
use crate::clock;
use crate::model::id::{ArtifactId, JobId};
use crate::model::image::ImageRequest;
use crate::model::job::{JobKind, JobStatus};
use crate::queue::tickets::generate::Generate;
use crate::store::credits::{Charged, Purse};
use crate::store::jobs::JobRecord;
use crate::store::usage::Used;
use crate::work::{Submission, WorkError};

impl Starts {
    /// Asks for pictures, one credit each; when the job has ended, however it does, the action `then` runs as a job of
    /// its own. `credits` are what the user's day has for this addon.
    ///
    /// # Errors
    /// [`StartError`] says what keeps it from being asked for; nothing is paid then.
    pub async fn submit_picture(
        &self,
        request: ImageRequest,
        then: Option<&str>,
        credits: u64,
    ) -> Result<JobId, StartError> {
        // Counted in any case: its place among this call's starts must not depend on how the others fared.
        let id = self.next_id(JobKind::Generate);
        let hops = self.next_hop()?;
        let faults: Vec<Fault> = request
            .faults()
            .into_iter()
            .map(|(field, message)| Fault { pointer: format!("/{field}"), message })
            .collect();
        if !faults.is_empty() {
            return Err(StartError::Faulty { what: "the request for pictures", faults });
        }
        if let Some(action) = then {
            self.may_follow(action, &id)?;
        }
        let day = clock::now();
        // Left by an attempt before, it is paid.
        let price = match self.starting.work.records().get(&id).await? {
            Some(_) => 0,
            None => u64::from(request.count),
        };
        if price > 0 {
            self.charge(&id, price, credits, day).await?;
        }
        match self.leave_picture(&id, request, then, hops).await {
            Ok(()) => {
                let Owner { client, user, addon } = &self.starter.owner;
                self.starter.usage.note((client, user, addon), &Used { credits: price, ..Used::default() });
                Ok(id)
            }
            Err(error) => {
                if let Err(error) = self.starting.credits.refund(self.purse(day), &id).await {
                    warn!(error = %error, "Could not give back the credits for picture `{id}`, which was not left");
                }
                Err(error.into())
            }
        }
    }

    /// Where a picture stands that this enablement asked for.
    ///
    /// # Errors
    /// [`StartError::Missing`] for any other id.
    pub async fn picture_status(&self, id: &str) -> Result<JobStatus, StartError> {
        let record = self.own(JobKind::Generate, id).await?;
        Ok(self.starting.work.reconcile(record).await?.public_status())
    }

    /// Cancels a picture that this enablement asked for; false where it is too late.
    ///
    /// # Errors
    /// [`StartError::Missing`] for any other id.
    pub async fn cancel_picture(&self, id: &str) -> Result<bool, StartError> {
        self.cancel(JobKind::Generate, id).await
    }

    async fn leave_picture(
        &self,
        id: &JobId,
        request: ImageRequest,
        then: Option<&str>,
        hops: u32,
    ) -> Result<(), WorkError> {
        let owner = &self.starter.owner;
        let traceparent = self.starter.traceparent.as_deref();
        let ticket = Generate {
            user_id: Some(owner.user.to_string()),
            client_id: Some(owner.client.to_string()),
            traceparent: traceparent.map(str::to_owned),
            hops: Some(hops),
            ..Generate::of(request)
        };
        let options = self.options(hops, then);
        let submission = Submission { addon: None, traceparent, ..owner.submission(&ticket, &options) };
        let work = &self.starting.work;
        work.submit_reserved(work.reserve_known(id.clone()), &submission).await.map(|_| ())
    }

    /// Whether an action can follow a picture: declared, and with parameters that take what it will be told.
    fn may_follow(&self, action: &str, picture: &JobId) -> Result<(), StartError> {
        self.own_action(action)?;
        let some_asset = ArtifactId::fresh().to_string();
        for (status, assets) in [
            (JobStatus::Completed, vec![some_asset]),
            (JobStatus::Failed, Vec::new()),
            (JobStatus::Cancelled, Vec::new()),
        ] {
            let params = follow_up_params(picture, status, &assets);
            let faults = self.starter.edition.params_faults(action, &params, self.starting.params_limit);
            if !faults.is_empty() {
                return Err(StartError::Faulty {
                    what: "the action's own schema does not take a picture's end",
                    faults,
                });
            }
        }
        Ok(())
    }

    async fn charge(&self, id: &JobId, credits: u64, allowed: u64, now: DateTime<Utc>) -> Result<(), StartError> {
        match self.starting.credits.charge(self.purse(now), id, credits, allowed).await? {
            Charged::Paid => Ok(()),
            Charged::Short { reached } => {
                Err(StartError::NoCredit { reached, allowed, refills_in: until_tomorrow(now) })
            }
        }
    }

    fn purse(&self, now: DateTime<Utc>) -> Purse<'_> {
        let owner = &self.starter.owner;
        Purse { client: &owner.client, user: &owner.user, addon: &owner.addon, day: now.date_naive() }
    }
}

/// How long the day in which `now` lies still lasts, in UTC.
fn until_tomorrow(now: DateTime<Utc>) -> Duration {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1)).and_then(|day| day.and_hms_opt(0, 0, 0));
    tomorrow.and_then(|midnight| (midnight.and_utc() - now).to_std().ok()).unwrap_or(Duration::from_secs(1))
}

/// What the action that follows a picture is told (`wit/images.wit`).
pub(super) fn follow_up_params(picture: &JobId, status: JobStatus, assets: &[String]) -> Value {
    json!({ "imageJobId": picture, "status": status, "assets": assets })
}

/// The pictures of a job that has ended well, by their ids.
pub(super) fn pictures_of(record: &JobRecord) -> Vec<String> {
    let images = record.result.as_ref().and_then(|result| result.get("images")).and_then(Value::as_array);
    let ids = images.into_iter().flatten().filter_map(|image| image.get("id").and_then(Value::as_str));
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        for (now, expected) in [
            ("2026-11-24T00:00:00Z", 86_400_000),
            ("2026-11-24T23:59:59.500Z", 500),
            ("2026-12-31T12:00:00Z", 43_200_000),
        ] {
            let now: Option<DateTime<Utc>> = now.parse().ok();
            assert_eq!(now.map(|now| until_tomorrow(now).as_millis()), Some(expected));
        }
    }
}
