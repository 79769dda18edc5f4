//! The record of an enablement, and what of it an upgrade or a disable is about.

use chrono::{DateTime, Utc};
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::budget::Budget;
use crate::model::digest::Digest;
use crate::model::grants::Grants;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job::{Failure, Step};
use crate::model::lifecycle::EnablementState;
use crate::store::kv_copy::ValuesCopy;

/// Whether an enablement follows its addon's newer versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoUpdate {
    /// It stays where it is.
    #[default]
    None,
    /// It follows within the same major version, as long as no more is asked for.
    Compatible,
}

impl AutoUpdate {
    /// The mode as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Compatible => "compatible",
        }
    }

    /// Reads a mode by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Compatible].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Where an upgrade stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateState {
    /// A `load` job brings it.
    Loading,
    /// Somebody must say yes to what it asks for.
    AwaitingConsent,
    /// A secret that it cannot work without is not set.
    AwaitingSecrets,
    /// Its job failed or was cancelled; the version before goes on.
    Failed,
}

impl CandidateState {
    /// The state as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::AwaitingConsent => "awaiting-consent",
            Self::AwaitingSecrets => "awaiting-secrets",
            Self::Failed => "failed",
        }
    }
}

/// An upgrade on its way; the enablement itself does not change before the switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The version it would become.
    pub version: Version,
    /// That version's bytes.
    pub digest: Digest,
    /// The job that brings it.
    pub job_id: JobId,
    /// When it was asked for: before its job, which may not be there yet.
    pub since: DateTime<Utc>,
    /// `loading`, `awaiting-consent`, `awaiting-secrets` or `failed`.
    pub state: CandidateState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The settings that came with its request; none keeps those that there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// While it waits for secrets: what it will be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
    /// Likewise, the update mode that came with its request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_update: Option<AutoUpdate>,
    /// The wish for a version behind it, as it was written; none is `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<String>,
    /// Fingerprint of the request behind it; none where the platform itself follows a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// Whether the platform itself follows a new version: it may then ask for no more than the version before.
    #[serde(default)]
    pub is_automatic: bool,
}

/// What runs for a user, and with what: everything that a change of versions changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup {
    /// The version.
    pub version: Version,
    /// Its bytes.
    pub digest: Digest,
    /// What it may do.
    pub grants: Grants,
    /// The user's settings for it.
    pub config: Value,
    /// The digest that the user consented to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Digest>,
    /// Its values.
    #[serde(default, skip_serializing_if = "ValuesCopy::is_first")]
    pub values: ValuesCopy,
}

/// What a rollback returns to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Previous {
    /// What ran.
    #[serde(flatten)]
    pub setup: Setup,
    /// Until when it is kept; its values are gone soon after.
    pub until: DateTime<Utc>,
}

/// An unload on its way: what its job has to do, and what it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unloading {
    /// The state when it was asked for: an addon that was enabled gets a last word, and a cancelled unload goes back there.
    pub from: EnablementState,
    /// Whether record and data go too.
    pub erase: bool,
}

/// One addon for one user of one client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enablement {
    /// The client.
    pub client: ClientId,
    /// The client's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
    /// The version in use; none before the first load resolved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// That version's bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// An upgrade on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Candidate>,
    /// What ran before the last change of versions, as long as it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// What ran last, where this record names a version already that waits for consent and never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Box<Setup>>,
    /// A newer version that the user turned down or went back from: updates that nobody asks for pass it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Version>,
    /// Which version was wished for, as it was written; none is `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<String>,
    /// Which copy of the addon's values it uses.
    #[serde(default, skip_serializing_if = "ValuesCopy::is_first")]
    pub values: ValuesCopy,
    /// Where it stands.
    pub state: EnablementState,
    /// While it is `disabling`: what its job has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unloading: Option<Unloading>,
    /// What the addon may do.
    pub grants: Grants,
    /// The user's settings, defaults applied.
    pub config: Value,
    /// What it may use within a day, by its user's word; the policy has a word too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Place in the chain of hooks, lowest first.
    pub order: i64,
    /// Whether it follows newer versions.
    pub auto_update: AutoUpdate,
    /// The time zone of the user's schedules, an IANA name; none is UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The job that last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Fingerprint of the request behind `job_id`: the same request again means the same job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
    /// The steps of the last load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Why the last load failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Since when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
    /// The digest that the user consented to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Digest>,
    /// Opaque name of the user for the guest: stable for this addon, meaningless elsewhere. It lives as long as this
    /// record: after an erase there is another one, by which the addon's values know who may still write (`store/kv.rs`).
    pub subject: String,
    /// What webhooks were last told of it; none where it was stored before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<LastTold>,
    /// Counts the changes, from 1; 0 is a record that was never stored.
    #[serde(default)]
    pub revision: u64,
}

