//! One event, every receiver: a ticket for the address that the request named, and one for each standing endpoint that wants it.

use crate::clock;
use crate::model::event::{EventBody, EventData, EventType, WebhookTarget};
use crate::model::id::{ClientId, DeliveryId, EndpointId, JobId};
use crate::queue::AddOptions;
use crate::queue::tickets::deliver::Deliver;
use crate::store::deliveries::{DeliveryRecord, DeliveryStatus, NewDelivery, Note};
use crate::store::endpoints::Endpoint;
use crate::webhooks::deliveries::DeliveryView;
use crate::webhooks::{Webhooks, WebhooksError, webhook_id};

/// One event, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Whose receivers hear it.
    pub client: &'a ClientId,
    /// The job that it happened to, where it was one.
    pub job: Option<&'a JobId>,
    /// What happened.
    pub event: EventType,
    /// Its id, the same for all receivers and tries.
    pub webhook_id: &'a str,
    /// The exact text that is signed and sent.
    pub body: &'a str,
    /// The caller's trace.
    pub traceparent: Option<&'a str>,
}

impl Webhooks {
    /// Leaves the deliveries of one event: to `target`, where it is wanted there, and to the client's endpoints that want it.
    /// Answers how many. Twice is once.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked; some of the deliveries may be there then.
    pub async fn fan_out(&self, told: &Told<'_>, target: Option<&WebhookTarget>) -> Result<u32, WebhooksError> {
        let mut left = 0_u32;
        if let Some(target) = target {
            self.leave(&ticket(told, &target.url, None)).await?;
            left = left.saturating_add(1);
        }
        let endpoints = self.endpoints.list(told.client).await?;
        for endpoint in endpoints.iter().filter(|it| it.is_active() && it.events.lets_through(told.event)) {
            self.send_to(endpoint, told).await?;
            left = left.saturating_add(1);
        }
        Ok(left)
    }

    /// Sends an event that tries an endpoint out. It is not tried again: whoever asked is looking.
    ///
    /// # Errors
    /// [`WebhooksError`]: there is no such endpoint, it is disabled, or Redis cannot be asked.
    pub async fn test(&self, client: &ClientId, id: &EndpointId) -> Result<DeliveryView, WebhooksError> {
        let endpoint = self.own_active(client, id).await?;
        let event = EventType::WebhookTest;
        let data = EventData { metadata: Some(serde_json::json!({ "endpointId": id })), ..EventData::of("test", 1) };
        let body = EventBody { event, timestamp: clock::now(), data };
        let told = Told {
            client,
            job: None,
            event,
            webhook_id: &webhook_id(&ulid::Ulid::generate().to_string(), event),
            body: &self.body(body, ""),
            traceparent: None,
        };
        let delivery = self.send_to(&endpoint, &told).await?;
        Ok(DeliveryView::of(self.deliveries.get(&delivery).await?.ok_or(WebhooksError::NoDelivery)?))
    }

    /// Sends a delivery once more, under the same `webhook-id`, with all its tries.
    ///
    /// # Errors
    /// [`WebhooksError`]: the client has no such delivery, it is on its way, its endpoint is disabled, or Redis cannot be asked.
    pub async fn replay(&self, client: &ClientId, id: &DeliveryId) -> Result<DeliveryView, WebhooksError> {
        let record = self.deliveries.get(id).await?.filter(|record| record.facts.client == *client);
        let record = record.ok_or(WebhooksError::NoDelivery)?;
        let endpoint = match self.own_active(client, &record.facts.endpoint).await {
            Err(WebhooksError::NoEndpoint) => return Err(WebhooksError::NoDelivery),
            endpoint => endpoint?,
        };
        if record.status == DeliveryStatus::Pending {
            return Err(WebhooksError::Pending);
        }
        self.send_again(&endpoint, &record).await?;
        Ok(DeliveryView::of(self.deliveries.get(id).await?.ok_or(WebhooksError::NoDelivery)?))
    }

