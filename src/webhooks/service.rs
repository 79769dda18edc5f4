//! The service that jobs and routes call: who listens, whose secret signs, and one attempt at a time.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock;
use crate::config::secrets::RootKey;
use crate::config::webhooks::WebhookSettings;
use crate::model::event::EventBody;
use crate::model::id::ClientId;
use crate::net::Client;
use crate::queue::Producer;
use crate::store::Store;
use crate::store::deliveries::{Deliveries, Keep};
use crate::store::endpoints::{Endpoints, Generation};
use crate::webhooks::keyring::Keyring;
use crate::webhooks::pacing::Pacing;
use crate::webhooks::{Deliverer, KeyPair, TargetError, WebhookSecret, WebhooksError, truncate_body};

/// Webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub(super) deliverer: Deliverer,
    pub(super) endpoints: Endpoints,
    pub(super) deliveries: Deliveries,
    pub(super) producer: Producer,
    pub(super) keyring: Keyring,
    pub(super) pacing: Pacing,
    pub(super) settings: WebhookSettings,
}

/// What the service is made of.
pub struct Parts {
    /// How deliveries are made.
    pub settings: WebhookSettings,
    /// Jobs that one worker of the queue runs at a time.
    pub concurrency: usize,
    /// The records.
    pub store: Store,
    /// The queues.
    pub producer: Producer,
    /// The door for webhooks.
    pub client: Client,
    /// What secrets are made from.
    pub root: RootKey,
}

/// A secret, and the one before it as long as that signs too.
#[derive(Clone, Debug)]
pub struct SecretPair {
    /// The one that counts.
    pub secret: WebhookSecret,
    /// The one before, and until when it signs too.
    pub previous: Option<(WebhookSecret, DateTime<Utc>)>,
}

impl Webhooks {
    /// The service over its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let keep = Keep { count: parts.settings.kept_deliveries, age: parts.settings.keep_deliveries.duration() };
        Self {
            deliverer: Deliverer::new(parts.client, &parts.settings),
            endpoints: Endpoints::new(parts.store.clone()),
            deliveries: Deliveries::new(parts.store, keep),
            producer: parts.producer,
            keyring: Keyring::new(parts.root),
            pacing: Pacing::new(parts.settings.receiver_concurrency, parts.concurrency),
            settings: parts.settings,
        }
    }

    /// The secret that signs what goes to a client's per-request addresses.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked.
    pub async fn default_secret(&self, client: &ClientId) -> Result<SecretPair, WebhooksError> {
        let generation = self.endpoints.generation(client).await?;
        self.default_pair(client, &generation)
    }

    /// Makes another default secret and another key pair; those before sign too for a while.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked.
    pub async fn rotate_default(&self, client: &ClientId) -> Result<SecretPair, WebhooksError> {
        let generation = self.endpoints.next_generation(client, self.overlap_end()).await?;
        tracing::info!(client.id = %client, generation = generation.number, "Rotated the default webhook secret of `{client}`");
        self.default_pair(client, &generation)
    }

    /// The key pairs that sign for a client now, the newest first.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked.
    pub async fn key_pairs(&self, client: &ClientId) -> Result<Vec<KeyPair>, WebhooksError> {
        let generation = self.endpoints.generation(client).await?;
        Ok(self.keyring.pairs(client, &generation, clock::now()))
    }

    /// Whether `url` may be a receiver, as far as that can be said at once.
    ///
    /// # Errors
    /// [`TargetError`] in words for the client.
    pub fn check_target(&self, url: &str) -> Result<(), TargetError> {
        self.deliverer.check_target(url).map(|_| ())
    }

    /// The exact text that is signed and sent; a result that is too large is replaced by the link where the whole of it is.
    #[must_use]
    pub fn body(&self, event: EventBody, whole_url: &str) -> String {
        truncate_body(event, whole_url, self.settings.max_body)
    }

    /// When what is rotated now signs no more.
    pub(super) fn overlap_end(&self) -> DateTime<Utc> {
        let overlap = TimeDelta::from_std(self.settings.rotation_overlap.duration()).unwrap_or(TimeDelta::MAX);
        clock::now().checked_add_signed(overlap).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn default_pair(&self, client: &ClientId, generation: &Generation) -> Result<SecretPair, WebhooksError> {
        let mut secrets = self.keyring.defaults(client, generation, clock::now()).into_iter();
        // The first of the numbers is always there.
        let secret = secrets.next().ok_or(WebhooksError::NoEndpoint)?;
        Ok(SecretPair { secret, previous: secrets.next().zip(generation.previous_until) })
    }
}
