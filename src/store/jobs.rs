//! Jobs: our own book about them, which wins over the queue's.
//!
//! Every change is one script that compares the status before it writes it, and counts the event of that change
//! ([`crate::store::job_events`]). A finished status never changes, but for an explicit [`Jobs::retry`] of a failed job. A job
//! that is being cancelled can only end as cancelled, however its worker fares.
//!
//! Whoever waits for a job says so with [`Jobs::watch`]: from then on its changes also ring the control channel.
//! Nobody pays for bells that nobody hears.

mod create;
mod ending;
mod list;
mod many;
mod record;
pub(crate) mod told;
mod turns;
mod unbegun;

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::{Script, ScriptInvocation};

use crate::clock;
use crate::model::id::JobId;
use crate::model::job::{JobStatus, Step};
use crate::store::{Store, StoreError, script};

pub use create::{Created, Entered, Entry};
pub use list::JobFilter;
pub(crate) use record::{FIELDS, RawRecord};
pub use record::{JobRecord, NewJob, RecordStatus};
pub use turns::Turn;

/// The book of jobs.
#[derive(Clone, Debug)]
pub struct Jobs {
    store: Store,
}

/// What came of [`Jobs::begin`].
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// Go on: the job is now `processing`.
    Run(Box<JobRecord>),
    /// Somebody cancelled it: finish it with [`Outcome::Cancelled`].
    Cancelled,
    /// It ended before; there is nothing to do.
    Over(Box<JobRecord>),
    /// There is no record: a foreign job, or one whose record expired.
    Missing,
}

/// What came of [`Jobs::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The outcome was written.
    Written,
    /// The job's status is another one, for good. [`JobStatus::Cancelled`] also where this call wrote it, because the job was being cancelled.
    Already(JobStatus),
    /// There is no record.
    Missing,
}

/// What came of [`Jobs::request_cancel`].
#[derive(Clone, Debug, PartialEq)]
pub enum CancelRequest {
    /// The job is marked, and every worker was told. It can only end as cancelled.
    Marked(Box<JobRecord>),
    /// It did what it was asked for, and only its end is still to be written.
    TooLate,
    /// It ended before.
    Over(JobStatus),
    /// There is no record.
    Missing,
}

/// What came of [`Jobs::retry`].
#[derive(Clone, Debug, PartialEq)]
pub enum Retried {
    /// The job is `queued` again, as it was before its first attempt.
    Requeued(Box<JobRecord>),
    /// Only failed jobs can be retried; this one is not.
    NotFailed(JobStatus),
    /// There is no record.
    Missing,
}

impl Jobs {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Marks the job as being worked on; `attempt` counts from 1. May be repeated, as after a crash.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn begin(&self, id: &JobId, attempt: u32) -> Result<Begun, StoreError> {
        let now = clock::now();
        let mut invocation = self.over(&script::JOB_BEGIN, id);
        invocation.arg(millis(now)).arg(written(now)).arg(attempt);
        let raw: RawRecord = self.store.run(&invocation).await?;
        Ok(match raw.decode()? {
            None => Begun::Missing,
            Some(record) => match record.status {
                RecordStatus::Cancelling | RecordStatus::Cancelled => Begun::Cancelled,
                RecordStatus::Queued | RecordStatus::Processing => Begun::Run(Box::new(record)),
                RecordStatus::Completed | RecordStatus::Failed => Begun::Over(Box::new(record)),
            },
        })
    }

