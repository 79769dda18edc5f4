//! What is to be announced and was not yet: written down in the same step as the change that it tells of.
//!
//! Whoever makes the change leaves the ticket that announces it right afterwards, and strikes the entry out. Where it died
//! in between, upkeep finds the entry. Announced twice is announced once: a ticket is named after what it announces.

use chrono::{DateTime, Utc};
use redis::ScriptInvocation;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::clock;
use crate::model::event::Announcement;
use crate::store::jobs::millis;
use crate::store::{Store, StoreError};

/// Something that is to be announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Owed {
    /// One event.
    Event(Box<Announcement>),
    /// A block, to everybody whose addon it stops.
    Block {
        /// The block.
        id: String,
        /// When it was made, in milliseconds since the epoch: some ids come again.
        at_ms: u64,
    },
}

/// An entry of the book, as it is written there.
#[derive(Clone, Debug, PartialEq)]
pub struct OwedEntry {
    /// What is owed.
    pub owed: Owed,
    text: String,
}

impl OwedEntry {
    /// The entry for something.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`] where it cannot be written as JSON.
    pub fn of(owed: Owed) -> Result<Self, StoreError> {
        let text = serde_json::to_string(&owed).map_err(StoreError::unwritable("announcement"))?;
        Ok(Self { owed, text })
    }
}

/// The book of what is owed.
#[derive(Clone, Debug)]
pub struct Outbox {
    store: Store,
}

/// Noun of what is owed: a sorted set by time.
const OWED: &str = "announcements-owed";

impl Outbox {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// What is owed since before `time`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn owed_before(&self, time: DateTime<Utc>, limit: usize) -> Result<Vec<OwedEntry>, StoreError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.store.only_key(OWED)).arg("-inf").arg(millis(time)).arg("LIMIT").arg(0).arg(limit);
        let texts: Vec<String> = self.store.ask(&command).await?;
        let read = |text: String| match serde_json::from_str(&text) {
            Ok(owed) => Some(OwedEntry { owed, text }),
            Err(error) => {
                warn!(%error, "An announcement that is owed cannot be read; a newer version may have written it");
                None
            }
        };
        Ok(texts.into_iter().filter_map(read).collect())
    }

    /// Strikes an entry out: its ticket was left.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn settle(&self, entry: &OwedEntry) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.store.only_key(OWED)).arg(&entry.text);
        self.store.ask(&command).await
    }
}

/// The last three arguments of a script that makes a change (`announce.lua`).
pub(super) fn add_owed(store: &Store, invocation: &mut ScriptInvocation<'_>, owed: Option<&OwedEntry>) {
    let text = owed.map_or("", |owed| &owed.text);
    invocation.arg(store.only_key(OWED)).arg(clock::now_ms()).arg(text);
}
