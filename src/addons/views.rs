//! Addons, versions and enablements as clients see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::job::{Failure, Step};
use crate::model::manifest::Manifest;
use crate::store::addons::VersionRecord;
use crate::store::enablements::{AutoUpdate, Enablement};

/// One version of one addon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// The addon.
    pub id: String,
    /// The version.
    pub version: String,
    /// The component's sha-256.
    pub digest: String,
    /// The component's size.
    pub size_bytes: u64,
    /// `pending approved yanked blocked`.
    pub state: String,
    /// `verified`, `unverified` (it came with a signature that was not good, or that nobody looked at), `unsigned`.
    pub signature: &'static str,
    /// The key that signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key: Option<String>,
    /// When its publisher says that it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<DateTime<Utc>>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// What it asks for, in plain words.
    pub capabilities: Vec<Value>,
    /// Everything it says of itself.
    pub manifest: Manifest,
}

impl VersionView {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &VersionRecord) -> Self {
        Self {
            id: record.id.to_string(),
            version: record.version.to_string(),
            digest: record.digest.to_string(),
            size_bytes: record.size,
            state: record.state.as_str().to_owned(),
            signature: match &record.signature {
                None => "unsigned",
                Some(signature) if signature.is_verified => "verified",
                Some(_) => "unverified",
            },
            signing_key: record.signature.as_ref().map(|signature| signature.key.to_string()),
            signed_at: record.signature.as_ref().map(|signature| signature.created),
            published_at: record.published_at,
            capabilities: in_plain_words(&record.manifest),
            manifest: record.manifest.clone(),
        }
    }
}

/// What a manifest asks for, as the person who consents reads it.
#[must_use]
pub fn in_plain_words(manifest: &Manifest) -> Vec<Value> {
    manifest
        .capabilities
        .iter()
        .map(|asked| {
            let mut words = json!(asked);
            if let Some(members) = words.as_object_mut() {
                members.insert(String::from("means"), json!(asked.kind.in_plain_words()));
            }
            words
        })
        .collect()
}

/// An addon with its versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonView {
    /// The addon.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// The version that `latest` means now; none while no version is approved.
    pub latest: Option<VersionView>,
    /// Every version, newest first.
    pub versions: Vec<VersionLine>,
}

/// One line of an addon's list of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionLine {
    /// The version.
    pub version: String,
    /// The component's sha-256.
    pub digest: String,
    /// `pending approved yanked blocked`.
    pub state: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

/// One user's enablement of one addon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnablementView {
    /// The addon.
    pub addon_id: String,
    /// The version that was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The component that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where it stands.
    pub state: &'static str,
    /// What it may do.
    pub grants: Value,
    /// The user's settings.
    pub config: Value,
    /// Its place among the user's hooks.
    pub order: i64,
    /// What happens about new versions.
    pub auto_update: AutoUpdate,
    /// The last job about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// What that job did.
    pub steps: Vec<Step>,
    /// Why that job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What it asks for, while consent is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<Value>,
    /// Since when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
}

impl EnablementView {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &Enablement) -> Self {
        Self {
            addon_id: record.addon.to_string(),
            version: record.version.as_ref().map(ToString::to_string),
            digest: record.digest.map(|digest| digest.to_string()),
            state: record.state.as_str(),
            grants: json!(record.grants),
            config: record.config.clone(),
            order: record.order,
            auto_update: record.auto_update,
            job_id: record.job_id.as_ref().map(ToString::to_string),
            steps: record.steps.clone(),
            error: record.error.clone(),
            requested: Vec::new(),
            enabled_at: record.enabled_at,
        }
    }
}
