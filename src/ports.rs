//! The doors that guests get, implemented over the store: one set a call, with the caller bound into it.

mod assets;
mod kv;
mod progress;
mod secrets;

use std::sync::Arc;

use crate::addons::{CallScope, Runner};
use crate::host::ports::{KvPort, Ports, SecretsPort};
use crate::imaging::gallery::Gallery;
use crate::model::capability::CapabilityKind;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::kv::KvStore;

use assets::CallAssets;
use kv::AddonKv;
use progress::JobProgress;
use secrets::CallSecrets;

/// Makes the doors of every call.
pub struct GuestPorts {
    kv: KvStore,
    audit: Audit,
    gallery: Gallery,
}

impl GuestPorts {
    /// Doors over the store and the gallery.
    #[must_use]
    pub fn new(store: &Store, gallery: Gallery) -> Self {
        Self { kv: KvStore::new(store.clone()), audit: Audit::new(store.clone()), gallery }
    }
}

impl Runner for GuestPorts {
    fn ports(&self, scope: &CallScope<'_>) -> Ports {
        let kv = scope.rights.effective().has(CapabilityKind::Kv).then(|| -> Arc<dyn KvPort> {
            let kv = self.kv.within(scope.enablement);
            Arc::new(AddonKv::new(kv, scope.enablement.kv_scope(), Arc::clone(scope.rights)))
        });
        let secrets = scope.secrets.clone().map(|sealed| Arc::new(CallSecrets::new(self.audit.clone(), scope, sealed)));
        Ports {
            kv,
            assets: Some(Arc::new(CallAssets::new(self.gallery.clone(), scope))),
            progress: Some(Arc::new(JobProgress::new(
                scope.context.progress.clone(),
                self.kv.clone(),
                &scope.context.job_id,
            ))),
            secrets: secrets.map(|secrets| secrets as Arc<dyn SecretsPort>),
        }
    }
}
