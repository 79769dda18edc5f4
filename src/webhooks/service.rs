//! The service that jobs and routes call: whose secret signs, and one attempt at a time.

use crate::config::secrets::RootKey;
use crate::config::webhooks::WebhookSettings;
use crate::model::event::EventBody;
use crate::model::id::{ClientId, IdError};
use crate::model::units::ByteSize;
use crate::net::Client;
use crate::queue::tickets::deliver::Deliver;
use crate::webhooks::{Attempt, Deliverer, Delivery, TargetError, WebhookSecret, truncate_body};

/// A client's first default secret; rotation counts up from it.
const FIRST_GENERATION: u32 = 1;

/// Webhooks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Webhooks {
    deliverer: Deliverer,
    root: RootKey,
    max_body: ByteSize,
}

impl Webhooks {
    /// The service over the door for webhooks; secrets are made from the root key.
    #[must_use]
    pub fn new(settings: &WebhookSettings, client: Client, root: RootKey) -> Self {
        Self { deliverer: Deliverer::new(client, settings), root, max_body: settings.max_body }
    }

    /// The secret that signs what goes to a client's per-request addresses.
    #[must_use]
    pub fn default_secret(&self, client: &ClientId) -> WebhookSecret {
        WebhookSecret::default_of(&self.root, client, FIRST_GENERATION)
    }

    /// Whether `url` may be a receiver, as far as that can be said at once.
    ///
    /// # Errors
    /// [`TargetError`] in words for the client.
    pub fn check_target(&self, url: &str) -> Result<(), TargetError> {
        self.deliverer.check_target(url).map(|_| ())
    }

    /// The exact text that is signed and sent; a result that is too large is replaced by the job's link.
    #[must_use]
    pub fn body(&self, event: EventBody, job_url: &str) -> String {
        truncate_body(event, job_url, self.max_body)
    }

    /// One attempt of a delivery.
    ///
    /// # Errors
    /// [`IdError`] when the ticket names no client: nobody's secret could sign.
    pub async fn attempt(&self, ticket: &Deliver) -> Result<Attempt, IdError> {
        let client = ClientId::parse(ticket.client_id.as_deref().unwrap_or_default())?;
        let delivery = Delivery {
            url: ticket.url.clone(),
            webhook_id: ticket.webhook_id.clone(),
            body: ticket.body.clone(),
            secrets: vec![self.default_secret(&client)],
            attempt: ticket.attempt,
        };
        Ok(self.deliverer.attempt(&delivery).await)
    }
}
