//! Who did what that somebody may ask about later: one stream, the oldest entries of which go when it is full.

use chrono::{DateTime, Utc};
use redis::streams::StreamRangeReply;
use serde::{Deserialize, Serialize};

use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::store::{Page, Store, StoreError};

/// Entries that are kept, about: some 40 MB.
const MOST_ENTRIES: usize = 100_000;
/// Entries of one look.
const CHUNK: usize = 256;
/// Entries looked at for one page: a filter that matches almost nothing must not hold up Redis.
const MOST_LOOKED_AT: usize = 4096;
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
    /// An admin changed something.
    #[serde(rename = "admin.write")]
    AdminWrite,
}

impl AuditAction {
    /// Every action there is.
    pub const ALL: [Self; 4] = [Self::SecretSet, Self::SecretRemoved, Self::SecretRevealed, Self::AdminWrite];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretSet => "secret.set",
            Self::SecretRemoved => "secret.removed",
            Self::SecretRevealed => "secret.revealed",
            Self::AdminWrite => "admin.write",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
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
    /// Whose value: `user`, `client` or `publisher`; of secrets only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The tenant that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The tenant's end user that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The addon that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<AddonId>,
    /// The secret's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The job that it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The request by which an admin changed something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<AdminRequest>,
}

/// A request of an admin, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminRequest {
    /// The id that answer and log carry.
    pub id: String,
    /// The public id of the key that was used.
    pub key_id: String,
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The route, such as `/api/v1/admin/keys/{keyId}/revoke`.
    pub route: String,
    /// The path as it was asked for: it names the record.
    pub path: String,
}

/// Which entries are wanted; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// What was done.
    pub action: Option<AuditAction>,
    /// By whom.
    pub by: Option<String>,
    /// About this tenant.
    pub client: Option<ClientId>,
    /// About this end user.
    pub user: Option<UserId>,
    /// About this addon.
    pub addon: Option<AddonId>,
    /// Not before this time.
    pub since: Option<DateTime<Utc>>,
}

impl AuditFilter {
    fn matches(&self, entry: &AuditEntry) -> bool {
        self.action.is_none_or(|wanted| entry.action == wanted)
            && self.by.as_ref().is_none_or(|wanted| entry.by == *wanted)
            && self.client.as_ref().is_none_or(|wanted| entry.client.as_ref() == Some(wanted))
            && self.user.as_ref().is_none_or(|wanted| entry.user.as_ref() == Some(wanted))
            && self.addon.as_ref().is_none_or(|wanted| entry.addon.as_ref() == Some(wanted))
    }
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

    /// Writes an entry down, and a line to the log; answers the entry's place.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked: whoever must not go unseen then stops.
    pub async fn note(&self, entry: &AuditEntry) -> Result<String, StoreError> {
        let json = serde_json::to_string(entry).map_err(StoreError::unwritable("audit entry"))?;
        let mut command = redis::cmd("XADD");
        command.arg(self.store.only_key(STREAM)).arg("MAXLEN").arg("~").arg(MOST_ENTRIES).arg("*").arg("d").arg(json);
        let id: String = self.store.ask(&command).await?;
        let addon = entry.addon.as_ref().map_or("", AddonId::as_str);
        match &entry.request {
            Some(request) => tracing::info!(
                audit.by = %entry.by, request.id = %request.id, key.id = %request.key_id,
                "{}: {} {}", entry.by, request.method, request.path
            ),
            None => tracing::info!(
                audit.action = entry.action.as_str(), audit.by = %entry.by, audit.scope = %entry.scope, addon.id = addon,
                secret.name = %entry.name, "{}: {} `{}` of `{addon}`", entry.by, entry.action.as_str(), entry.name
            ),
        }
        Ok(id)
    }

    /// Takes back an entry that was written beforehand: what it announced did not happen.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn take_back(&self, id: &str) -> Result<(), StoreError> {
        let mut command = redis::cmd("XDEL");
        command.arg(self.store.only_key(STREAM)).arg(id);
        self.store.ask(&command).await
    }

    /// The newest entries, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or an entry cannot be read.
    pub async fn newest(&self, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(self.list(&AuditFilter::default(), None, limit).await?.items)
    }

    /// The entries that match, newest first. A page may be shorter than `limit`, even empty, and still have a next one.
    ///
    /// # Errors
    /// [`StoreError::Cursor`] when the cursor is not one of ours; else when Redis cannot be asked or an entry cannot be read.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let mut top = match cursor {
            None => String::from("+"),
            Some(text) if is_place(text) => format!("({text}"),
            Some(_) => return Err(StoreError::Cursor),
        };
        let bottom =
            filter.since.map_or_else(|| String::from("-"), |since| since.timestamp_millis().max(0).to_string());
        let (mut items, mut looked_at) = (Vec::new(), 0);
        while looked_at < MOST_LOOKED_AT {
            let mut command = redis::cmd("XREVRANGE");
            command.arg(self.store.only_key(STREAM)).arg(&top).arg(&bottom).arg("COUNT").arg(CHUNK);
            let stream: StreamRangeReply = self.store.ask(&command).await?;
            let is_last = stream.ids.len() < CHUNK;
            looked_at += stream.ids.len();
            for stored in stream.ids {
                let text: String = stored.get("d").unwrap_or_default();
                let entry: AuditEntry = serde_json::from_str(&text).map_err(StoreError::corrupt("audit entry"))?;
                top = format!("({}", stored.id);
                if filter.matches(&entry) {
                    items.push(entry);
                }
                if items.len() >= limit {
                    return Ok(Page { items, next_cursor: Some(stored.id) });
                }
            }
            if is_last {
                return Ok(Page::last(items));
            }
        }
        Ok(Page { items, next_cursor: top.strip_prefix('(').map(str::to_owned) })
    }
}

/// Whether a text is the place of an entry.
fn is_place(text: &str) -> bool {
    let is_number = |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(time, number)| is_number(time) && is_number(number))
}
