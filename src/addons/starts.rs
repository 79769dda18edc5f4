//! Work that addons start: pictures that they ask for, and own actions that run later.
//!
//! A guest's call may be made twice, after a crash or a passing failure, and then asks for the same again. So the id of
//! what it starts is made from the job, the enablement, the place in it and the number of the start: the second time it
//! is the same job, which is paid once, recorded once and queued once.

mod call;
mod error;
mod follow;
mod later;
mod pictures;

use std::sync::Arc;

use crate::addons::edition::Edition;
use crate::addons::lineage::Lineage;
use crate::addons::owner::Owner;
use crate::config::addons::AddonSettings;
use crate::config::starts::StartSettings;
use crate::model::id::JobId;
use crate::model::job::JobKind;
use crate::model::started::{MAX_HOPS, StartedBy};
use crate::model::units::ByteSize;
use crate::store::Store;
use crate::store::credits::Credits;
use crate::store::jobs::JobRecord;
use crate::store::pending_starts::PendingStarts;
use crate::store::usage::UsageBook;
use crate::work::{CancelAnswer, JobOptions, Work};

pub use error::StartError;
pub use follow::handed_over;

/// What every start needs. Cheap to clone.
#[derive(Clone)]
pub(super) struct Starting {
    work: Work,
    credits: Credits,
    pending: PendingStarts,
    settings: StartSettings,
    params_limit: ByteSize,
}

impl Starting {
    pub(super) fn new(store: &Store, work: &Work, settings: &AddonSettings) -> Self {
        Self {
            work: work.clone(),
            credits: Credits::new(store.clone()),
            pending: PendingStarts::new(store.clone()),
            settings: settings.starts,
            params_limit: settings.params_limit,
        }
    }
}

/// The call that starts something.
#[derive(Clone)]
struct Starter {
    owner: Owner,
    /// By its opaque name.
    enablement: String,
    edition: Arc<Edition>,
    job: JobId,
    lineage: Lineage,
    /// The export that is called.
    place: &'static str,
    traceparent: Option<String>,
    /// What the job's calls used so far.
    usage: UsageBook,
}

/// What one call may start, and what its enablement started. Cheap to clone.
#[derive(Clone)]
pub struct Starts {
    starting: Starting,
    starter: Starter,
}

impl Starts {
    /// The id of the next thing that this call starts.
    fn next_id(&self, kind: JobKind) -> JobId {
        let Starter { job, enablement, place, lineage, .. } = &self.starter;
        let place = format!("{kind}\n{enablement}\n{place}");
        let number = lineage.count(place.clone());
        JobId::derived(kind.id_prefix(), lineage.asked_at(), format!("{job}\n{place}\n{number}").as_bytes())
    }

    fn next_hop(&self) -> Result<u32, StartError> {
        let too_deep = StartError::TooDeep { reached: u64::from(MAX_HOPS) + 1, allowed: u64::from(MAX_HOPS) };
        self.starter.lineage.next_hop().ok_or(too_deep)
    }

    /// The options of what this call starts.
    fn options(&self, hops: u32, then_action: Option<&str>) -> JobOptions {
        let started_by = StartedBy {
            addon_id: self.starter.owner.addon.clone(),
            enablement: self.starter.enablement.clone(),
            job_id: self.starter.job.clone(),
            then_action: then_action.map(str::to_owned),
            follows: None,
        };
        JobOptions { hops, started_by: Some(started_by), ..JobOptions::default() }
    }

    /// The addon's own action of this name.
    fn own_action(&self, name: &str) -> Result<(), StartError> {
        let manifest = &self.starter.edition.manifest;
        if manifest.action(name).is_some() {
            return Ok(());
        }
        let known = manifest.actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>().join(", ");
        Err(StartError::UnknownAction { name: name.to_owned(), known })
    }

    /// The record of something that this enablement started; whatever else the id names is missing for it.
    async fn own(&self, kind: JobKind, id: &str) -> Result<JobRecord, StartError> {
        let missing = || StartError::Missing { id: id.to_owned() };
        let id = JobId::parse(id).map_err(|_| missing())?;
        let record = self.starting.work.records().get(&id).await?.filter(|record| {
            let facts = &record.facts;
            let is_own = facts.started_by.as_ref().is_some_and(|start| start.enablement == self.starter.enablement);
            facts.client == self.starter.owner.client && facts.kind == kind && is_own
        });
        record.ok_or_else(missing)
    }

    async fn cancel(&self, kind: JobKind, id: &str) -> Result<bool, StartError> {
        let record = self.own(kind, id).await?;
        Ok(match self.starting.work.cancel(&self.starter.owner.client, &record.facts.id).await? {
            CancelAnswer::Cancelled | CancelAnswer::Cancelling => true,
            CancelAnswer::Over(_) | CancelAnswer::TooLate => false,
            CancelAnswer::Missing => return Err(StartError::Missing { id: id.to_owned() }),
        })
    }
}
