//! Tickets of deliveries: one attempt at whatever the receiver is by now, and what is written down of it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use url::Url;

use crate::clock;
use crate::model::event::EventType;
use crate::model::id::{ClientId, DeliveryId, EndpointId};
use crate::queue::tickets::deliver::Deliver;
use crate::store::Page;
use crate::store::deliveries::{AttemptRecord, DeliveryRecord, DeliveryStatus, Note};
use crate::store::endpoints::DisableReason;
use crate::webhooks::keyring::Signers;
use crate::webhooks::pacing::Turn;
use crate::webhooks::{Attempt, Attempted, Delivery, Webhooks, WebhooksError};

/// A delivery as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint_id: EndpointId,
    /// The event's id, as the receiver sees it.
    pub webhook_id: String,
    /// What happened.
    pub event: EventType,
    /// The job that it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// `pending`, `delivered` or `failed`.
    pub status: &'static str,
    /// What was tried, oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// When the next attempt is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

impl DeliveryView {
    pub(super) fn of(record: DeliveryRecord) -> Self {
        let facts = record.facts;
        Self {
            id: facts.id,
            endpoint_id: facts.endpoint,
            webhook_id: facts.webhook_id,
            event: facts.event,
            job_id: facts.job_id,
            status: record.status.as_str(),
            attempts: record.attempts,
            next_attempt_at: record.next_attempt_at,
            created_at: facts.created_at,
        }
    }
}

/// What came of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// An attempt was made.
    Made(Attempt),
    /// The receiver has all that it can have at once; the ticket should come back.
    Busy(Duration),
    /// Nothing was sent, and nothing will be: the endpoint is gone or disabled.
    Dropped(String),
}

/// Where a ticket goes by now.
enum Target {
    To { url: String, signers: Signers },
    Nowhere(String),
}

