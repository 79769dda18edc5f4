//! Who did what that somebody may ask about later: one stream, the oldest entries of which go when it is full.

use chrono::{DateTime, Utc};
use redis::streams::StreamRangeReply;
use serde::{Deserialize, Serialize};

use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::store::{Store, StoreError};

/// Entries that are kept, about: some 40 MB.
const MOST_ENTRIES: usize = 100_000;
/// Noun of the stream.
const STREAM: &str = "audit";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditAction {
    /// A secret was set.
    #[serde(rename = "secret.set")]
    SecretSet,
    /// A secret was removed.
    #[serde(rename = "secret.removed")]
    SecretRemoved,
    /// An addon read a secret in clear.
    #[serde(rename = "secret.revealed")]
    SecretRevealed,
}

/// One entry. It names things and holds no values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub action: AuditAction,
    /// Who: `client:<client>`, `admin:<client of the key>` or `addon:<addon>`.
    pub by: String,
    /// Whose value: `user`, `client` or `publisher`.
    pub scope: String,
    /// The tenant that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The tenant's end user that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The addon that it is about.
    pub addon: AddonId,
    /// The secret's name.
    pub name: String,
    /// The job that it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
}

/// The trail.
#[derive(Clone, Debug)]
pub struct Audit {
    store: Store,
}

impl Audit {
    /// The trail in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes an entry down, and a line to the log.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked: whoever must not go unseen then stops.
    pub async fn note(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let json = serde_json::to_string(entry).map_err(StoreError::unwritable("audit entry"))?;
        let mut command = redis::cmd("XADD");
        command.arg(self.store.only_key(STREAM)).arg("MAXLEN").arg("~").arg(MOST_ENTRIES).arg("*").arg("d").arg(json);
        let _id: String = self.store.ask(&command).await?;
        tracing::info!(
            audit.action = ?entry.action, audit.by = %entry.by, audit.scope = %entry.scope, addon.id = %entry.addon,
            secret.name = %entry.name, "{}: {:?} `{}` of `{}`", entry.by, entry.action, entry.name, entry.addon
        );
        Ok(())
    }

    /// The newest entries, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or an entry cannot be read.
    pub async fn newest(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let mut command = redis::cmd("XREVRANGE");
        command.arg(self.store.only_key(STREAM)).arg("+").arg("-").arg("COUNT").arg(limit);
        let stream: StreamRangeReply = self.store.ask(&command).await?;
        let read = |text: String| serde_json::from_str(&text).map_err(StoreError::corrupt("audit entry"));
        stream.ids.iter().map(|entry| read(entry.get("d").unwrap_or_default())).collect()
    }
}
