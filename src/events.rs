//! Events as plain data: what is said about a job or an enablement, and who wants to hear it.

use chrono::{DateTime, Utc};
use semver::Version;
use serde_json::{Value, json};

use crate::model::digest::Digest;
use crate::model::event::{EventBody, EventData, EventType, WebhookTarget};
use crate::model::id::{AddonId, BatchId, JobId, UserId};
use crate::model::job::{Failure, JobKind, JobStatus, Outcome};
use crate::model::lifecycle::EnablementState;

/// What every event of one job says.
#[derive(Clone, Copy, Debug)]
pub struct JobFacts<'a> {
    /// The job's kind.
    pub kind: JobKind,
    /// The job.
    pub job_id: &'a JobId,
    /// The client's end user, where there is one.
    pub user_id: Option<&'a UserId>,
    /// The addon, where there is one.
    pub addon_id: Option<&'a AddonId>,
    /// What the client sent along.
    pub metadata: Option<&'a Value>,
    /// This event's place in the job's life.
    pub sequence: u64,
}

impl JobFacts<'_> {
    /// The job waits for a worker.
    #[must_use]
    pub fn queued(&self, at: DateTime<Utc>) -> EventBody {
        self.event(EventType::JobQueued, at, JobStatus::Queued)
    }

    /// A worker has the job.
    #[must_use]
    pub fn processing(&self, at: DateTime<Utc>) -> EventBody {
        self.event(EventType::JobProcessing, at, JobStatus::Processing)
    }

    /// The job got as far as `percent`, of which more than 100 is 100.
    #[must_use]
    pub fn progress(&self, at: DateTime<Utc>, percent: u8) -> EventBody {
        let mut body = self.event(EventType::JobProgress, at, JobStatus::Processing);
        body.data.progress = Some(percent.min(100));
        body
    }

    /// The job ended. Of these events a job has exactly one.
    #[must_use]
    pub fn ended(&self, at: DateTime<Utc>, outcome: &Outcome) -> EventBody {
        let event = match outcome {
            Outcome::Completed(_) => EventType::JobCompleted,
            Outcome::Failed(_) => EventType::JobFailed,
            Outcome::Cancelled => EventType::JobCancelled,
        };
        let mut body = self.event(event, at, outcome.status());
        match outcome {
            Outcome::Completed(result) => body.data.result = Some(result.clone()),
            Outcome::Failed(failure) => body.data.error = Some(written(failure)),
            Outcome::Cancelled => {}
        }
        body
    }

    /// An addon announced something of its own in the course of the job.
    #[must_use]
    pub fn emitted(&self, at: DateTime<Utc>, topic: &str, payload: Value) -> EventBody {
        let data = EventData {
            user_id: self.user_id.map(ToString::to_string),
            addon_id: self.addon_id.map(ToString::to_string),
            topic: Some(topic.to_owned()),
            payload: Some(payload),
            metadata: self.metadata.cloned(),
            ..EventData::of_job(self.kind, self.job_id.as_str(), self.sequence)
        };
        EventBody { event: EventType::AddonEmitted, timestamp: at, data }
    }

    fn event(&self, event: EventType, at: DateTime<Utc>, status: JobStatus) -> EventBody {
        let data = EventData {
            user_id: self.user_id.map(ToString::to_string),
            addon_id: self.addon_id.map(ToString::to_string),
            status: Some(status),
            metadata: self.metadata.cloned(),
            ..EventData::of_job(self.kind, self.job_id.as_str(), self.sequence)
        };
        EventBody { event, timestamp: at, data }
    }
}

/// All jobs of a batch are over. A batch has exactly one such event.
#[must_use]
pub fn batch_completed(
    at: DateTime<Utc>,
    id: &BatchId,
    user: &UserId,
    metadata: Option<Value>,
    result: Value,
) -> EventBody {
    let data = EventData {
        batch_id: Some(id.to_string()),
        user_id: Some(user.to_string()),
        status: Some(JobStatus::Completed),
        result: Some(result),
        metadata,
        ..EventData::of("batch", 1)
    };
    EventBody { event: EventType::BatchCompleted, timestamp: at, data }
}

/// What every event of one enablement says.
#[derive(Clone, Copy, Debug)]
pub struct EnablementFacts<'a> {
    /// Whose enablement.
    pub user_id: &'a UserId,
    /// Of which addon.
    pub addon_id: &'a AddonId,
    /// The state that it reached.
    pub state: EnablementState,
    /// The version that it is about, and its bytes.
    pub version: Option<(&'a Version, &'a Digest)>,
    /// The job that brought it there, where there was one.
    pub job_id: Option<&'a JobId>,
    /// Why it failed, where it did.
    pub error: Option<&'a Failure>,
    /// The enablement's revision: it counts up over its life.
    pub revision: u64,
}

