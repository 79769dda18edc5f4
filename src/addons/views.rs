//! Addons, versions and enablements as clients see them.

mod usage;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock;
use crate::model::budget::Budget;
use crate::model::code::JobCode;
use crate::model::job::{Failure, Step};
use crate::model::manifest::{HookPoint, Manifest};
use crate::store::addons::VersionRecord;
use crate::store::breakers::Breaker;
use crate::store::enablements::{AutoUpdate, Candidate, Enablement, Previous};

pub use usage::{UsageView, UsedView};

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
    /// Why it is yanked or blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_note: Option<String>,
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
            state_note: record.state_note.clone(),
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

/// An upgrade on its way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    /// The version it would become.
    pub version: String,
    /// That version's component.
    pub digest: String,
    /// The job that brings it.
    pub job_id: String,
    /// `loading`, `awaiting-consent`, `awaiting-secrets` or `failed`.
    pub state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What it asks for, while consent is missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<Value>,
    /// The secrets that it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_secrets: Vec<String>,
}

/// What a rollback returns to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviousView {
    /// The version that ran.
    pub version: String,
    /// Its component.
    pub digest: String,
    /// Until when it is kept.
    pub until: DateTime<Utc>,
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
    /// An upgrade on its way; until it is there nothing else changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidateView>,
    /// What a rollback returns to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousView>,
    /// What it may do.
    pub grants: Value,
    /// The user's settings.
    pub config: Value,
    /// Its place among the user's hooks.
    pub order: i64,
    /// What happens about new versions.
    pub auto_update: AutoUpdate,
    /// The time zone of the user's schedules, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
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
    /// The secrets that it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_secrets: Vec<String>,
    /// Since when it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
    /// What it may use within a day, by its user's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What it used.
    pub usage: UsageView,
    /// Those of its hooks that failed lately.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerView>,
}

/// A hook that failed lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerView {
    /// Where it hooks in.
    pub point: HookPoint,
    /// `closed`: it is asked; `open`: it is not; `half-open`: one call tries it.
    pub state: &'static str,
    /// How often it failed since it last worked.
    pub failures: usize,
    /// How it failed last.
    pub code: JobCode,
    /// Until when it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<DateTime<Utc>>,
}

impl BreakerView {
    /// The view of what is known.
    #[must_use]
    pub fn of(point: HookPoint, breaker: &Breaker) -> Self {
        Self {
            point,
            state: match breaker.open_until {
                None => "closed",
                Some(until) if until > clock::now_ms() => "open",
                Some(_) => "half-open",
            },
            failures: breaker.failures.len(),
            code: breaker.code,
            open_until: breaker.open_until.map(clock::from_ms),
        }
    }
}

impl CandidateView {
    fn of(candidate: &Candidate) -> Self {
        Self {
            version: candidate.version.to_string(),
            digest: candidate.digest.to_string(),
            job_id: candidate.job_id.to_string(),
            state: candidate.state.as_str(),
            error: candidate.error.clone(),
            requested: Vec::new(),
            missing_secrets: Vec::new(),
        }
    }
}

impl PreviousView {
    fn of(previous: &Previous) -> Self {
        Self {
            version: previous.setup.version.to_string(),
            digest: previous.setup.digest.to_string(),
            until: previous.until,
        }
    }
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
            candidate: record.candidate.as_ref().map(CandidateView::of),
            previous: record.previous.as_ref().filter(|previous| previous.until > clock::now()).map(PreviousView::of),
            grants: json!(record.grants),
            config: record.config.clone(),
            order: record.order,
            auto_update: record.auto_update,
            timezone: record.timezone.clone(),
            job_id: record.job_id.as_ref().map(ToString::to_string),
            steps: record.steps.clone(),
            error: record.error.clone(),
            requested: Vec::new(),
            missing_secrets: Vec::new(),
            enabled_at: record.enabled_at,
            budget: record.budget,
            usage: UsageView::default(),
            breakers: Vec::new(),
        }
    }
}
