//! What the platform's admins say about its clients. A client of whom nobody said anything is active and has the platform's limits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::id::ClientId;
use crate::model::rate::OwnRates;
use crate::store::control::{CHANNEL, Message};
use crate::store::keys::CLIENTS;
use crate::store::{Page, Store, StoreError, script};

/// Noun of the records: one hash, a field a client.
const RECORDS: &str = "client-records";

/// Whether a client may do anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientState {
    /// It may.
    #[default]
    Active,
    /// Every request with one of its keys is refused; what was asked for before goes on.
    Suspended,
}

impl ClientState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// What is known of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientRecord {
    /// The client.
    pub id: ClientId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it may do anything.
    #[serde(default)]
    pub state: ClientState,
    /// Its own limits, in requests a minute; what is not named is the platform's.
    #[serde(default)]
    pub limits: OwnRates,
    /// When something was first said about it; none where nothing was.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When that was last changed.
    #[serde(default)]
    pub changed_at: Option<DateTime<Utc>>,
}

impl ClientRecord {
    /// A client of whom nobody said anything.
    #[must_use]
    pub const fn plain(id: ClientId) -> Self {
        Self { id, name: None, state: ClientState::Active, limits: OwnRates::new(), created_at: None, changed_at: None }
    }

    /// Whether it may do nothing.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.state == ClientState::Suspended
    }
}

/// The book of clients.
#[derive(Clone, Debug)]
pub struct Clients {
    store: Store,
}

impl Clients {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// What is known of a client; of one that nobody heard of, that it is a plain one.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &ClientId) -> Result<ClientRecord, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.store.only_key(RECORDS)).arg(id.as_str());
        let text: Option<String> = self.store.ask(&command).await?;
        text.map_or_else(|| Ok(ClientRecord::plain(id.clone())), |text| read(&text))
    }

    /// Whether the client ever had a key, or something was said about it.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn is_known(&self, id: &ClientId) -> Result<bool, StoreError> {
        let mut command = redis::cmd("SISMEMBER");
        command.arg(self.store.only_key(CLIENTS)).arg(id.as_str());
        self.store.ask(&command).await
    }

    /// Stores what is to be known of a client, where it still is what the caller read (none: nothing was said yet), and tells
    /// every process. False where somebody else was faster.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn put(&self, was: Option<&ClientRecord>, wanted: &ClientRecord) -> Result<bool, StoreError> {
        let write = |record: &ClientRecord| serde_json::to_string(record).map_err(StoreError::unwritable("client"));
        let message = Message::ClientChanged { client: wanted.id.clone() };
        let mut invocation = script::CLIENT_PUT.prepare_invoke();
        invocation
            .key(self.store.only_key(RECORDS))
            .key(self.store.only_key(CLIENTS))
            .arg(wanted.id.as_str())
            .arg(was.map(write).transpose()?.unwrap_or_default())
            .arg(write(wanted)?)
            .arg(self.store.only_key(CHANNEL))
            .arg(serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))?);
        self.store.run(&invocation).await
    }

    /// Every client's name, in the order of the alphabet, behind `after`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn names(&self, after: Option<&ClientId>) -> Result<Vec<ClientId>, StoreError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.store.only_key(CLIENTS));
        let names: Vec<String> = self.store.ask(&command).await?;
        let mut clients: Vec<ClientId> = names.iter().filter_map(|name| ClientId::parse(name).ok()).collect();
        clients.retain(|client| after.is_none_or(|after| client > after));
        clients.sort();
        Ok(clients)
    }

    /// One page of the clients, in the order of the alphabet; the cursor is the name of the last one.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] for a cursor that is no client's name; else when Redis cannot be asked.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Page<ClientRecord>, StoreError> {
        let after = cursor.map(ClientId::parse).transpose().map_err(|_| StoreError::Cursor)?;
        let mut names = self.names(after.as_ref()).await?;
        let is_last = names.len() <= limit;
        names.truncate(limit);
        if names.is_empty() {
            return Ok(Page::last(Vec::new()));
        }
        let mut command = redis::cmd("HMGET");
        command.arg(self.store.only_key(RECORDS)).arg(names.iter().map(ClientId::as_str).collect::<Vec<_>>());
        let texts: Vec<Option<String>> = self.store.ask(&command).await?;
        let next_cursor = if is_last { None } else { names.last().map(ToString::to_string) };
        let records = names.into_iter().zip(texts).map(|(name, text)| match text {
            Some(text) => read(&text),
            None => Ok(ClientRecord::plain(name)),
        });
        Ok(Page { items: records.collect::<Result<_, _>>()?, next_cursor })
    }
}

fn read(text: &str) -> Result<ClientRecord, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("client"))
}
