//! What the platform tells others: event types and the one body shape that streams and webhooks share.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::job::{JobKind, JobStatus};

/// Everything that can be announced (`api.md`, “Webhooks”).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// The job waits for a worker.
    #[serde(rename = "job.queued")]
    JobQueued,
    /// A worker has the job.
    #[serde(rename = "job.processing", alias = "job.started")]
    JobProcessing,
    /// The job got further.
    #[serde(rename = "job.progress")]
    JobProgress,
    /// The job ended well.
    #[serde(rename = "job.completed")]
    JobCompleted,
    /// The job failed for good.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// The job was cancelled.
    #[serde(rename = "job.cancelled")]
    JobCancelled,
    /// An addon runs for a user.
    #[serde(rename = "addon.enabled")]
    AddonEnabled,
    /// An addon could not be enabled.
    #[serde(rename = "addon.failed")]
    AddonFailed,
    /// An addon is off.
    #[serde(rename = "addon.disabled")]
    AddonDisabled,
    /// An addon waits for consent.
    #[serde(rename = "addon.awaiting-consent")]
    AddonAwaitingConsent,
    /// An addon is paused because it crashes.
    #[serde(rename = "addon.quarantined")]
    AddonQuarantined,
    /// An addon is blocked.
    #[serde(rename = "addon.blocked")]
    AddonBlocked,
    /// An addon announced something of its own.
    #[serde(rename = "addon.emitted")]
    AddonEmitted,
}

impl EventType {
    /// The events that end a job: of these a job has exactly one.
    pub const TERMINAL: [Self; 3] = [Self::JobCompleted, Self::JobFailed, Self::JobCancelled];

    /// Every event a `webhookUrl` may ask for: what happens to the job, and what addons announce in the course of it.
    pub const OF_A_JOB: [Self; 7] = [
        Self::JobQueued,
        Self::JobProcessing,
        Self::JobProgress,
        Self::JobCompleted,
        Self::JobFailed,
        Self::JobCancelled,
        Self::AddonEmitted,
    ];

    /// The type as it is written outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobQueued => "job.queued",
            Self::JobProcessing => "job.processing",
            Self::JobProgress => "job.progress",
            Self::JobCompleted => "job.completed",
            Self::JobFailed => "job.failed",
            Self::JobCancelled => "job.cancelled",
            Self::AddonEnabled => "addon.enabled",
            Self::AddonFailed => "addon.failed",
            Self::AddonDisabled => "addon.disabled",
            Self::AddonAwaitingConsent => "addon.awaiting-consent",
            Self::AddonQuarantined => "addon.quarantined",
            Self::AddonBlocked => "addon.blocked",
            Self::AddonEmitted => "addon.emitted",
        }
    }

    /// Reads a job event that a `webhookEvents` names; `job.started` is an old name of `job.processing`.
    #[must_use]
    pub fn parse_job_event(text: &str) -> Option<Self> {
        if text == "job.started" {
            return Some(Self::JobProcessing);
        }
        Self::OF_A_JOB.into_iter().find(|event| event.as_str() == text)
    }

    /// The event that a finished job ends with; `None` while it runs.
    #[must_use]
    pub const fn ending(status: JobStatus) -> Option<Self> {
        match status {
            JobStatus::Completed => Some(Self::JobCompleted),
            JobStatus::Failed => Some(Self::JobFailed),
            JobStatus::Cancelled => Some(Self::JobCancelled),
            JobStatus::Pending | JobStatus::Queued | JobStatus::Processing => None,
        }
    }
}

/// Where one request's events go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTarget {
    /// The receiver.
    pub url: String,
    /// The events it wants; the terminal ones when nothing else was said.
    pub events: Vec<EventType>,
}

/// The body of a webhook and the data of a stream event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventBody {
    /// What happened.
    #[serde(rename = "type")]
    pub event: EventType,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// To whom.
    pub data: EventData,
}

/// What an event says about its job or enablement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// The job's kind, or `enablement`.
    pub kind: String,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The client's end user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The addon, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon_id: Option<String>,
    /// The job's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<JobStatus>,
    /// The enablement's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// 0–100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// The job's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// The job's error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// The topic under which an addon announced something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What it announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// What the client sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Counts up within one job, so that a receiver can drop what is stale.
    pub sequence: u64,
}

impl EventData {
    /// The data of an event of a job, without anything optional.
    #[must_use]
    pub fn of_job(kind: JobKind, job_id: &str, sequence: u64) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            job_id: Some(job_id.to_owned()),
            user_id: None,
            addon_id: None,
            status: None,
            state: None,
            progress: None,
            result: None,
            error: None,
            topic: None,
            payload: None,
            metadata: None,
            sequence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_name_of_processing_is_understood() {
        assert_eq!(EventType::parse_job_event("job.started"), Some(EventType::JobProcessing));
        assert_eq!(EventType::parse_job_event("job.failed"), Some(EventType::JobFailed));
        assert_eq!(EventType::parse_job_event("addon.enabled"), None);
    }
}
