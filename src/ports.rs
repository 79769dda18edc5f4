//! The doors that guests get, implemented over the store: one set a call, with the caller bound into it.

mod assets;
mod images;
mod jobs;
mod kv;
mod progress;
pub mod provider;
mod starts;

use std::sync::Arc;

use crate::addons::{CallScope, Runner};
use crate::host::ports::{AssetsPort, ImagesPort, JobsPort, KvPort, Ports};
use crate::imaging::gallery::Gallery;
use crate::model::capability::CapabilityKind;
use crate::store::Store;
use crate::store::kv::KvStore;

use assets::CallAssets;
use images::AddonImages;
use jobs::AddonJobs;
use kv::AddonKv;
use progress::JobProgress;

/// Makes the doors of every call.
pub struct GuestPorts {
    kv: KvStore,
    gallery: Gallery,
}

impl GuestPorts {
    /// Doors over the store and the gallery.
    #[must_use]
    pub fn new(store: &Store, gallery: Gallery) -> Self {
        Self { kv: KvStore::new(store.clone()), gallery }
    }
}

impl Runner for GuestPorts {
    fn ports(&self, scope: &CallScope<'_>) -> Ports {
        let kv = scope.rights.effective().has(CapabilityKind::Kv).then(|| -> Arc<dyn KvPort> {
            let kv = self.kv.within(scope.enablement);
            Arc::new(AddonKv::new(kv, scope.enablement.kv_scope(), Arc::clone(scope.rights)))
        });
        let assets: Arc<dyn AssetsPort> = Arc::new(CallAssets::new(self.gallery.clone(), scope));
        let may_ask = scope.rights.effective().has(CapabilityKind::Images);
        let images = may_ask.then(|| -> Arc<dyn ImagesPort> {
            Arc::new(AddonImages::new(scope.starts.clone(), Arc::clone(scope.rights), Arc::clone(&assets)))
        });
        let may_leave = scope.rights.effective().has(CapabilityKind::Jobs);
        let jobs = may_leave.then(|| -> Arc<dyn JobsPort> { Arc::new(AddonJobs::new(scope.starts.clone())) });
        Ports {
            kv,
            images,
            jobs,
            assets: Some(assets),
            progress: Some(Arc::new(JobProgress::new(
                scope.context.progress.clone(),
                self.kv.clone(),
                &scope.context.job_id,
            ))),
        }
    }
}
