//! Documents that several routes answer with, described for `/openapi.json`.
//!
//! The answers themselves are the services' own views; these descriptions
//! stand beside them because the services know nothing of HTTP. A test holds
//! the two together.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::budget::{BudgetDocument, UsageDocument};

/// What every request that makes a job may say about the job itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobOptions)]
pub struct JobOptionsDocument {
    /// Receives this job's events, signed.
    pub webhook_url: Option<String>,
    /// Which events it wants; the terminal ones when left out.
    #[schema(example = json!(["job.completed", "job.failed"]))]
    pub webhook_events: Option<Vec<String>>,
    /// Echoed on the job and its events; at most 4 KiB.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// `low`, `normal` (default) or `high`.
    pub priority: Option<String>,
    /// Longest time one attempt may take.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub timeout_ms: Option<u64>,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub struct JobDocument {
    /// Its id.
    #[schema(example = "img_01KB2X6J5WZ5V0T8Q3M7N9PARS")]
    pub job_id: String,
    /// What it does: `generate`, `message`, `invoke`, `load`, `unload`, `publish`.
    pub kind: String,
    /// `pending`, `queued`, `processing`, `completed`, `failed` or `cancelled`; a finished one never changes.
    pub status: String,
    /// For whom.
    pub user_id: Option<String>,
    /// Which addon it is about.
    pub addon_id: Option<String>,
    /// 0-100.
    pub progress: u8,
    /// What it did so far.
    pub steps: Vec<StepDocument>,
    /// How often it was tried.
    pub attempts: AttemptsDocument,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What came out.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<FailureDocument>,
    /// What the client sent along.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// The addon that started it, where one did.
    pub started_by: Option<StarterDocument>,
}

/// The addon that started a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Starter)]
pub struct StarterDocument {
    /// The addon.
    pub addon_id: String,
    /// The job in which it ran.
    pub job_id: String,
    /// How many starts by addons lie behind the job, this one included; at most 4.
    pub hops: u32,
    /// The addon's action that runs when the job has ended.
    pub then_action: Option<String>,
    /// The job whose end this one answers.
    pub follows: Option<String>,
}

/// One visible step of a job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Step)]
pub struct StepDocument {
    /// Its name.
    pub name: String,
    /// `running`, `completed`, `failed` or `skipped`.
    pub status: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// Evidence.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
    /// Why it failed.
    pub code: Option<String>,
}

/// How often a job was tried and may be tried.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempts)]
pub struct AttemptsDocument {
    /// Attempts that began.
    pub made: u32,
    /// Attempts that may begin.
    pub max: u32,
}

