//! A job's record: what was known when it was asked for, and how far it got.

use chrono::{DateTime, Utc};
use redis::{FromRedisValue, ParsingError, Value as Answer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::model::event::WebhookTarget;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job::{Failure, JobKind, JobStatus, Step};
use crate::model::started::StartedBy;
use crate::store::StoreError;

/// Everything that is known of a job when it is asked for, and never changes.
///
/// The order of the fields is the order in Redis: the first five are also what each of the job's events says
/// about it, so they are kept apart and the scripts copy them as they are ([`NewJob::to_parts`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJob {
    /// What it does.
    pub kind: JobKind,
    /// Its id, in REST and in its queue.
    #[serde(rename = "jobId")]
    pub id: JobId,
    /// The client's end user that it works for.
    #[serde(rename = "userId", default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The addon that it is about, where it is about one.
    #[serde(rename = "addonId", default, skip_serializing_if = "Option::is_none")]
    pub addon: Option<AddonId>,
    /// What the client sent along, at most 4 KiB (checked at the door).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// The client that asked.
    pub client: ClientId,
    /// The queue's name, such as `image-generation`.
    pub lane: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it may start at the earliest; none means at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// Attempts it has, at least 1.
    pub max_attempts: u32,
    /// Where this request's events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookTarget>,
    /// W3C trace context of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Whether a foreign producer put it into the queue, so that no `dispatch` parent waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_foreign: bool,
    /// Whether a standing endpoint of the client wanted to hear of its end when it was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reaches_endpoints: bool,
    /// The chat that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The chat message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The batch that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// How many starts by addons lie behind it, at most [`crate::model::started::MAX_HOPS`]; a client's own request has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// The addon that started it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<StartedBy>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The first fields of a [`NewJob`], written in the same order and in the same way.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    kind: JobKind,
    job_id: &'a JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addon_id: Option<&'a AddonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
}

impl<'a> Said<'a> {
    const fn of(job: &'a NewJob) -> Self {
        Self {
            kind: job.kind,
            job_id: &job.id,
            user_id: job.user.as_ref(),
            addon_id: job.addon.as_ref(),
            metadata: job.metadata.as_ref(),
        }
    }
}

/// The two halves of a [`NewJob`]'s JSON: members without braces.
pub(crate) struct Parts {
    /// `"kind":…,"jobId":…` and whatever else every event of the job repeats.
    pub(crate) said: String,
    /// The rest, of which `client` and `lane` come first, where the scripts find them.
    pub(crate) kept: String,
}

impl Parts {
    /// The one field that Redis keeps: the halves with a line feed between them, which JSON never contains unescaped.
    pub(crate) fn joined(&self) -> String {
        format!("{}\n{}", self.said, self.kept)
    }
}

impl NewJob {
    /// A job of `kind` that `client` asks for now, one attempt, nothing optional.
    #[must_use]
    pub fn of(kind: JobKind, id: JobId, client: ClientId, lane: &str) -> Self {
        Self {
            kind,
            id,
            user: None,
            addon: None,
            metadata: None,
            client,
            lane: lane.to_owned(),
            created_at: clock::now(),
            not_before: None,
            max_attempts: 1,
            webhook: None,
            traceparent: None,
            is_foreign: false,
            reaches_endpoints: false,
            session_id: None,
            message_id: None,
            batch_id: None,
            hops: 0,
            started_by: None,
        }
    }

    /// Whether something is left when the job ends: deliveries to whoever listens, or an addon's action that follows.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let is_followed = self.started_by.as_ref().is_some_and(|start| start.then_action.is_some());
        self.webhook.is_some() || self.reaches_endpoints || is_followed
    }

    /// The JSON in two halves; together they read back as this job.
    pub(crate) fn to_parts(&self) -> Result<Parts, StoreError> {
        let unwritable = StoreError::unwritable;
        let members = |json: &str| json.strip_prefix('{').and_then(|json| json.strip_suffix('}')).map(str::to_owned);
        let said = serde_json::to_string(&Said::of(self)).map_err(unwritable("job"))?;
        let whole = serde_json::to_string(self).map_err(unwritable("job"))?;
        members(&said)
            .zip(members(&whole))
            .and_then(|(said, whole)| {
                let kept = whole.strip_prefix(&said)?.strip_prefix(',')?.to_owned();
                Some(Parts { said, kept })
            })
            .ok_or_else(|| unwritable("job")(serde::ser::Error::custom("its fields are out of order")))
    }

    /// Reads the two halves back.
    fn from_parts(said: &str, kept: &str) -> Result<Self, StoreError> {
        serde_json::from_str(&format!("{{{said},{kept}}}")).map_err(StoreError::corrupt("job"))
    }
}

/// Where a job stands in our own book, which wins over the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordStatus {
    /// Waiting for a worker, or for its next attempt.
    Queued,
    /// A worker has it.
    Processing,
    /// Somebody wants it stopped; it can only end as cancelled.
    Cancelling,
    /// Ended well.
    Completed,
    /// Ended badly, for good.
    Failed,
    /// Ended by request.
    Cancelled,
}

