//! The doors that guests get, implemented over the store: one set a call, with the caller bound into it.

mod assets;
mod events;
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
use crate::config::signals::SignalSettings;
use crate::host::ports::{AssetsPort, EventsPort, HttpPort, ImagesPort, JobsPort, KvPort, Ports, SecretsPort};
use crate::imaging::gallery::Gallery;
use crate::model::capability::CapabilityKind;
use crate::net::GuestClient;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::kv::KvStore;
use crate::work::Work;

use assets::CallAssets;
use events::CallEvents;
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
    work: Work,
    signals: SignalSettings,
}

impl GuestPorts {
    /// Doors over the store, the gallery, the way out, and the desk with the bounds of what is announced there.
    #[must_use]
    pub fn new(store: &Store, gallery: Gallery, guests: GuestClient, (work, signals): (Work, SignalSettings)) -> Self {
        Self { kv: KvStore::new(store.clone()), audit: Audit::new(store.clone()), gallery, guests, work, signals }
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
        let secrets = scope.secrets.clone().map(|sealed| Arc::new(CallSecrets::new(self.audit.clone(), scope, sealed)));
        let http = is_open(CapabilityKind::Http).then(|| -> Arc<dyn HttpPort> {
            let whose = (&scope.owner.client, &scope.owner.addon);
            let http = CallHttp::new(self.guests.clone(), whose, Arc::clone(scope.rights));
            Arc::new(http.with_secrets(secrets.clone()))
        });
        let assets: Arc<dyn AssetsPort> = Arc::new(CallAssets::new(self.gallery.clone(), scope));
        let may_ask = is_open(CapabilityKind::Images);
        let images = may_ask.then(|| -> Arc<dyn ImagesPort> {
            Arc::new(AddonImages::new(scope.starts.clone(), Arc::clone(scope.rights), Arc::clone(&assets)))
        });
        let may_leave = is_open(CapabilityKind::Jobs);
        let jobs = may_leave.then(|| -> Arc<dyn JobsPort> { Arc::new(AddonJobs::new(scope.starts.clone())) });
        Ports {
            kv,
            kv_shared,
            events,
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