    /// Sends once more what was given up since a time, or everything that was sent since then. Answers how many; those that
    /// are on their way are not among them.
    ///
    /// # Errors
    /// [`WebhooksError`]: there is no such endpoint, it is disabled, or Redis cannot be asked; some may be on their way then.
    pub async fn replay_since(
        &self,
        client: &ClientId,
        id: &EndpointId,
        since: chrono::DateTime<chrono::Utc>,
        only_failed: bool,
    ) -> Result<u32, WebhooksError> {
        let endpoint = self.own_active(client, id).await?;
        let mut sent = 0_u32;
        for delivery in self.deliveries.since(id, since, only_failed).await? {
            let Some(record) = self.deliveries.get(&delivery).await? else { continue };
            let is_wanted = match record.status {
                DeliveryStatus::Failed => true,
                DeliveryStatus::Delivered => !only_failed,
                DeliveryStatus::Pending => false,
            };
            if is_wanted {
                self.send_again(&endpoint, &record).await?;
                sent = sent.saturating_add(1);
            }
        }
        tracing::info!(client.id = %client, endpoint.id = %id, sent, "Replayed {sent} deliveries to webhook endpoint `{id}`");
        Ok(sent)
    }

    /// The record first: an attempt finds it.
    async fn send_to(&self, endpoint: &Endpoint, told: &Told<'_>) -> Result<DeliveryId, WebhooksError> {
        let id = DeliveryId::of(&endpoint.id, told.webhook_id);
        let delivery = NewDelivery {
            id: id.clone(),
            client: told.client.clone(),
            endpoint: endpoint.id.clone(),
            webhook_id: told.webhook_id.to_owned(),
            event: told.event,
            job_id: told.job.map(ToString::to_string),
            body: told.body.to_owned(),
            created_at: clock::now(),
        };
        self.deliveries.open(&delivery).await?;
        self.leave(&ticket(told, &endpoint.url, Some(&endpoint.id))).await?;
        Ok(id)
    }

    /// The ticket first: whoever dies in between has sent it, and the attempt writes the rest.
    async fn send_again(&self, endpoint: &Endpoint, record: &DeliveryRecord) -> Result<(), WebhooksError> {
        let facts = &record.facts;
        let job = facts.job_id.as_deref().and_then(|id| JobId::parse(id).ok());
        let told = Told {
            client: &facts.client,
            job: job.as_ref(),
            event: facts.event,
            webhook_id: &facts.webhook_id,
            body: &facts.body,
            traceparent: None,
        };
        let round = record.round.saturating_add(1);
        self.leave(&Deliver { round, ..ticket(&told, &endpoint.url, Some(&endpoint.id)) }).await?;
        let note = Note {
            delivery: &facts.id,
            endpoint: &endpoint.id,
            round,
            status: DeliveryStatus::Pending,
            next_attempt_at: None,
            attempt: None,
        };
        self.deliveries.note(&note).await?;
        Ok(())
    }

    async fn leave(&self, ticket: &Deliver) -> Result<(), WebhooksError> {
        Ok(self.producer.add(&ticket.queue_id(), ticket, &AddOptions::default()).await?)
    }

    async fn own_active(&self, client: &ClientId, id: &EndpointId) -> Result<Endpoint, WebhooksError> {
        let endpoint = self.own(client, id).await?;
        if endpoint.is_active() { Ok(endpoint) } else { Err(WebhooksError::Disabled) }
    }
}

fn ticket(told: &Told<'_>, url: &str, endpoint: Option<&EndpointId>) -> Deliver {
    Deliver {
        job_id: told.job.map(ToString::to_string),
        client_id: Some(told.client.to_string()),
        event: told.event,
        url: url.to_owned(),
        webhook_id: told.webhook_id.to_owned(),
        endpoint_id: endpoint.map(ToString::to_string),
        attempt: 1,
        round: 0,
        waits: 0,
        body: told.body.to_owned(),
        traceparent: told.traceparent.map(str::to_owned),
    }
}
