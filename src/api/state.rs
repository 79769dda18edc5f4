//! What handlers answer from: the process's parts, and what is made of them once.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::addons::Addons;
use crate::config::Config;
use crate::jobs::Services;
use crate::shutdown::Stop;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::clients::Clients;
use crate::store::control::Control;
use crate::store::job_events::JobEvents;
use crate::store::keys::Keys;
use crate::work::Work;

use super::key_cache::KeyCache;
use super::limits::ApiLimits;
use super::problem::{Problem, ProblemCode};

/// Uploads that are received at once, pictures in memory and components on disk; the others wait their turn.
const UPLOADS_AT_ONCE: usize = 4;
/// Longest wait for a turn: shorter than clients and proxies wait for an answer.
const UPLOAD_WAIT: Duration = Duration::from_secs(10);
/// When an upload that got no turn is worth repeating.
const UPLOAD_AGAIN: Duration = Duration::from_secs(5);

/// What handlers answer from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
    /// Fires when the process is to stop: streams and waits end then.
    pub(super) stop: Stop,
}

/// The parts, and what is made of them once.
pub struct Inner {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) control: Control,
    pub(super) services: Arc<Services>,
    pub(super) keys: Keys,
    pub(super) clients: Clients,
    pub(super) audit: Audit,
    pub(super) limits: ApiLimits,
    pub(super) key_cache: KeyCache,
    pub(super) events: JobEvents,
    uploads: Semaphore,
    pub(super) description: Bytes,
    pub(super) public_url: OnceLock<String>,
}

impl ApiState {
    /// The state over the parts that the process has anyway, and the description that is served.
    #[must_use]
    pub fn new(
        config: &Arc<Config>,
        store: &Store,
        control: &Control,
        services: &Arc<Services>,
        description: Bytes,
    ) -> Self {
        let (keys, clients) = (Keys::new(store.clone()), Clients::new(store.clone()));
        let inner = Inner {
            config: Arc::clone(config),
            store: store.clone(),
            control: control.clone(),
            services: Arc::clone(services),
            key_cache: KeyCache::new(keys.clone(), clients.clone(), control.clone()),
            keys,
            clients,
            audit: Audit::new(store.clone()),
            limits: ApiLimits::new(config.limits, services.is_dev, store),
            events: JobEvents::new(store.clone()),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            description,
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

    /// A turn to hold an upload in memory.
    ///
    /// # Errors
    /// 503 with `Retry-After` where none became free in ten seconds.
    pub(super) async fn upload_turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(UPLOAD_WAIT, self.uploads.acquire()).await {
            Ok(turn) => turn.map_err(|error| Problem::internal().because(error.to_string())),
            Err(_) => {
                let detail = "other uploads are being read; nothing of this one was taken";
                Err(Problem::new(ProblemCode::UploadsBusy, detail).retry_after(UPLOAD_AGAIN))
            }
        }
    }

    /// The desk.
    pub(super) fn work(&self) -> &Work {
        &self.services.work
    }

    /// The addon service.
    pub(super) fn addons(&self) -> &Addons {
        &self.services.addons
    }
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}
