//! Standing endpoints: made, listed, changed, removed; their secrets read and rotated.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::{info, warn};

use crate::clock;
use crate::model::event::{EventFilter, EventType};
use crate::model::id::{ClientId, EndpointId};
use crate::store::endpoints::{DisableReason, Endpoint, EndpointHealth, EndpointState, PreviousSecret, SecretSource};
use crate::webhooks::service::SecretPair;
use crate::webhooks::{WebhookSecret, Webhooks, WebhooksError};

/// What a client says about an endpoint that it wants.
#[derive(Clone, Debug)]
pub struct EndpointSpec {
    /// Where its events go; looked at already.
    pub url: String,
    /// Which ones.
    pub events: EventFilter,
    /// For people.
    pub description: Option<String>,
    /// What signs; made here where it is left out.
    pub secret: Option<WebhookSecret>,
}

/// What a client changes about an endpoint; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where its events go; looked at already.
    pub url: Option<String>,
    /// Which ones.
    pub events: Option<EventFilter>,
    /// For people; an inner none takes it away.
    pub description: Option<Option<String>>,
    /// Whether it gets events.
    pub is_active: Option<bool>,
}

/// An endpoint as its client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointView {
    /// Its id.
    pub id: EndpointId,
    /// Where its events go.
    pub url: String,
    /// Which ones; all where it names none.
    pub events: Vec<EventType>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `active` or `disabled`.
    pub state: &'static str,
    /// Why it gets nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<DisabledView>,
    /// Since when nothing has arrived there; left out while the last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Attempts that failed since.
    pub failures: u64,
    /// When something last arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// Until when the secret before the last rotation signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Why an endpoint gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DisabledView {
    /// `requested`, `gone` or `failing`.
    pub reason: &'static str,
    /// Since when.
    pub at: DateTime<Utc>,
    /// What to do.
    pub note: String,
}

