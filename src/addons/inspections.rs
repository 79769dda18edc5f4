//! Inspections that were made before: reading a component takes far longer than all else of a load, and most loads are
//! of a component that somebody else loaded already.
//!
//! Kept in memory only, so a release with other rules starts with none; what the rules depend on besides the bytes,
//! the limit, is part of the key. A component that was refused is read again: the next one may have waited for a repair.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::addons::blocking::blocking;
use crate::config::signals::SignalSettings;
use crate::host::inspect::{InspectLimits, Inspection, inspect};
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;

/// Most inspections that are kept; each is some tens of kilobytes, most of it the manifest.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Whoever comes first fills it, everybody else waits.
type Slot = Arc<OnceCell<Arc<Inspection>>>;

/// The most recently used inspections.
pub(super) struct Inspections {
    slots: Mutex<LruCache<(Digest, u64), Slot>>,
    rules: SignalSettings,
    made: AtomicU64,
}

impl Inspections {
    pub(super) fn new(rules: SignalSettings) -> Self {
        Self { slots: Mutex::new(LruCache::new(MOST_KEPT)), rules, made: AtomicU64::new(0) }
    }

    /// What the component says of itself. `digest` must be that of `bytes`, not only what somebody called them.
    pub(super) async fn of(&self, digest: &Digest, bytes: Bytes, limit: ByteSize) -> Result<Arc<Inspection>, JobError> {
        let slot = Arc::clone(self.slots.lock().get_or_insert((*digest, limit.as_u64()), Slot::default));
        slot.get_or_try_init(|| self.make(bytes, limit)).await.cloned()
    }

    /// How many were made, and not found.
    pub(super) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    async fn make(&self, bytes: Bytes, limit: ByteSize) -> Result<Arc<Inspection>, JobError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("semantest_component_inspections_total").increment(1);
        let limits = InspectLimits {
            max_schedules: u64::from(self.rules.schedules_per_addon),
            schedule_interval: self.rules.schedule_interval.duration(),
            ..InspectLimits::for_size(limit)
        };
        blocking(move || {
            inspect(&bytes, &limits).map(Arc::new).map_err(|error| {
                JobError::from(Failure {
                    details: Some(error.details()),
                    ..Failure::permanent(error.code(), error.to_string())
                })
            })
        })
        .await
    }
}
