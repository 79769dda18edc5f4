//! A job as its client sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::model::job::{Failure, JobKind, JobStatus, Step};
use crate::store::jobs::{JobRecord, NewJob};

/// How often a job was tried and may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Attempts {
    /// Attempts that began.
    pub made: u32,
    /// Attempts that may begin.
    pub max: u32,
}

/// The answer to `GET /jobs/{jobId}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// The job.
    pub job_id: String,
    /// What it does.
    pub kind: JobKind,
    /// Where it stands.
    pub status: JobStatus,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Which addon it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addon_id: Option<String>,
    /// 0–100.
    pub progress: u8,
    /// What it did so far.
    pub steps: Vec<Step>,
    /// How often it was tried.
    pub attempts: Attempts,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When a worker first took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
    /// What came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the client sent along.
    pub metadata: Option<Value>,
    /// The addon that started it, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<StarterView>,
}

/// The addon that started a job, as the job's client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StarterView {
    /// The addon.
    pub addon_id: String,
    /// The job in which it ran.
    pub job_id: String,
    /// How many starts by addons lie behind the job, this one included.
    pub hops: u32,
    /// The addon's action that runs when the job has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then_action: Option<String>,
    /// The job whose end this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

impl StarterView {
    fn of(facts: &NewJob) -> Option<Self> {
        facts.started_by.as_ref().map(|start| Self {
            addon_id: start.addon_id.to_string(),
            job_id: start.job_id.to_string(),
            hops: facts.hops,
            then_action: start.then_action.clone(),
            follows: start.follows.as_ref().map(ToString::to_string),
        })
    }
}

impl JobView {
    /// The view of a record.
    #[must_use]
    pub fn of(record: &JobRecord) -> Self {
        Self {
            job_id: record.facts.id.to_string(),
            kind: record.facts.kind,
            status: record.public_status(),
            user_id: record.facts.user.as_ref().map(ToString::to_string),
            addon_id: record.facts.addon.as_ref().map(ToString::to_string),
            progress: record.progress,
            steps: record.steps.clone(),
            attempts: Attempts { made: record.attempts_made, max: record.facts.max_attempts },
            created_at: record.facts.created_at,
            started_at: record.started_at,
            finished_at: record.finished_at,
            result: record.result.clone(),
            error: record.failure.clone(),
            metadata: record.facts.metadata.clone(),
            started_by: StarterView::of(&record.facts),
        }
    }
}