/// How a job failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobError)]
pub struct FailureDocument {
    /// The stable code.
    #[schema(schema_with = super::super::code_schemas::job_codes)]
    pub code: String,
    /// What happened and what to do.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// When it may.
    pub retry_at: Option<DateTime<Utc>>,
    /// The addon's own code.
    pub addon_code: Option<String>,
    /// Numbers and names behind the message.
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// The jobs, newest first.
    pub data: Vec<JobDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// One version of one addon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AddonVersion)]
pub struct VersionDocument {
    /// The addon.
    #[schema(example = "acme.weather-art")]
    pub id: String,
    /// The version.
    #[schema(example = "1.4.0")]
    pub version: String,
    /// The component's sha-256.
    pub digest: String,
    /// The component's size.
    pub size_bytes: u64,
    /// `pending`, `approved`, `yanked` or `blocked`.
    pub state: String,
    /// Why it is yanked or blocked.
    pub state_note: Option<String>,
    /// `verified`, `unverified` or `unsigned`.
    pub signature: String,
    /// The key that signed it.
    pub signing_key: Option<String>,
    /// When its publisher says that it was signed.
    pub signed_at: Option<DateTime<Utc>>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// What it asks for, in plain words.
    #[schema(value_type = Vec<Object>)]
    pub capabilities: Vec<Value>,
    /// Everything it says of itself.
    #[schema(value_type = Object)]
    pub manifest: Value,
}

/// An addon with its versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Addon)]
pub struct AddonDocument {
    /// The addon.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What `latest` means now; `null` while no version is approved.
    pub latest: Option<VersionDocument>,
    /// Every version, newest first.
    pub versions: Vec<VersionLineDocument>,
}

/// One line of an addon's list of versions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AddonVersionLine)]
pub struct VersionLineDocument {
    /// The version.
    pub version: String,
    /// The component's sha-256.
    pub digest: String,
    /// `pending`, `approved`, `yanked` or `blocked`.
    pub state: String,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

/// A page of addons.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddonPage {
    /// The addons.
    pub data: Vec<AddonDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// One user's enablement of one addon.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Enablement)]
pub struct EnablementDocument {
    /// The addon.
    pub addon_id: String,
    /// The version that was resolved.
    pub version: Option<String>,
    /// The component that runs.
    pub digest: Option<String>,
    /// `loading`, `enabled`, `awaiting-consent`, `awaiting-secrets`, `failed`, `disabling`, `disabled`, `quarantined`, `blocked`.
    pub state: String,
    /// An upgrade on its way.
    pub candidate: Option<CandidateDocument>,
    /// What a rollback returns to.
    pub previous: Option<PreviousDocument>,
    /// What it may do.
    #[schema(value_type = Vec<Object>)]
    pub grants: Value,
    /// The user's settings.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Its place among the user's hooks.
    pub order: i64,
    /// `none` or `compatible`.
    pub auto_update: String,
    /// The time zone of the user's schedules, where one was named; UTC otherwise.
    pub timezone: Option<String>,
    /// The last job about it.
    pub job_id: Option<String>,
    /// What that job did.
    pub steps: Vec<StepDocument>,
    /// Why that job failed.
    pub error: Option<FailureDocument>,
    /// What it asks for, while consent is missing.
    #[schema(value_type = Option<Vec<Object>>)]
    pub requested: Option<Value>,
    /// The secrets that it waits for.
    pub missing_secrets: Option<Vec<String>>,
    /// Since when it runs.
    pub enabled_at: Option<DateTime<Utc>>,
    /// What it may use within a day, by its user's word.
    pub budget: Option<BudgetDocument>,
    /// What it used.
    pub usage: UsageDocument,
    /// Those of its hooks that failed lately; left out while all of them work.
    pub breakers: Option<Vec<BreakerDocument>>,
}

/// A hook that failed lately: its circuit breaker.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HookBreaker)]
pub struct BreakerDocument {
    /// `before-image`, `after-image` or `before-prompt`.
    pub point: String,
    /// `closed`: it is asked; `open`: it is not; `half-open`: one call tries it.
    pub state: String,
    /// How often it failed since it last worked.
    pub failures: u32,
    /// The job code of its last failure.
    pub code: String,
    /// Until when it is not asked.
    pub open_until: Option<DateTime<Utc>>,
}

/// An upgrade on its way; the addon goes on as it is until it is there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Candidate)]
pub struct CandidateDocument {
    /// The version it would become.
    pub version: String,
    /// That version's component.
    pub digest: String,
    /// The job that brings it.
    pub job_id: String,
    /// `loading`, `awaiting-consent`, `awaiting-secrets` or `failed`.
    pub state: String,
    /// Why it failed.
    pub error: Option<FailureDocument>,
    /// What it asks for, while consent is missing.
    #[schema(value_type = Option<Vec<Object>>)]
    pub requested: Option<Value>,
    /// The secrets that it waits for.
    pub missing_secrets: Option<Vec<String>>,
}

/// What a rollback returns to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviousSetup)]
pub struct PreviousDocument {
    /// The version that ran.
    pub version: String,
    /// Its component.
    pub digest: String,
    /// Until when it is kept.
    pub until: DateTime<Utc>,
}

/// A user's enablements.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnablementPage {
    /// The enablements.
    pub data: Vec<EnablementDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub struct KeyDocument {
    /// Its public id.
    pub id: String,
    /// The client that it belongs to.
    pub client: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Where it may publish.
    pub namespaces: Option<Vec<String>>,
    /// Which installation it is for.
    pub env: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The key that takes its place, once it was rotated.
    pub replaced_by: Option<String>,
}

/// Keys.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyPage {
    /// The keys.
    pub data: Vec<KeyDocument>,
    /// Where the next page begins; `null` on the last one.
    pub next_cursor: Option<String>,
}
