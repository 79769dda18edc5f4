//! The doors that guests get, implemented over the store: one set a call, with the caller bound into it.

mod assets;
mod http;
mod images;
mod jobs;
mod kv;
mod progress;
pub mod provider;
mod secrets;
mod starts;

use std::sync::Arc;

use crate::addons::{CallScope, Runner};
use crate::host::ports::{AssetsPort, HttpPort, ImagesPort, JobsPort, KvPort, Ports, SecretsPort};
use crate::imaging::gallery::Gallery;
use crate::model::capability::CapabilityKind;
use crate::net::GuestClient;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::kv::KvStore;

use assets::CallAssets;
use images::AddonImages;
use jobs::AddonJobs;
use kv::AddonKv;
use progress::JobProgress;
use secrets::CallSecrets;

pub use http::CallHttp;

/// Makes the doors of every call.
pub struct GuestPorts {
    kv: KvStore,
    audit: Audit,
    gallery: Gallery,
    guests: GuestClient,
}

impl GuestPorts {
    /// Doors over the store, the gallery and the way out.
    #[must_use]
    pub fn new(store: &Store, gallery: Gallery, guests: GuestClient) -> Self {
        Self { kv: KvStore::new(store.clone()), audit: Audit::new(store.clone()), gallery, guests }
    }
}

impl Runner for GuestPorts {
    fn ports(&self, scope: &CallScope<'_>) -> Ports {
        let kv = scope.rights.effective().has(CapabilityKind::Kv).then(|| -> Arc<dyn KvPort> {
            let kv = self.kv.within(scope.enablement);
            Arc::new(AddonKv::new(kv, scope.enablement.kv_scope(), Arc::clone(scope.rights)))
        });
        let secrets = scope.secrets.clone().map(|sealed| Arc::new(CallSecrets::new(self.audit.clone(), scope, sealed)));
        let http = scope.rights.effective().has(CapabilityKind::Http).then(|| -> Arc<dyn HttpPort> {
            let whose = (&scope.owner.client, &scope.owner.addon);
            let http = CallHttp::new(self.guests.clone(), whose, Arc::clone(scope.rights));
            Arc::new(http.with_secrets(secrets.clone()))
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
            http,
            images,
            jobs,
            assets: Some(assets),
            progress: Some(Arc::new(JobProgress::new(
                scope.context.progress.clone(),
                self.kv.clone(),
                &scope.context.job_id,
            ))),
            secrets: secrets.map(|secrets| secrets as Arc<dyn SecretsPort>),
        }
    }
}
