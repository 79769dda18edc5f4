//! Clients' standing webhook endpoints, and what signs for a client: one hash a client, so that all of them are one question.

mod record;

use chrono::{DateTime, Utc};
use redis::ScriptInvocation;

use crate::clock;
use crate::model::id::{ClientId, EndpointId};
use crate::store::control::{CHANNEL, Message};
use crate::store::{Store, StoreError, script, webhook_keys};

pub use record::{DisableReason, Endpoint, EndpointHealth, EndpointState, Generation, PreviousSecret, SecretSource};

/// The book of endpoints.
#[derive(Clone, Debug)]
pub struct Endpoints {
    store: Store,
}

/// Noun of a client's endpoints: a hash, a field an endpoint.
const OF_CLIENT: &str = "webhook-endpoints";
/// Noun of what signs for clients: one hash, a field a client.
const SIGNING: &str = "webhook-signing";

impl Endpoints {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Stores a fresh endpoint and tells every process; false where the client has `most` already.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn create(&self, client: &ClientId, endpoint: &Endpoint, most: usize) -> Result<bool, StoreError> {
        let mut invocation = script::ENDPOINT_CREATE.prepare_invoke();
        invocation.key(self.client_key(client)).arg(endpoint.id.as_str()).arg(encode(endpoint)?).arg(most);
        self.add_message(&mut invocation, client)?;
        self.store.run(&invocation).await
    }

    /// A client's endpoints, oldest first: one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn list(&self, client: &ClientId) -> Result<Vec<Endpoint>, StoreError> {
        let mut command = redis::cmd("HVALS");
        command.arg(self.client_key(client));
        let texts: Vec<String> = self.store.ask(&command).await?;
        let mut endpoints = texts.iter().map(|text| decode(text)).collect::<Result<Vec<_>, _>>()?;
        endpoints.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok(endpoints)
    }

    /// One endpoint of a client.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, client: &ClientId, id: &EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.text(client, id).await?.as_deref().map(decode).transpose()
    }

    /// Changes an endpoint and tells every process; nothing is written where `change` answers none. Answers the endpoint as
    /// it is now, none where there is none. One that was disabled and is active now starts anew: what failed before is forgotten.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn change(
        &self,
        client: &ClientId,
        id: &EndpointId,
        change: impl Fn(&Endpoint) -> Option<Endpoint>,
    ) -> Result<Option<Endpoint>, StoreError> {
        loop {
            let Some(before) = self.text(client, id).await? else { return Ok(None) };
            let was = decode(&before)?;
            let Some(next) = change(&was) else { return Ok(Some(was)) };
            let next = Endpoint { updated_at: clock::now(), ..next };
            let is_fresh = next.is_active() && !was.is_active();
            let mut invocation = script::ENDPOINT_CHANGE.prepare_invoke();
            invocation.key(self.client_key(client)).key(webhook_keys::health(&self.store, id));
            invocation.arg(id.as_str()).arg(&before).arg(encode(&next)?).arg(u8::from(is_fresh));
            self.add_message(&mut invocation, client)?;
            // Somebody else changed it in between: look again.
            if self.store.run(&invocation).await? {
                return Ok(Some(next));
            }
        }
    }

    /// Removes an endpoint with everything that is known of its deliveries, and tells every process; false where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn remove(&self, client: &ClientId, id: &EndpointId) -> Result<bool, StoreError> {
        let mut invocation = script::ENDPOINT_REMOVE.prepare_invoke();
        invocation.key(self.client_key(client)).key(webhook_keys::health(&self.store, id));
        for key in webhook_keys::lists(&self.store, id) {
            invocation.key(key);
        }
        invocation.arg(id.as_str()).arg(webhook_keys::record_prefix(&self.store));
        self.add_message(&mut invocation, client)?;
        self.store.run(&invocation).await
    }

    /// How endpoints fare, in their order.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn health(&self, ids: &[&EndpointId]) -> Result<Vec<EndpointHealth>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut question = redis::pipe();
        for id in ids {
            question.cmd("HMGET").arg(webhook_keys::health(&self.store, id)).arg(&["since", "failures", "delivered"]);
        }
        let answers: Vec<(Option<u64>, Option<u64>, Option<u64>)> = self.store.ask_all(&question).await?;
        let health = |(since, failures, delivered): (Option<u64>, Option<u64>, Option<u64>)| EndpointHealth {
            failing_since: since.map(clock::from_ms),
            failures: failures.unwrap_or(0),
            delivered_at: delivered.map(clock::from_ms),
        };
        Ok(answers.into_iter().map(health).collect())
    }

    /// Which generation of a client's default secret and key pair signs.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn generation(&self, client: &ClientId) -> Result<Generation, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.only_key(SIGNING)).arg(client.as_str());
        let text: Option<String> = self.store.ask(&command).await?;
        text.map_or(Ok(Generation::FIRST), |text| decode_generation(&text))
    }

    /// Goes on to a client's next generation; the one before signs too until `previous_until`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn next_generation(
        &self,
        client: &ClientId,
        previous_until: DateTime<Utc>,
    ) -> Result<Generation, StoreError> {
        let key = self.store.only_key(SIGNING);
        loop {
            // So that there is a text to compare with.
            let mut first = redis::pipe();
            let fresh = encode_generation(&Generation::FIRST)?;
            first.atomic().cmd("HSETNX").arg(&key).arg(client.as_str()).arg(fresh).ignore();
            first.cmd("HGET").arg(&key).arg(client.as_str());
            let (before,): (String,) = self.store.ask_all(&first).await?;
            let number = decode_generation(&before)?.number.saturating_add(1);
            let next = Generation { number, previous_until: Some(previous_until) };
            let mut invocation = script::FIELD_REPLACE.prepare_invoke();
            invocation.key(&key).arg(client.as_str()).arg(&before).arg(encode_generation(&next)?);
            if self.store.run(&invocation).await? {
                return Ok(next);
            }
        }
    }

    async fn text(&self, client: &ClientId, id: &EndpointId) -> Result<Option<String>, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.client_key(client)).arg(id.as_str());
        self.store.ask(&command).await
    }

    fn add_message(&self, invocation: &mut ScriptInvocation<'_>, client: &ClientId) -> Result<(), StoreError> {
        let message = Message::EndpointsChanged { client: client.clone() };
        let text = serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))?;
        invocation.arg(self.store.only_key(CHANNEL)).arg(text);
        Ok(())
    }

    fn client_key(&self, client: &ClientId) -> String {
        self.store.key(OF_CLIENT, client.as_str())
    }
}

fn encode(endpoint: &Endpoint) -> Result<String, StoreError> {
    serde_json::to_string(endpoint).map_err(StoreError::unwritable("webhook endpoint"))
}

fn decode(text: &str) -> Result<Endpoint, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("webhook endpoint"))
}

fn encode_generation(generation: &Generation) -> Result<String, StoreError> {
    serde_json::to_string(generation).map_err(StoreError::unwritable("signing generation"))
}

fn decode_generation(text: &str) -> Result<Generation, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("signing generation"))
}
