//! What the platform keeps for one user of one addon, as one JSON document that is written while it is read.
//!
//! Values come a page at a time, so a large export takes no more memory than a small one; each is as it was when the document
//! got to it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{Stream, try_unfold};
use serde_json::{Value, json};

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::secrets::scopes_of;
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::store::StoreError;
use crate::store::enablements::{Enablement, Setup};
use crate::store::kv::{KvError, KvRecord};

/// Name and version of the document's shape.
const FORMAT: &str = "semantest.addon-data/1";

/// Where the document is.
enum Place {
    /// In the values of a copy: the one that is used (first), or the one that a rollback returns to.
    Values { scope: String, is_first: bool, cursor: Option<String>, comma: &'static str },
    /// Before the values that a rollback returns to.
    Between,
    /// Behind the last bracket.
    End,
}

impl Addons {
    /// A user's data of an addon: settings, grants, versions, consent, names of secrets and values, those for a rollback too. The stream ends with
    /// an error where the values went away before it was through.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when the user never had this addon.
    pub async fn export(
        &self,
        owner: &Owner,
    ) -> Result<impl Stream<Item = Result<Bytes, AddonsError>> + Send + use<>, AddonsError> {
        let record = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let record = self.settled(record.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await?;
        let (service, owner) = (self.clone(), owner.clone());
        Ok(try_unfold(None, move |place: Option<Place>| {
            let (service, owner, record) = (service.clone(), owner.clone(), record.clone());
            async move { service.next_part(&owner, &record, place).await }
        }))
    }

    async fn next_part(
        &self,
        owner: &Owner,
        record: &Enablement,
        place: Option<Place>,
    ) -> Result<Option<(Bytes, Option<Place>)>, AddonsError> {
        let previous = record.previous.as_ref().filter(|previous| previous.until > clock::now());
        let scope = |setup: &Setup| setup.values.scope(&owner.client, &owner.user, &owner.addon);
        let (text, next) = match place {
            None => {
                let values = Place::Values { scope: record.kv_scope(), is_first: true, cursor: None, comma: "" };
                let [own, ..] = scopes_of(owner);
                let secrets = self.inner.secrets.names(&own).await?;
                (format!("{{{},\"values\":[", members(&head(record, &secrets))), values)
            }
            Some(Place::Values { scope, is_first, cursor, mut comma }) => {
                let page = self.inner.kv.page(&scope, cursor.as_deref()).await.map_err(as_store_error)?;
                let mut text = String::new();
                for value in &page.items {
                    text.push_str(comma);
                    text.push_str(&line(value));
                    comma = ",";
                }
                match page.next_cursor {
                    Some(cursor) => (text, Place::Values { scope, is_first, cursor: Some(cursor), comma }),
                    None if is_first => (text, Place::Between),
                    None => (text + "]}\n", Place::End),
                }
            }
            Some(Place::Between) => {
                self.must_be_there(owner, record).await?;
                match previous {
                    Some(previous) => {
                        let scope = scope(&previous.setup);
                        let values = Place::Values { scope, is_first: false, cursor: None, comma: "" };
                        (String::from("],\"previousValues\":["), values)
                    }
                    None => (String::from("]}\n"), Place::End),
                }
            }
            Some(Place::End) => return Ok(None),
        };
        Ok(Some((Bytes::from(text), Some(next))))
    }

    /// Whether the values that were written out are still kept: otherwise the document would be short without a word.
    async fn must_be_there(&self, owner: &Owner, record: &Enablement) -> Result<(), AddonsError> {
        let now = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
        let is_there = now.is_some_and(|now| {
            let is_previous = now.previous.is_some_and(|previous| previous.setup.values == record.values);
            now.subject == record.subject && (now.values == record.values || is_previous)
        });
        if is_there { Ok(()) } else { Err(AddonsError::conflict("the data went away while it was read")) }
    }
}

fn head(record: &Enablement, secrets: &BTreeSet<String>) -> Value {
    let candidate = record.candidate.as_ref().map(|candidate| {
        json!({ "version": candidate.version, "digest": candidate.digest, "state": candidate.state.as_str() })
    });
    let previous = record.previous.as_ref().filter(|previous| previous.until > clock::now()).map(|previous| {
        let Setup { version, digest, grants, config, consent, .. } = &previous.setup;
        json!({
            "version": version, "digest": digest, "grants": grants, "config": config, "consent": consent,
            "until": previous.until,
        })
    });
    json!({
        "format": FORMAT, "addonId": record.addon, "userId": record.user, "exportedAt": clock::now(),
        "state": record.state, "version": record.version, "digest": record.digest, "versionWish": record.wish,
        "consent": record.consent, "grants": record.grants, "config": record.config, "order": record.order,
        "autoUpdate": record.auto_update, "enabledAt": record.enabled_at, "candidate": candidate, "previous": previous,
        "secrets": secrets,
    })
}

/// An object's members, without its braces.
fn members(object: &Value) -> String {
    let text = object.to_string();
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().to_owned()
}

fn line(value: &KvRecord) -> String {
    let due = value.due.and_then(|due| i64::try_from(due).ok()).and_then(DateTime::<Utc>::from_timestamp_millis);
    let mut line = json!({
        "key": value.key, "version": value.entry.version, "value": BASE64_STANDARD.encode(&value.entry.value),
    });
    if let (Some(due), Some(line)) = (due, line.as_object_mut()) {
        line.insert(String::from("expiresAt"), json!(due));
    }
    line.to_string()
}

fn as_store_error(error: KvError) -> AddonsError {
    match error {
        KvError::Store(error) => error.into(),
        _ => StoreError::Cursor.into(),
    }
}