impl RecordStatus {
    /// Every status there is.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Processing, Self::Cancelling, Self::Completed, Self::Failed, Self::Cancelled];

    /// The status as Redis keeps it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a status by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A job as the store knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// What was asked for.
    pub facts: NewJob,
    /// Where it stands.
    pub status: RecordStatus,
    /// When a worker first took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Attempts begun so far.
    pub attempts_made: u32,
    /// 0–100.
    pub progress: u8,
    /// Its visible steps.
    pub steps: Vec<Step>,
    /// What it ended with, where it ended well.
    pub result: Option<Value>,
    /// Why it failed or was cancelled; while it waits for its next attempt, why the last one failed.
    pub failure: Option<Failure>,
    /// When its next attempt is due, where it waits for one.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Events so far; the newest has this sequence number.
    pub sequence: u64,
}

impl JobRecord {
    /// The status as clients see it: waiting for a later time is `pending`, being cancelled is still `processing`.
    #[must_use]
    pub fn public_status(&self) -> JobStatus {
        match self.status {
            RecordStatus::Queued if self.is_due_later() => JobStatus::Pending,
            RecordStatus::Queued => JobStatus::Queued,
            RecordStatus::Processing => JobStatus::Processing,
            RecordStatus::Cancelling if self.started_at.is_none() => JobStatus::Queued,
            RecordStatus::Cancelling => JobStatus::Processing,
            RecordStatus::Completed => JobStatus::Completed,
            RecordStatus::Failed => JobStatus::Failed,
            RecordStatus::Cancelled => JobStatus::Cancelled,
        }
    }

    /// Whether the status never changes again (but for an explicit retry of a failed job).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.public_status().is_finished()
    }

    fn is_due_later(&self) -> bool {
        self.next_attempt_at.or(self.facts.not_before).is_some_and(|due| due > clock::now())
    }
}

/// The fields of a record's hash, in the order that every script reads them (`HMGET`).
pub(crate) const FIELDS: [&str; 12] =
    ["facts", "st", "seq", "w", "started", "finished", "made", "progress", "steps", "result", "failure", "due"];

/// A record as Redis answers it: the values of [`FIELDS`].
pub(crate) struct RawRecord(Vec<Option<String>>);

impl FromRedisValue for RawRecord {
    fn from_redis_value(value: Answer) -> Result<Self, ParsingError> {
        // A script's missing field is `false`, which arrives as nil, just as HMGET's.
        Ok(Self(Vec::<Option<String>>::from_redis_value(value)?))
    }
}

impl RawRecord {
    fn field(&self, name: &str) -> Option<&str> {
        let index = FIELDS.iter().position(|field| *field == name)?;
        self.0.get(index)?.as_deref().filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.field(name)?.parse().ok()
    }

    fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        self.number(name).map(clock::from_ms)
    }

    fn json<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.field(name).map(serde_json::from_str).transpose().map_err(StoreError::corrupt("job"))
    }

    /// The record, or none where there is no such job.
    pub(crate) fn decode(&self) -> Result<Option<JobRecord>, StoreError> {
        let Some((said, kept)) = self.field("facts").and_then(|facts| facts.split_once('\n')) else { return Ok(None) };
        let status = self.field("st").and_then(RecordStatus::parse).unwrap_or(RecordStatus::Queued);
        Ok(Some(JobRecord {
            facts: NewJob::from_parts(said, kept)?,
            status,
            started_at: self.time("started"),
            finished_at: self.time("finished"),
            attempts_made: self.number("made").unwrap_or(0),
            progress: if status == RecordStatus::Completed { 100 } else { self.number("progress").unwrap_or(0) },
            steps: self.json("steps")?.unwrap_or_default(),
            result: self.json("result")?,
            failure: self.json("failure")?,
            next_attempt_at: self.time("due"),
            sequence: self.number("seq").unwrap_or(1),
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(metadata: Option<Value>) -> Result<NewJob, Box<dyn std::error::Error>> {
        let client = ClientId::parse("acme")?;
        let facts = NewJob::of(JobKind::Invoke, JobId::parse("call_01")?, client, "addon-calls");
        Ok(NewJob { metadata, user: Some(UserId::parse("alice")?), ..facts })
    }

    #[test]
    fn the_two_halves_read_back_as_the_job() -> Result<(), Box<dyn std::error::Error>> {
        for metadata in [
            None,
            Some(json!({ "order": 7 })),
            Some(json!({ "client": "evil", "x": ",\"client\":" })),
            Some(json!({ "a": 1, "client": { "metadata": 1 } })),
        ] {
            let job = job(metadata)?;
            let parts = job.to_parts()?;
            assert!(parts.kept.starts_with("\"client\":\"acme\""), "{}", parts.kept);
            assert!(serde_json::from_str::<Value>(&format!("{{{}}}", parts.said)).is_ok(), "{}", parts.said);
            assert_eq!(NewJob::from_parts(&parts.said, &parts.kept)?, job);
        }
        Ok(())
    }

    #[test]
    fn a_status_reads_back_what_it_writes() {
        for status in RecordStatus::ALL {
            assert_eq!(RecordStatus::parse(status.as_str()), Some(status));
        }
    }
}
