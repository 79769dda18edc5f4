//! What an admin says about publishers: their keys.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::model::signature::{KeyStanding, PublicKey, PublisherKeyId};
use crate::store::publishers::PublisherKey;

/// Most keys of one publisher, old ones included: an answer lists them all.
const MAX_KEYS: usize = 100;

/// A publisher and how many keys it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherView {
    /// Its namespace.
    pub publisher: String,
    /// Keys that sign.
    pub active_keys: usize,
    /// Keys, old ones included.
    pub keys: usize,
    /// What a missing or wrong signature means for it.
    pub signatures: &'static str,
}

/// A publisher's key as an admin sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublisherKeyView {
    /// Its name.
    pub key_id: String,
    /// Whose it is.
    pub publisher: String,
    /// The key.
    pub public_key: String,
    /// `active`, `retired` or `revoked`.
    pub state: &'static str,
    /// When it was registered.
    pub registered_at: DateTime<Utc>,
    /// Since when it is retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<DateTime<Utc>>,
    /// Since when it may be in other hands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_since: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// What was written beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl PublisherKeyView {
    pub(super) fn of(key: &PublisherKey) -> Self {
        let (retired_at, revoked_since, revoked_at) = match key.standing {
            KeyStanding::Active => (None, None, None),
            KeyStanding::Retired { retired_at } => (Some(retired_at), None, None),
            KeyStanding::Revoked { since, revoked_at } => (None, Some(since), Some(revoked_at)),
        };
        Self {
            key_id: key.id.to_string(),
            publisher: key.publisher.clone(),
            public_key: key.public_key.to_string(),
            state: key.standing.as_str(),
            registered_at: key.registered_at,
            retired_at,
            revoked_since,
            revoked_at,
            note: key.note.clone(),
        }
    }
}

impl Addons {
    /// Everybody who ever had a key.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn publishers(&self) -> Result<Vec<PublisherView>, AddonsError> {
        let policy = self.inner.fresh_policy().await?;
        let mut views = Vec::new();
        for publisher in self.inner.publishers.names().await? {
            let keys = self.inner.publishers.list(&publisher).await?;
            views.push(PublisherView {
                active_keys: keys.iter().filter(|key| key.standing == KeyStanding::Active).count(),
                keys: keys.len(),
                signatures: policy.policy.signatures_of(&publisher, &self.inner.settings).as_str(),
                publisher,
            });
        }
        Ok(views)
    }

    /// A publisher's keys, oldest first.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn publisher_keys(&self, publisher: &str) -> Result<Vec<PublisherKeyView>, AddonsError> {
        Ok(self.inner.publishers.list(publisher).await?.iter().map(PublisherKeyView::of).collect())
    }

    /// Registers a key. The same key again changes nothing.
    ///
    /// # Errors
    /// [`AddonsError`]: the publisher has too many keys, or the records cannot be read or written.
    pub async fn register_key(
        &self,
        publisher: &str,
        public_key: PublicKey,
        note: Option<String>,
    ) -> Result<PublisherKeyView, AddonsError> {
        if self.inner.publishers.list(publisher).await?.len() >= MAX_KEYS {
            return Err(AddonsError::conflict(format!("`{publisher}` has {MAX_KEYS} keys, which is the most")));
        }
        let key = PublisherKey {
            id: public_key.id(),
            publisher: publisher.to_owned(),
            public_key,
            standing: KeyStanding::Active,
            registered_at: clock::now(),
            note,
        };
        Ok(PublisherKeyView::of(&self.inner.publishers.register(&key).await?))
    }

    /// Takes a key out of use: what it signed before goes on being believed.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`], or the records cannot be read or written.
    pub async fn retire_key(&self, publisher: &str, id: &PublisherKeyId) -> Result<PublisherKeyView, AddonsError> {
        let now = clock::now();
        let changed = self.inner.publishers.change(publisher, id, |standing| standing.retired(now)).await?;
        changed.as_ref().map(PublisherKeyView::of).ok_or_else(|| no_key(publisher, id))
    }
}

pub(super) fn no_key(publisher: &str, id: &PublisherKeyId) -> AddonsError {
    AddonsError::NotFound(format!("`{publisher}` has no key {id}; GET /admin/publishers/{publisher}/keys lists them"))
}