impl Webhooks {
    /// An endpoint's deliveries, newest first.
    ///
    /// # Errors
    /// [`WebhooksError`]: there is no such endpoint, a bad cursor, or Redis cannot be asked.
    pub async fn deliveries(
        &self,
        client: &ClientId,
        id: &EndpointId,
        status: Option<DeliveryStatus>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<DeliveryView>, WebhooksError> {
        self.own(client, id).await?;
        let Page { items, next_cursor } = self.deliveries.list(id, status, cursor, limit).await?;
        Ok(Page { items: items.into_iter().map(DeliveryView::of).collect(), next_cursor })
    }

    /// One attempt of a delivery: where its endpoint is now, signed with what signs now. Not cancel-safe in that the receiver
    /// may have it all the same.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked, or the ticket cannot be read.
    pub async fn attempt(&self, ticket: &Deliver) -> Result<Tried, WebhooksError> {
        let place = match self.pacing.ask(&receiver_of(ticket), Instant::now()) {
            Turn::Now(place) => place,
            Turn::Later(wait) => return Ok(Tried::Busy(wait)),
        };
        let (url, signers) = match self.target(ticket).await? {
            Target::To { url, signers } => (url, signers),
            Target::Nowhere(why) => return Ok(Tried::Dropped(why)),
        };
        let delivery = Delivery {
            url,
            webhook_id: ticket.webhook_id.clone(),
            body: ticket.body.clone(),
            signers,
            attempt: ticket.attempt,
        };
        let mut attempt = self.deliverer.attempt(&delivery).await;
        let is_delivered = attempt.outcome == Attempted::Delivered;
        place.report(is_delivered, attempt.receipt.latency, Instant::now());
        if let (EventType::WebhookTest, Attempted::TryAgain { why, .. }) = (ticket.event, &attempt.outcome) {
            attempt.outcome = Attempted::GiveUp { why: why.clone() };
        }
        Ok(Tried::Made(attempt))
    }

    /// Writes down what came of a ticket of a standing endpoint, and stops the endpoint where it is gone for good.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked.
    pub async fn note(&self, ticket: &Deliver, tried: &Tried) -> Result<(), WebhooksError> {
        let Some((client, endpoint)) = endpoint_of(ticket)? else { return Ok(()) };
        let (attempt, why) = match tried {
            Tried::Busy(_) => return Ok(()),
            Tried::Made(attempt) => (Some(attempt), why(&attempt.outcome)),
            Tried::Dropped(_) => (None, None),
        };
        let record = attempt.map(|attempt| AttemptRecord {
            number: ticket.attempt,
            at: clock::now(),
            status: attempt.receipt.status,
            latency_ms: u64::try_from(attempt.receipt.latency.as_millis()).unwrap_or(u64::MAX),
            answer: attempt.receipt.answer.clone(),
            error: why,
        });
        let (status, next_attempt_at) = match attempt.map(|attempt| &attempt.outcome) {
            Some(Attempted::Delivered) => (DeliveryStatus::Delivered, None),
            Some(Attempted::TryAgain { after, .. }) => (DeliveryStatus::Pending, later(*after)),
            Some(Attempted::GiveUp { .. } | Attempted::Refused { .. } | Attempted::Gone) | None => {
                (DeliveryStatus::Failed, None)
            }
        };
        let note = Note {
            delivery: &DeliveryId::of(&endpoint, &ticket.webhook_id),
            endpoint: &endpoint,
            round: ticket.round,
            status,
            next_attempt_at,
            attempt: record.as_ref(),
        };
        let failing_since = self.deliveries.note(&note).await?;
        match attempt.map(|attempt| &attempt.outcome) {
            Some(Attempted::Gone) => {
                let note = "it answered 410: it no longer exists. Give it another URL, or delete it";
                self.disable(&client, &endpoint, DisableReason::Gone, note).await
            }
            Some(_) if failing_since.is_some_and(|since| self.is_over(since)) => {
                let span = self.settings.disable_after;
                let note = format!(
                    "nothing arrived there for {span}. Mend it, PATCH it with `state: \"active\"`, and replay what it missed"
                );
                self.disable(&client, &endpoint, DisableReason::Failing, &note).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn target(&self, ticket: &Deliver) -> Result<Target, WebhooksError> {
        let client = ClientId::parse(ticket.client_id.as_deref().unwrap_or_default())?;
        let generation = self.endpoints.generation(&client).await?;
        let now = clock::now();
        let pairs = self.keyring.pairs(&client, &generation, now);
        let Some((_, id)) = endpoint_of(ticket)? else {
            let secrets = self.keyring.defaults(&client, &generation, now);
            return Ok(Target::To { url: ticket.url.clone(), signers: Signers { secrets, pairs } });
        };
        let Some(endpoint) = self.endpoints.get(&client, &id).await? else {
            return Ok(Target::Nowhere(String::from("the endpoint was deleted")));
        };
        if !endpoint.is_active() {
            return Ok(Target::Nowhere(String::from("the endpoint is disabled")));
        }
        match self.keyring.of_endpoint(&endpoint, now) {
            Ok(secrets) => Ok(Target::To { url: endpoint.url, signers: Signers { secrets, pairs } }),
            Err(error) => Ok(Target::Nowhere(error.to_string())),
        }
    }

    /// Whether nothing has arrived for longer than is borne.
    fn is_over(&self, since: DateTime<Utc>) -> bool {
        let patience = self.settings.disable_after.duration();
        !patience.is_zero() && (clock::now() - since).to_std().is_ok_and(|span| span >= patience)
    }
}

/// The client and the standing endpoint of a ticket; none where it goes to an address that a request named.
fn endpoint_of(ticket: &Deliver) -> Result<Option<(ClientId, EndpointId)>, WebhooksError> {
    let Some(id) = &ticket.endpoint_id else { return Ok(None) };
    let client = ClientId::parse(ticket.client_id.as_deref().unwrap_or_default())?;
    Ok(Some((client, EndpointId::parse(id)?)))
}

fn why(outcome: &Attempted) -> Option<String> {
    match outcome {
        Attempted::Delivered => None,
        Attempted::TryAgain { why, .. } | Attempted::GiveUp { why } | Attempted::Refused { why } => Some(why.clone()),
        Attempted::Gone => Some(String::from("answered 410: it is gone")),
    }
}

fn later(after: Duration) -> Option<DateTime<Utc>> {
    clock::now().checked_add_signed(TimeDelta::from_std(after).ok()?)
}

/// What a receiver is called in the book of paces: an endpoint, or the server behind a client's own addresses.
fn receiver_of(ticket: &Deliver) -> String {
    ticket.endpoint_id.clone().unwrap_or_else(|| {
        let origin = Url::parse(&ticket.url).map(|url| url.origin().ascii_serialization());
        format!("{} {}", ticket.client_id.as_deref().unwrap_or_default(), origin.unwrap_or_default())
    })
}
