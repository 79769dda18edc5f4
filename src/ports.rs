//! The doors that guests get, implemented over the store: one set a call, with the caller bound into it.

mod assets;
mod events;
mod kv;
mod progress;

use std::sync::Arc;

use crate::addons::{CallScope, Runner};
use crate::config::signals::SignalSettings;
use crate::host::ports::{EventsPort, KvPort, Ports};
use crate::imaging::gallery::Gallery;
use crate::model::capability::CapabilityKind;
use crate::store::Store;
use crate::store::kv::KvStore;
use crate::work::Work;

use assets::CallAssets;
use events::CallEvents;
use kv::AddonKv;
use progress::JobProgress;

/// Makes the doors of every call.
pub struct GuestPorts {
    kv: KvStore,
    gallery: Gallery,
    work: Work,
    signals: SignalSettings,
}

impl GuestPorts {
    /// Doors over the store, the gallery and the desk.
    #[must_use]
    pub fn new(store: &Store, gallery: Gallery, work: Work, signals: SignalSettings) -> Self {
        Self { kv: KvStore::new(store.clone()), gallery, work, signals }
    }
}

impl Runner for GuestPorts {
    fn ports(&self, scope: &CallScope<'_>) -> Ports {
        let is_open = |kind: CapabilityKind| scope.rights.effective().has(kind);
        let kv = is_open(CapabilityKind::Kv).then(|| -> Arc<dyn KvPort> { Arc::new(AddonKv::own(&self.kv, scope)) });
        let kv_shared = is_open(CapabilityKind::KvShared)
            .then(|| -> Arc<dyn KvPort> { Arc::new(AddonKv::shared(&self.kv, scope)) });
        let events = is_open(CapabilityKind::Events).then(|| -> Arc<dyn EventsPort> {
            Arc::new(CallEvents::new(self.work.clone(), self.signals.emits_per_call, scope))
        });
        Ports {
            kv,
            kv_shared,
            events,
            assets: Some(Arc::new(CallAssets::new(self.gallery.clone(), scope))),
            progress: Some(Arc::new(JobProgress::new(
                scope.context.progress.clone(),
                self.kv.clone(),
                &scope.context.job_id,
            ))),
        }
    }
}
