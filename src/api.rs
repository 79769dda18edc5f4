//! REST: requests in, JSON or a problem out.
//!
//! A handler is four lines: extract, call, translate, answer. [`extract`] reads
//! every part of a request whole, so that one answer lists every fault;
//! [`errors`] is the only place that knows both services' errors and HTTP;
//! [`layers`] stands around every handler. [`ops`] is the other listener.

mod answer;
pub mod errors;
pub mod extract;
pub mod key_cache;
pub mod layers;
mod openapi;
pub mod ops;
pub mod problem;
mod problem_code;
pub mod routes;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::addons::Addons;
use crate::model::id::{ArtifactId, ClientId};
use crate::model::units::ByteSize;
use crate::shutdown::Stop;
use crate::store::Store;
use crate::store::artifacts::Artifacts;
use crate::store::blobs::Blobs;
use crate::store::control::Control;
use crate::store::job_events::JobEvents;
use crate::store::keys::Keys;
use crate::work::Work;

use extract::job_options::UrlCheck;
use key_cache::KeyCache;
use ops::Readiness;

pub use openapi::openapi_json;

/// Uploads that are held in memory at once; the others wait their turn.
const UPLOADS_AT_ONCE: usize = 4;

/// Whether a query string is our own signature over an artifact's link, still in time.
pub type LinkCheck = dyn Fn(&ArtifactId, &str) -> bool + Send + Sync;
/// The secret that signs webhooks of a client's per-request URLs, as `whsec_…`.
pub type WebhookSecret = dyn Fn(&ClientId) -> String + Send + Sync;

/// What the REST face is made of.
pub struct ApiParts {
    /// The records.
    pub store: Store,
    /// The bytes.
    pub blobs: Blobs,
    /// What processes tell each other.
    pub control: Control,
    /// The desk.
    pub work: Work,
    /// Addons.
    pub addons: Addons,
    /// Keys that were verified a moment ago; the app also runs [`KeyCache::run`].
    pub key_cache: KeyCache,
    /// Whether a webhook's address may be called at all.
    pub may_call: Arc<UrlCheck>,
    /// Whether an artifact's link is signed by us.
    pub is_signed: Arc<LinkCheck>,
    /// What signs a client's per-request webhooks.
    pub webhook_secret: Arc<WebhookSecret>,
    /// Whether this process can work.
    pub readiness: Arc<dyn Readiness>,
    /// Fires when the process is to stop: streams and waits end then.
    pub stop: Stop,
    /// Most bytes of a JSON body.
    pub json_limit: ByteSize,
    /// Most bytes of an uploaded component or picture.
    pub upload_limit: ByteSize,
    /// How long an uploaded picture is kept.
    pub upload_ttl: Duration,
    /// The `<env>` of keys that are made here.
    pub key_environment: String,
}

/// What handlers answer from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// The parts, and what is made of them once.
pub struct Inner {
    parts: ApiParts,
    keys: Keys,
    artifacts: Artifacts,
    events: JobEvents,
    uploads: Semaphore,
    description: Bytes,
}

impl ApiState {
    /// The state over its parts.
    ///
    /// # Errors
    /// When the description of the API cannot be written as JSON, which a test rules out.
    pub fn new(parts: ApiParts) -> Result<Self, serde_json::Error> {
        Ok(Self(Arc::new(Inner {
            keys: Keys::new(parts.store.clone()),
            artifacts: Artifacts::new(parts.store.clone()),
            events: JobEvents::new(parts.store.clone()),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
            description: openapi_json()?.into(),
            parts,
        })))
    }
}

impl Deref for ApiState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.parts
    }
}

/// The router of the public listener.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().split_for_parts();
    router.fallback(layers::no_route).layer(middleware::from_fn(layers::around)).with_state(state)
}
