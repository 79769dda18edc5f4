//! What the platform tells others: event types and the one body shape that streams and webhooks share.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::id::ClientId;
use crate::model::job::{JobKind, JobStatus};

/// Declares the types once: name, how it is written outside, and older names that are understood. A new type is one line here.
macro_rules! event_types {
    ($($(#[doc = $doc:literal])+ $name:ident => $text:literal $(| $older:literal)*,)+) => {
        /// Everything that can be announced (`api.md`, “Webhooks”).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventType {
            $($(#[doc = $doc])+ #[serde(rename = $text $(, alias = $older)*)] $name,)+
        }

        impl EventType {
            /// Every type there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The type as it is written outside.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// Reads a type by its name, or by an older one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text $(| $older)* => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

event_types! {
    /// The job waits for a worker.
    JobQueued => "job.queued",
    /// A worker has the job.
    JobProcessing => "job.processing" | "job.started",
    /// The job got further.
    JobProgress => "job.progress",
    /// The job ended well.
    JobCompleted => "job.completed",
    /// The job failed for good.
    JobFailed => "job.failed",
    /// The job was cancelled.
    JobCancelled => "job.cancelled",
    /// All jobs of a batch are over, in whichever way.
    BatchCompleted => "batch.completed",
    /// An addon runs for a user.
    AddonEnabled => "addon.enabled",
    /// An addon could not be enabled.
    AddonFailed => "addon.failed",
    /// An addon is off.
    AddonDisabled => "addon.disabled",
    /// An addon waits for consent.
    AddonAwaitingConsent => "addon.awaiting-consent",
    /// An addon is paused because it crashes.
    AddonQuarantined => "addon.quarantined",
    /// An addon is blocked.
    AddonBlocked => "addon.blocked",
    /// An addon announced something of its own.
    AddonEmitted => "addon.emitted",
    /// Somebody tries an endpoint out.
    WebhookTest => "webhook.test",
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

    /// Every event that the `webhookUrl` of a batch may ask for: its own, and those of its jobs.
    pub const OF_A_BATCH: [Self; 8] = [
        Self::BatchCompleted,
        Self::JobQueued,
        Self::JobProcessing,
        Self::JobProgress,
        Self::JobCompleted,
        Self::JobFailed,
        Self::JobCancelled,
        Self::AddonEmitted,
    ];

    /// Reads a job event that a `webhookEvents` names; `job.started` is an old name of `job.processing`.
    #[must_use]
    pub fn parse_job_event(text: &str) -> Option<Self> {
        Self::parse(text).filter(|event| Self::OF_A_JOB.contains(event))
    }

    /// Whether a standing endpoint may choose it: everything but the event that tries the endpoint itself out.
    #[must_use]
    pub fn is_for_endpoints(self) -> bool {
        self != Self::WebhookTest
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

/// Which events a standing endpoint wants: those that are named, or all where none is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventFilter(Vec<EventType>);

impl EventFilter {
    /// The filter that lets these types through; with none it lets everything through.
    #[must_use]
    pub const fn of(events: Vec<EventType>) -> Self {
        Self(events)
    }

    /// Whether an event of this type passes.
    #[must_use]
    pub fn lets_through(&self, event: EventType) -> bool {
        self.0.is_empty() || self.0.contains(&event)
    }

    /// The types that are named; none means all.
    #[must_use]
    pub fn named(&self) -> &[EventType] {
        &self.0
    }
}

/// An event that no job's record tells: of an enablement, or one that an addon raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announcement {
    /// Whose endpoints hear it.
    pub client: ClientId,
    /// What its `webhook-id` is made from, together with its type: the same subject announced twice is announced once.
    pub subject: String,
    /// What they hear.
    pub body: EventBody,
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
    /// The batch, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
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
        Self { job_id: Some(job_id.to_owned()), ..Self::of(kind.as_str(), sequence) }
    }

    /// The data of an event of something else, without anything optional.
    #[must_use]
    pub fn of(kind: &str, sequence: u64) -> Self {
        Self {
            kind: kind.to_owned(),
            job_id: None,
            batch_id: None,
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
    fn every_type_reads_back_what_it_writes_in_text_and_in_json() -> Result<(), serde_json::Error> {
        for event in EventType::ALL {
            assert_eq!(EventType::parse(event.as_str()), Some(*event));
            assert_eq!(serde_json::to_value(event)?, event.as_str());
        }
        assert_eq!(serde_json::from_str::<EventType>("\"job.started\"")?, EventType::JobProcessing);
        Ok(())
    }

    #[test]
    fn a_filter_that_names_nothing_lets_everything_through() {
        let few = EventFilter::of(vec![EventType::JobFailed, EventType::AddonBlocked]);
        for event in EventType::ALL {
            assert!(EventFilter::default().lets_through(*event));
            assert_eq!(few.lets_through(*event), few.named().contains(event));
        }
    }

    #[test]
    fn the_old_name_of_processing_is_understood() {
        assert_eq!(EventType::parse_job_event("job.started"), Some(EventType::JobProcessing));
        assert_eq!(EventType::parse_job_event("job.failed"), Some(EventType::JobFailed));
        assert_eq!(EventType::parse_job_event("addon.enabled"), None);
    }
}
