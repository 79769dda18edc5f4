//! A job as clients see it: its kind, its status, its steps and how it ended.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::code::JobCode;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Makes pictures.
    Generate,
    /// Sends a chat message through the user's addons.
    Message,
    /// Calls an action of an addon.
    Invoke,
    /// Tells an addon of an event that it handles.
    Handle,
    /// Wakes an addon because one of its schedules is due.
    Tick,
    /// Enables an addon for a user.
    Load,
    /// Gives an enabled addon new settings.
    Reconfigure,
    /// Disables an addon for a user.
    Unload,
    /// Takes a component into the registry.
    Publish,
    /// Turns one terminal event into deliveries.
    Dispatch,
    /// Delivers one event to one receiver.
    Deliver,
    /// Sweeps what a dead worker left.
    Upkeep,
    /// Does nothing; the bench measures the road with it.
    Noop,
}

impl JobKind {
    /// Every kind there is.
    pub const ALL: [Self; 13] = [
        Self::Generate,
        Self::Message,
        Self::Invoke,
        Self::Handle,
        Self::Tick,
        Self::Load,
        Self::Reconfigure,
        Self::Unload,
        Self::Publish,
        Self::Dispatch,
        Self::Deliver,
        Self::Upkeep,
        Self::Noop,
    ];

    /// The kind's name in Redis, URLs and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Message => "message",
            Self::Invoke => "invoke",
            Self::Handle => "handle",
            Self::Tick => "tick",
            Self::Load => "load",
            Self::Reconfigure => "reconfigure",
            Self::Unload => "unload",
            Self::Publish => "publish",
            Self::Dispatch => "dispatch",
            Self::Deliver => "deliver",
            Self::Upkeep => "upkeep",
            Self::Noop => "noop",
        }
    }

    /// Reads a kind by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What the kind's job ids start with.
    #[must_use]
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Generate => "img",
            Self::Message | Self::Invoke | Self::Handle | Self::Noop => "call",
            Self::Tick => "tick",
            Self::Load | Self::Reconfigure | Self::Unload | Self::Publish => "add",
            Self::Dispatch | Self::Deliver => "hook",
            Self::Upkeep => "keep",
        }
    }

    /// Whether clients may see jobs of this kind; the rest is the platform's own housekeeping.
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self {
            Self::Generate
            | Self::Message
            | Self::Invoke
            | Self::Handle
            | Self::Tick
            | Self::Load
            | Self::Reconfigure
            | Self::Unload
            | Self::Publish
            | Self::Noop => true,
            Self::Dispatch | Self::Deliver | Self::Upkeep => false,
        }
    }

    /// Whether addons hear how jobs of this kind end (`events.handles = ["job.completed"]`). Not of those that they are
    /// woken by themselves: hearing of each other they would never come to rest.
    #[must_use]
    pub const fn is_heard(self) -> bool {
        match self {
            Self::Generate
            | Self::Message
            | Self::Invoke
            | Self::Load
            | Self::Reconfigure
            | Self::Unload
            | Self::Publish => true,
            Self::Handle | Self::Tick | Self::Noop | Self::Dispatch | Self::Deliver | Self::Upkeep => false,
        }
    }
}

impl std::fmt::Display for JobKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a job stands, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobStatus {
    /// Delayed, or waiting for another job or for its next attempt.
    Pending,
    /// Waiting for a worker.
    Queued,
    /// A worker has it.
    Processing,
    /// Ended well.
    Completed,
    /// Ended badly, for good.
    Failed,
    /// Ended because somebody wanted it to.
    Cancelled,
}

impl JobStatus {
    /// The status as clients read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a status by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Queued, Self::Processing, Self::Completed, Self::Failed, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Whether the status never changes again.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::Queued | Self::Processing => false,
        }
    }
}

impl std::fmt::Display for JobStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Begun.
    Running,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Not needed this time.
    Skipped,
}

/// One visible step of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The step's name, such as `digest`.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Evidence: digests, sizes, what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<JobCode>,
}

/// How a job failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The stable code.
    pub code: JobCode,
    /// For people: what happened and what to do.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// When it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<DateTime<Utc>>,
    /// The addon's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addon_code: Option<String>,
    /// Numbers and names behind the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Failure {
    /// A failure that trying again would repeat.
    #[must_use]
    pub fn permanent(code: JobCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false, retry_at: None, addon_code: None, details: None }
    }

    /// A failure that may pass.
    #[must_use]
    pub fn transient(code: JobCode, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::permanent(code, message) }
    }

    /// The same failure with numbers and names behind it.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }
}

impl std::fmt::Display for Failure {
    /// `CODE: message`, which is what BullMQ's own `failedReason` shows.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// How urgent a job is; BullMQ takes lower numbers first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Whenever there is room.
    Low,
    /// In turn.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Priority {
    /// The number that BullMQ sorts by (`api.md`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Low => 10,
            Self::Normal => 5,
            Self::High => 1,
        }
    }
}

/// How a finished job ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With a result.
    Completed(Value),
    /// With an error.
    Failed(Failure),
    /// By request.
    Cancelled,
}

impl Outcome {
    /// The status that this outcome gives the job.
    #[must_use]
    pub const fn status(&self) -> JobStatus {
        match self {
            Self::Completed(_) => JobStatus::Completed,
            Self::Failed(_) => JobStatus::Failed,
            Self::Cancelled => JobStatus::Cancelled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_statuses_read_back_what_they_write() {
        for kind in JobKind::ALL {
            assert_eq!(JobKind::parse(kind.as_str()), Some(kind));
        }
        for status in ["pending", "queued", "processing", "completed", "failed", "cancelled"] {
            assert_eq!(JobStatus::parse(status).map(JobStatus::as_str), Some(status));
        }
    }

    #[test]
    fn a_failure_reads_as_code_and_message() {
        let failure = Failure::permanent(JobCode::DigestMismatch, "other bytes");
        assert_eq!(failure.to_string(), "DIGEST_MISMATCH: other bytes");
    }
}