/// Where an enablement stood at its last change, so that the next one is told only where it is news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTold {
    /// Its state, and what runs where something does.
    pub state: String,
    /// Its upgrade's state, and what it would become.
    pub candidate: String,
}

impl Enablement {
    /// A record that was never stored: off, nothing granted, a fresh pseudonym for the user.
    #[must_use]
    pub fn fresh(client: ClientId, user: UserId, addon: AddonId) -> Self {
        Self {
            client,
            user,
            addon,
            version: None,
            digest: None,
            candidate: None,
            previous: None,
            ran: None,
            skipped: None,
            wish: None,
            values: ValuesCopy::default(),
            state: EnablementState::Disabled,
            unloading: None,
            grants: Grants::default(),
            config: Value::Object(serde_json::Map::new()),
            budget: None,
            order: 0,
            auto_update: AutoUpdate::None,
            timezone: None,
            job_id: None,
            request: None,
            steps: Vec::new(),
            error: None,
            enabled_at: None,
            consent: None,
            subject: format!("sub_{}", ulid::Ulid::generate()),
            told: None,
            revision: 0,
        }
    }

    /// Where it stands, as it is remembered in `told`.
    #[must_use]
    pub fn standing(&self) -> LastTold {
        let digest = self.digest.filter(|_| self.state == EnablementState::Enabled);
        let candidate = self.candidate.as_ref();
        LastTold {
            state: digest.map_or_else(|| self.state.to_string(), |digest| format!("{} {digest}", self.state)),
            candidate: candidate
                .map(|candidate| format!("{} {} {}", candidate.state.as_str(), candidate.digest, candidate.job_id))
                .unwrap_or_default(),
        }
    }

    /// An opaque name of this enablement for its guest: stable, and meaningless elsewhere.
    #[must_use]
    pub fn id(&self) -> String {
        let name = format!("{} {} {}", self.client, self.addon, self.subject);
        format!("enb_{}", Digest::of(name.as_bytes()).hex().split_at(32).0)
    }

    /// What ran last for the user; none where nothing ever did.
    #[must_use]
    pub fn last_ran(&self) -> Option<Setup> {
        if let Some(ran) = &self.ran {
            return Some(Setup::clone(ran));
        }
        self.enabled_at?;
        Some(Setup {
            version: self.version.clone()?,
            digest: self.digest?,
            grants: self.grants.clone(),
            config: self.config.clone(),
            consent: self.consent,
            values: self.values.clone(),
        })
    }

    /// Where the addon's own values for this user are.
    #[must_use]
    pub fn kv_scope(&self) -> String {
        self.values.scope(&self.client, &self.user, &self.addon)
    }

    /// Everywhere that values of this user are kept, those of the version before too.
    pub(in crate::store) fn kv_scopes(&self) -> Vec<String> {
        let previous = self.previous.as_ref().map(|previous| &previous.setup.values);
        let copies = std::iter::once(&self.values).chain(previous);
        copies.map(|copy| copy.scope(&self.client, &self.user, &self.addon)).collect()
    }
}
