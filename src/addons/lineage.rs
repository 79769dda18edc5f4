//! Where a job comes from: what its calls have to know before they start work of their own.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::model::id::AddonId;
use crate::model::job::JobKind;
use crate::model::started::MAX_HOPS;
use crate::store::jobs::NewJob;

/// Where one attempt of a job comes from. Cheap to clone; the clones count together.
#[derive(Clone, Debug)]
pub struct Lineage {
    hops: u32,
    asked_at: DateTime<Utc>,
    asker: Option<AddonId>,
    handed: Arc<[String]>,
    counted: Arc<Mutex<HashMap<String, u32>>>,
}

impl Lineage {
    /// The lineage of an attempt that begins now.
    #[must_use]
    pub fn of(job: &NewJob) -> Self {
        Self {
            hops: job.hops,
            asked_at: job.created_at,
            asker: match job.kind {
                JobKind::Generate => job.started_by.as_ref().map(|start| start.addon_id.clone()),
                _ => None,
            },
            handed: Arc::default(),
            counted: Arc::default(),
        }
    }

    /// The same attempt, whose call may open these assets too, by their ids.
    #[must_use]
    pub fn handing(self, assets: Vec<String>) -> Self {
        Self { handed: assets.into(), ..self }
    }

    /// Whether the call may open an asset because it was handed over by id.
    #[must_use]
    pub fn hands(&self, asset: &str) -> bool {
        self.handed.iter().any(|handed| handed == asset)
    }

    /// The addon that asked for the picture, where the job makes one that an addon asked for.
    #[must_use]
    pub const fn asker(&self) -> Option<&AddonId> {
        self.asker.as_ref()
    }

    /// How many starts lie behind this job.
    #[must_use]
    pub const fn hops(&self) -> u32 {
        self.hops
    }

    /// How many starts lie behind what a call starts, itself included; none where that would be too many.
    #[must_use]
    pub fn next_hop(&self) -> Option<u32> {
        let next = self.hops.saturating_add(1);
        (next <= MAX_HOPS).then_some(next)
    }

    /// When the job was asked for: the same over its attempts.
    #[must_use]
    pub const fn asked_at(&self) -> DateTime<Utc> {
        self.asked_at
    }

    /// The number of the next start at `place`, from 0: each attempt counts anew, so that one that does the same again
    /// comes to the same numbers.
    #[must_use]
    pub fn count(&self, place: String) -> u32 {
        let mut counted = self.counted.lock();
        let next = counted.entry(place).or_insert(0);
        let number = *next;
        *next = number.saturating_add(1);
        number
    }
}
