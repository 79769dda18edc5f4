//! A new key in the place of an old one, which goes on working for a while: so that whoever uses it can change over in peace.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock;
use crate::model::digest::Digest;
use crate::store::control::{CHANNEL, Message};
use crate::store::jobs::millis;
use crate::store::keys::{KeyRecord, Keys, OF_CLIENT, format};
use crate::store::{StoreError, script};

/// What came of [`Keys::rotate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// There is a new key.
    Done(Box<Rotation>),
    /// There is no key of that id.
    Missing,
    /// It does not work any more: a new one is to be made.
    Over,
    /// It was rotated before, to the key of this id.
    Before(String),
}

/// A new key, and what became of the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The new key; shown to its owner now, and never to be had again.
    pub text: String,
    /// What is known of it.
    pub record: KeyRecord,
    /// When the old one stops working.
    pub old_ends_at: DateTime<Utc>,
}

/// What the script answers.
const DONE: u8 = 1;
const OVER: u8 = 2;
const BEFORE: u8 = 3;

impl Keys {
    /// Makes a key with the client, scopes and namespaces of another one, which stops working after `overlap` (or at its own end, where
    /// that is sooner). The new one ends when the old one would have, counted from now.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn rotate(&self, id: &str, overlap: Duration) -> Result<Rotated, StoreError> {
        let Some(old) = self.get(id).await? else { return Ok(Rotated::Missing) };
        if let Some(next) = old.replaced_by {
            return Ok(Rotated::Before(next));
        }
        let now = clock::now();
        if old.fault_at(now).is_some() {
            return Ok(Rotated::Over);
        }
        let end = now + TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        let old_ends_at = clock::from_ms(millis(old.expires_at.map_or(end, |own| own.min(end))));
        let fresh = format::fresh(&old.env);
        let record = KeyRecord {
            id: fresh.id.clone(),
            created_at: now,
            expires_at: old.expires_at.map(|own| now + (own - old.created_at)),
            last_used_at: None,
            ..old
        };
        let message = Message::KeyChanged { id: id.to_owned() };
        let mut invocation = script::KEY_ROTATE.prepare_invoke();
        invocation
            .key(self.record_key(id))
            .key(self.record_key(&record.id))
            .key(self.store.key(OF_CLIENT, record.client.as_str()))
            .arg(serde_json::to_string(&record).map_err(StoreError::unwritable("key"))?)
            .arg(Digest::of(fresh.text.as_bytes()).hex())
            .arg(&record.id)
            .arg(millis(old_ends_at))
            .arg(millis(now))
            .arg(self.store.only_key(CHANNEL))
            .arg(serde_json::to_string(&message).map_err(StoreError::unwritable("control message"))?);
        Ok(match self.store.run::<u8>(&invocation).await? {
            DONE => Rotated::Done(Box::new(Rotation { text: fresh.text, record, old_ends_at })),
            OVER => Rotated::Over,
            BEFORE => Rotated::Before(self.get(id).await?.and_then(|old| old.replaced_by).unwrap_or_default()),
            _ => Rotated::Missing,
        })
    }
}