impl EnablementFacts<'_> {
    /// The event that announces the state; nothing for a state that is only on the way to another.
    #[must_use]
    pub fn event(&self, at: DateTime<Utc>) -> Option<EventBody> {
        let event = match self.state {
            EnablementState::Enabled => EventType::AddonEnabled,
            EnablementState::Failed => EventType::AddonFailed,
            EnablementState::Disabled => EventType::AddonDisabled,
            EnablementState::AwaitingConsent => EventType::AddonAwaitingConsent,
            EnablementState::Quarantined => EventType::AddonQuarantined,
            EnablementState::Blocked => EventType::AddonBlocked,
            EnablementState::Loading | EnablementState::AwaitingSecrets | EnablementState::Disabling => return None,
        };
        let data = EventData {
            job_id: self.job_id.map(ToString::to_string),
            user_id: Some(self.user_id.to_string()),
            addon_id: Some(self.addon_id.to_string()),
            state: Some(self.state.as_str().to_owned()),
            result: self.version.map(|(version, digest)| json!({ "version": version, "digest": digest })),
            error: self.error.map(written),
            ..EventData::of("enablement", self.revision)
        };
        Some(EventBody { event, timestamp: at, data })
    }
}

/// Whether `target` wants to hear of `event`. One that names no events wants the terminal ones.
#[must_use]
pub fn is_wanted(target: &WebhookTarget, event: EventType) -> bool {
    if target.events.is_empty() { EventType::TERMINAL.contains(&event) } else { target.events.contains(&event) }
}

fn written(failure: &Failure) -> Value {
    serde_json::to_value(failure).unwrap_or_else(|_| json!({"code": failure.code.as_str(), "message": failure.message}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::model::code::JobCode;

    type TestOutcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn each_moment_of_a_job_is_said_as_the_contract_says_it() -> TestOutcome {
        let (job_id, user_id) = (JobId::parse("img_1")?, UserId::parse("alice")?);
        let metadata = json!({"order": 7});
        let facts = JobFacts {
            kind: JobKind::Generate,
            job_id: &job_id,
            user_id: Some(&user_id),
            addon_id: None,
            metadata: Some(&metadata),
            sequence: 4,
        };
        let at = clock::from_ms(1_700_000_000_000);
        let common =
            json!({"kind": "generate", "jobId": "img_1", "userId": "alice", "metadata": {"order": 7}, "sequence": 4});
        let failure = Failure::permanent(JobCode::CpuLimit, "too slow");
        for (body, event, more) in [
            (facts.queued(at), "job.queued", json!({"status": "queued"})),
            (facts.processing(at), "job.processing", json!({"status": "processing"})),
            (facts.progress(at, 140), "job.progress", json!({"status": "processing", "progress": 100})),
            (
                facts.ended(at, &Outcome::Completed(json!({"images": []}))),
                "job.completed",
                json!({"status": "completed", "result": {"images": []}}),
            ),
            (
                facts.ended(at, &Outcome::Failed(failure)),
                "job.failed",
                json!({"status": "failed", "error": {"code": "CPU_LIMIT", "message": "too slow", "retryable": false}}),
            ),
            (facts.ended(at, &Outcome::Cancelled), "job.cancelled", json!({"status": "cancelled"})),
        ] {
            let mut data = common.clone();
            if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
                data.extend(more);
            }
            let expected = json!({"type": event, "timestamp": "2023-11-14T22:13:20Z", "data": data});
            assert_eq!(serde_json::to_value(body)?, expected);
        }
        Ok(())
    }

    #[test]
    fn an_enablement_speaks_when_it_has_arrived_somewhere() -> TestOutcome {
        let (user_id, addon_id) = (UserId::parse("alice")?, AddonId::parse("acme.art")?);
        let facts = |state| EnablementFacts {
            user_id: &user_id,
            addon_id: &addon_id,
            state,
            version: None,
            job_id: None,
            error: None,
            revision: 2,
        };
        let spoken: Vec<&str> = EnablementState::ALL
            .into_iter()
            .filter_map(|state| facts(state).event(clock::now()))
            .map(|body| body.event.as_str())
            .collect();
        let expected = [
            "addon.enabled",
            "addon.awaiting-consent",
            "addon.failed",
            "addon.disabled",
            "addon.quarantined",
            "addon.blocked",
        ];
        assert_eq!(spoken, expected);
        Ok(())
    }

    #[test]
    fn a_target_hears_what_it_asked_for_and_the_end_when_it_asked_for_nothing() {
        let target = |events: &[EventType]| WebhookTarget { url: String::new(), events: events.to_vec() };
        for (asked, event, is_heard) in [
            (&[][..], EventType::JobCompleted, true),
            (&[], EventType::JobCancelled, true),
            (&[], EventType::JobQueued, false),
            (&[EventType::JobQueued], EventType::JobQueued, true),
            (&[EventType::JobQueued], EventType::JobCompleted, false),
        ] {
            assert_eq!(is_wanted(&target(asked), event), is_heard, "{asked:?} {event:?}");
        }
    }
}
