//! REST: requests in, JSON or a problem out.
//!
//! A handler is four lines: extract, call, translate, answer. [`extract`] reads
//! every part of a request whole, so that one answer lists every fault;
//! [`errors`] is the only place that knows both services' errors and HTTP;
//! [`layers`] stands around every handler. [`ops`] is the other listener.

pub mod answer;
pub mod errors;
pub mod extract;
pub mod key_cache;
pub mod layers;
mod openapi;
pub mod ops;
pub mod problem;
mod problem_code;
pub mod routes;
mod serve;

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::{Router, middleware};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::addons::Addons;
use crate::config::Config;
use crate::jobs::Services;
use crate::shutdown::Stop;
use crate::store::Store;
use crate::store::control::Control;
use crate::store::job_events::JobEvents;
use crate::store::keys::Keys;
use crate::work::Work;

use key_cache::KeyCache;

pub use openapi::openapi_json;
pub use ops::{OpsState, ReadinessCheck};
pub use serve::{serve, serve_bare, serve_ops};

/// Uploads that are held in memory at once; the others wait their turn.
const UPLOADS_AT_ONCE: usize = 4;

/// What handlers answer from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
    /// Fires when the process is to stop: streams and waits end then.
    stop: Stop,
}

/// The parts, and what is made of them once.
pub struct Inner {
    config: Arc<Config>,
    store: Store,
    control: Control,
    services: Arc<Services>,
    keys: Keys,
    key_cache: KeyCache,
    events: JobEvents,
    uploads: Semaphore,
    description: Bytes,
    public_url: OnceLock<String>,
}

impl ApiState {
    /// The state over the parts that the process has anyway.
    #[must_use]
    pub fn new(config: &Arc<Config>, store: &Store, control: &Control, services: &Arc<Services>) -> Self {
        let keys = Keys::new(store.clone());
        let inner = Inner {
            config: Arc::clone(config),
            store: store.clone(),
            control: control.clone(),
            services: Arc::clone(services),
            key_cache: KeyCache::new(keys.clone()),
            keys,
            events: JobEvents::new(store.clone()),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            // A test holds that the description can be written.
            description: openapi_json().unwrap_or_default().into(),
            public_url: OnceLock::new(),
        };
        Self { inner: Arc::new(inner), stop: Stop::never() }
    }

    /// What clients put before `/api/v1`, known once the listener is bound; a second call changes nothing.
    pub fn set_public_url(&self, public_url: &str) {
        self.inner.public_url.get_or_init(|| public_url.to_owned());
    }

    /// The same state, whose streams and waits end when `stop` fires.
    #[must_use]
    pub fn stopping_with(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The desk.
    fn work(&self) -> &Work {
        &self.services.work
    }

    /// The addon service.
    fn addons(&self) -> &Addons {
        &self.services.addons
    }
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// The router of the public listener.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().split_for_parts();
    router.fallback(layers::no_route).layer(middleware::from_fn(layers::around)).with_state(state)
}