    /// Writes how far the job got (0–100) and its steps, and a `job.progress` where the percentage is another one.
    /// False where nobody works on it any more: its worker should stop.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn progress(&self, id: &JobId, percent: u8, steps: &[Step]) -> Result<bool, StoreError> {
        let now = clock::now();
        let mut invocation = self.over(&script::JOB_PROGRESS, id);
        invocation.arg(written(now)).arg(percent.min(100)).arg(json("steps", steps)?);
        self.store.run(&invocation).await
    }

    /// Marks the job as being cancelled and tells every worker over the control channel. May be repeated. Too late is it
    /// for a job whose last write was made: that write and this mark exclude each other (`job_seal.lua`).
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn request_cancel(&self, id: &JobId) -> Result<CancelRequest, StoreError> {
        let (is_too_late, raw): (bool, RawRecord) = self.store.run(&self.over(&script::JOB_CANCEL, id)).await?;
        let Some(record) = raw.decode()? else { return Ok(CancelRequest::Missing) };
        if record.is_finished() {
            return Ok(CancelRequest::Over(record.public_status()));
        }
        Ok(if is_too_late { CancelRequest::TooLate } else { CancelRequest::Marked(Box::new(record)) })
    }

    /// Makes a failed job wait again, with all its attempts and another `job.queued`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn retry(&self, id: &JobId) -> Result<Retried, StoreError> {
        loop {
            let Some(seen) = self.get(id).await? else { return Ok(Retried::Missing) };
            let terminal = match seen.status {
                RecordStatus::Failed => told::terminal(&seen),
                _ => None,
            };
            let Some(terminal) = terminal else { return Ok(Retried::NotFailed(seen.public_status())) };
            let mut invocation = self.over(&script::JOB_RETRY, id);
            invocation
                .arg(self.store.only_key(list::FAILED))
                .arg(written(clock::now()))
                .arg(seen.sequence)
                .arg(json("event", &terminal.body)?);
            let (is_requeued, raw): (bool, RawRecord) = self.store.run_once(&invocation).await?;
            match raw.decode()? {
                Some(record) if is_requeued => return Ok(Retried::Requeued(Box::new(record))),
                // Somebody else retried it in between: look again.
                Some(_) | None => {}
            }
        }
    }

    /// The record; none where there is none (any more).
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn get(&self, id: &JobId) -> Result<Option<JobRecord>, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.record_key(id)).arg(&FIELDS);
        self.store.ask::<RawRecord>(&command).await?.decode()
    }

    /// The record, and a promise: from now on each change of the job rings its bell (`Control::bell`) in every process.
    /// Ask for the bell first, then watch, then look at what this returns: so no change is missed.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn watch(&self, id: &JobId) -> Result<Option<JobRecord>, StoreError> {
        self.store.run::<RawRecord>(&self.over(&script::JOB_WATCH, id)).await?.decode()
    }

    /// Remembers that the dispatch of a foreign job's terminal event is still owed.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn owe(&self, id: &JobId) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZADD");
        command.arg(self.store.only_key(OWED)).arg("NX").arg(clock::now_ms()).arg(id.as_str());
        self.store.ask(&command).await
    }

    /// Forgets it: the dispatch was left.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn settle(&self, id: &JobId) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZREM");
        command.arg(self.store.only_key(OWED)).arg(id.as_str());
        self.store.ask(&command).await
    }

    /// Whether the dispatch of a job's terminal event is owed by whoever ends it.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn is_owed(&self, id: &JobId) -> Result<bool, StoreError> {
        let mut command = redis::cmd("ZSCORE");
        command.arg(self.store.only_key(OWED)).arg(id.as_str());
        Ok(self.store.ask::<Option<f64>>(&command).await?.is_some())
    }

    /// Foreign jobs whose dispatch is owed since before `time`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn owed_before(&self, time: DateTime<Utc>, limit: usize) -> Result<Vec<JobId>, StoreError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(self.store.only_key(OWED)).arg("-inf").arg(millis(time)).arg("LIMIT").arg(0).arg(limit);
        let ids: Vec<String> = self.store.ask(&command).await?;
        Ok(ids.iter().filter_map(|id| JobId::parse(id).ok()).collect())
    }

    /// A call of `script` over the job's record (`KEYS[1]`) and stream (`KEYS[2]`), with the control channel as `ARGV[1]`.
    fn over<'a>(&self, script: &'a Script, id: &JobId) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        invocation
            .key(self.record_key(id))
            .key(self.store.key(EVENTS, id.as_str()))
            .arg(self.store.only_key(crate::store::control::CHANNEL));
        invocation
    }

    fn record_key(&self, id: &JobId) -> String {
        self.store.key(RECORD, id.as_str())
    }
}

/// Noun of the records.
pub(crate) const RECORD: &str = "jobs";
/// Noun of the event streams (`api.md`).
pub(crate) const EVENTS: &str = "job-events";
/// Noun of the foreign jobs whose dispatch is owed.
const OWED: &str = "jobs-owed";
/// Noun of the times up to which each client's jobs were looked through for lost ones.
const CHECKED: &str = "jobs-checked";

fn json<T: serde::Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::unwritable(what))
}

/// Milliseconds since the epoch.
pub(crate) fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

/// The time as an event writes it.
fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn seconds(span: Duration) -> u64 {
    span.as_secs().max(1)
}