impl EndpointView {
    fn of(endpoint: Endpoint, health: EndpointHealth) -> Self {
        let now = clock::now();
        let (state, disabled) = match endpoint.state {
            EndpointState::Active => ("active", None),
            EndpointState::Disabled { reason, at, note } => {
                ("disabled", Some(DisabledView { reason: reason.as_str(), at, note }))
            }
        };
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.events.named().to_vec(),
            description: endpoint.description,
            state,
            disabled,
            failing_since: health.failing_since,
            failures: health.failures,
            last_delivered_at: health.delivered_at,
            previous_secret_until: endpoint.previous_secret.map(|previous| previous.until).filter(|until| now < *until),
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl Webhooks {
    /// Makes an endpoint; answers it with its secret.
    ///
    /// # Errors
    /// [`WebhooksError::TooMany`], or Redis cannot be asked.
    pub async fn create_endpoint(
        &self,
        client: &ClientId,
        spec: EndpointSpec,
    ) -> Result<(EndpointView, WebhookSecret), WebhooksError> {
        let (id, now) = (EndpointId::fresh(), clock::now());
        let endpoint = Endpoint {
            secret: self.keyring.keep(&id, spec.secret.as_ref(), 1)?,
            id,
            url: spec.url,
            events: spec.events,
            description: spec.description,
            previous_secret: None,
            generation: 1,
            state: EndpointState::Active,
            created_at: now,
            updated_at: now,
        };
        let most = self.settings.max_endpoints;
        if !self.endpoints.create(client, &endpoint, most).await? {
            return Err(WebhooksError::TooMany { most });
        }
        info!(client.id = %client, endpoint.id = %endpoint.id, "Made webhook endpoint `{}`", endpoint.id);
        let secret = self.pair_of(&endpoint)?.secret;
        Ok((EndpointView::of(endpoint, EndpointHealth::default()), secret))
    }

    /// A client's endpoints, oldest first.
    ///
    /// # Errors
    /// [`WebhooksError`] when Redis cannot be asked.
    pub async fn endpoints(&self, client: &ClientId) -> Result<Vec<EndpointView>, WebhooksError> {
        let endpoints = self.endpoints.list(client).await?;
        let ids: Vec<&EndpointId> = endpoints.iter().map(|endpoint| &endpoint.id).collect();
        let health = self.endpoints.health(&ids).await?;
        Ok(endpoints.into_iter().zip(health).map(|(endpoint, health)| EndpointView::of(endpoint, health)).collect())
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`WebhooksError::NoEndpoint`], or Redis cannot be asked.
    pub async fn endpoint(&self, client: &ClientId, id: &EndpointId) -> Result<EndpointView, WebhooksError> {
        let endpoint = self.own(client, id).await?;
        self.shown(endpoint).await
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// [`WebhooksError::NoEndpoint`], or Redis cannot be asked.
    pub async fn change_endpoint(
        &self,
        client: &ClientId,
        id: &EndpointId,
        change: &EndpointChange,
    ) -> Result<EndpointView, WebhooksError> {
        let changed = self.endpoints.change(client, id, |was| Some(changed(was, change))).await?;
        self.shown(changed.ok_or(WebhooksError::NoEndpoint)?).await
    }

    /// Removes an endpoint with everything that is known of its deliveries.
    ///
    /// # Errors
    /// [`WebhooksError::NoEndpoint`], or Redis cannot be asked.
    pub async fn remove_endpoint(&self, client: &ClientId, id: &EndpointId) -> Result<(), WebhooksError> {
        if !self.endpoints.remove(client, id).await? {
            return Err(WebhooksError::NoEndpoint);
        }
        info!(client.id = %client, endpoint.id = %id, "Removed webhook endpoint `{id}`");
        Ok(())
    }

    /// What signs for an endpoint.
    ///
    /// # Errors
    /// [`WebhooksError::NoEndpoint`], the secret does not open, or Redis cannot be asked.
    pub async fn secret(&self, client: &ClientId, id: &EndpointId) -> Result<SecretPair, WebhooksError> {
        let endpoint = self.own(client, id).await?;
        self.pair_of(&endpoint)
    }

    /// Puts another secret in the place of an endpoint's; the one before signs too for a while.
    ///
    /// # Errors
    /// [`WebhooksError::NoEndpoint`], or Redis cannot be asked.
    pub async fn rotate(
        &self,
        client: &ClientId,
        id: &EndpointId,
        given: Option<&WebhookSecret>,
    ) -> Result<SecretPair, WebhooksError> {
        let until = self.overlap_end();
        // A nonce is drawn once: tries after a conflict store the same row.
        let sealed = given.map(|given| self.keyring.keep(id, Some(given), 0)).transpose()?;
        let rotated = |was: &Endpoint| {
            let generation = was.generation.saturating_add(1);
            let secret = sealed.clone().unwrap_or(SecretSource::Derived(generation));
            let previous_secret = Some(PreviousSecret { source: was.secret.clone(), until });
            Some(Endpoint { secret, previous_secret, generation, ..was.clone() })
        };
        let endpoint = self.endpoints.change(client, id, rotated).await?.ok_or(WebhooksError::NoEndpoint)?;
        info!(client.id = %client, endpoint.id = %id, "Rotated the secret of webhook endpoint `{id}`");
        match self.pair_of(&endpoint) {
            // One that does not open is what somebody rotates it for.
            Err(WebhooksError::Seal(_)) => {
                let alone = Endpoint { previous_secret: None, ..endpoint };
                self.endpoints
                    .change(client, id, |was| Some(Endpoint { previous_secret: None, ..was.clone() }))
                    .await?;
                self.pair_of(&alone)
            }
            pair => pair,
        }
    }

    /// Stops an endpoint by itself, with what to do about it; nothing happens to one that is stopped already.
    pub(super) async fn disable(
        &self,
        client: &ClientId,
        id: &EndpointId,
        reason: DisableReason,
        note: &str,
    ) -> Result<(), WebhooksError> {
        let stopped = |was: &Endpoint| was.is_active().then(|| stopped(was, reason, note.to_owned()));
        let now = self.endpoints.change(client, id, stopped).await?;
        if now.is_some_and(|endpoint| !endpoint.is_active()) {
            warn!(
                client.id = %client, endpoint.id = %id, reason = reason.as_str(),
                "Webhook endpoint `{id}` is disabled: {note}"
            );
        }
        Ok(())
    }

    /// The endpoint, where it is the client's.
    pub(super) async fn own(&self, client: &ClientId, id: &EndpointId) -> Result<Endpoint, WebhooksError> {
        self.endpoints.get(client, id).await?.ok_or(WebhooksError::NoEndpoint)
    }

    fn pair_of(&self, endpoint: &Endpoint) -> Result<SecretPair, WebhooksError> {
        let mut secrets = self.keyring.of_endpoint(endpoint, clock::now())?.into_iter();
        let secret = secrets.next().ok_or(WebhooksError::NoEndpoint)?;
        let until = endpoint.previous_secret.as_ref().map(|previous| previous.until);
        Ok(SecretPair { secret, previous: secrets.next().zip(until) })
    }

    async fn shown(&self, endpoint: Endpoint) -> Result<EndpointView, WebhooksError> {
        let health = self.endpoints.health(&[&endpoint.id]).await?.pop().unwrap_or_default();
        Ok(EndpointView::of(endpoint, health))
    }
}

fn changed(was: &Endpoint, change: &EndpointChange) -> Endpoint {
    let next = Endpoint {
        url: change.url.clone().unwrap_or_else(|| was.url.clone()),
        events: change.events.clone().unwrap_or_else(|| was.events.clone()),
        description: change.description.clone().unwrap_or_else(|| was.description.clone()),
        ..was.clone()
    };
    match change.is_active {
        Some(true) => Endpoint { state: EndpointState::Active, ..next },
        Some(false) if was.is_active() => {
            stopped(&next, DisableReason::Requested, String::from("its client switched it off"))
        }
        Some(false) | None => next,
    }
}

fn stopped(was: &Endpoint, reason: DisableReason, note: String) -> Endpoint {
    Endpoint { state: EndpointState::Disabled { reason, at: clock::now(), note }, ..was.clone() }
}
