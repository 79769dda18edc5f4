//! Looking at jobs and lanes, never unbounded: a long range would hold Redis up for everybody.

use std::collections::HashMap;

use bullmq::types::JobProgress;
use bullmq::{Job, JobState};
use serde::Serialize;
use serde_json::Value;

use crate::clock;
use crate::model::job::Priority;
use crate::queue::session::Session;
use crate::queue::{Lane, Producer, QueueError};

/// Most jobs on one page, and most log lines.
pub const MOST_ON_A_PAGE: usize = 200;
/// Jobs at the head of a lane that are asked for their age.
const LOOKED_AT: usize = 64;
/// Positions beyond this are not looked for.
const DEEPEST_POSITION: u64 = 1000;

/// Where a job stands in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueuedState {
    /// For a worker, prioritised or not.
    Waiting,
    /// For its time.
    Delayed,
    /// In a worker's hands.
    Active,
    /// For its flow child.
    WaitingChildren,
    /// Ended well.
    Completed,
    /// A dead letter.
    Failed,
    /// Not in the queue (any more).
    Absent,
}

impl From<JobState> for QueuedState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting | JobState::Prioritized => Self::Waiting,
            JobState::Delayed => Self::Delayed,
            JobState::Active => Self::Active,
            JobState::WaitingChildren => Self::WaitingChildren,
            JobState::Completed => Self::Completed,
            JobState::Failed => Self::Failed,
            JobState::Unknown => Self::Absent,
        }
    }
}

/// A job as the queue keeps it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedJob {
    /// The queue's own id.
    pub id: String,
    /// The name it was added under.
    pub name: String,
    /// The payload.
    pub data: Value,
    /// Tries so far.
    pub attempts_made: u32,
    /// Tries at most, where the job says so.
    pub max_attempts: Option<u32>,
    /// Lower runs first; 0 before all.
    pub priority: u32,
    /// When it was added, in milliseconds since the epoch.
    pub enqueued_at_ms: u64,
    /// When a worker last took it.
    pub started_at_ms: Option<u64>,
    /// When it ended.
    pub finished_at_ms: Option<u64>,
    /// The last progress that its worker told.
    pub progress: Value,
    /// Why it failed last.
    pub failed_reason: Option<String>,
    /// What it returned.
    pub return_value: Option<Value>,
}

impl From<Job> for QueuedJob {
    fn from(job: Job) -> Self {
        let progress = match job.progress() {
            JobProgress::Number(number) => Value::from(*number),
            JobProgress::Object(value) => value.clone(),
        };
        Self {
            id: job.id().to_owned(),
            name: job.name().to_owned(),
            data: job.data().clone(),
            attempts_made: job.attempts_made(),
            max_attempts: job.opts().attempts.filter(|attempts| *attempts > 0),
            priority: job.priority(),
            enqueued_at_ms: job.timestamp(),
            started_at_ms: job.processed_on(),
            finished_at_ms: job.finished_on(),
            progress,
            failed_reason: Some(job.failed_reason().to_owned()).filter(|reason| !reason.is_empty()),
            return_value: serde_json::from_str(job.returnvalue()).ok(),
        }
    }
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneDepth {
    /// Jobs without a priority that wait for a worker.
    pub waiting: u64,
    /// Jobs with a priority that wait for a worker.
    pub prioritized: u64,
    /// Jobs in workers' hands.
    pub active: u64,
    /// Jobs that wait for their time.
    pub delayed: u64,
    /// Jobs that wait for a flow child.
    pub waiting_children: u64,
    /// Completed jobs that are still kept.
    pub completed: u64,
    /// Dead letters.
    pub failed: u64,
    /// Age of the job that has waited for a worker longest; `None` when none waits.
    pub oldest_waiting_ms: Option<u64>,
    /// Whether the lane is paused.
    pub is_paused: bool,
}

impl Producer {
    /// Where a job stands.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn state(&self, lane: Lane, id: &str) -> Result<QueuedState, QueueError> {
        self.sessions()
            .with(|session| async move { Ok(QueuedState::from(session.queue(lane).get_job_state(id).await?)) })
            .await
    }

    /// A job as the queue keeps it: how we look at foreign ones.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn peek(&self, lane: Lane, id: &str) -> Result<Option<QueuedJob>, QueueError> {
        self.sessions()
            .with(|session| async move { Ok(session.queue(lane).get_job(id).await?.map(QueuedJob::from)) })
            .await
    }

    /// How many jobs stand before this one; `None` when it does not wait, or more than a thousand do.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn position(&self, lane: Lane, id: &str) -> Result<Option<u64>, QueueError> {
        let keys = self.keys(lane);
        self.sessions()
            .with(|session| {
                let keys = &keys;
                async move {
                    let mut ask = redis::pipe();
                    // Workers take from the right, so the search starts there too and ends after a thousand.
                    ask.cmd("LPOS").arg(keys.wait()).arg(id).arg("RANK").arg(-1).arg("MAXLEN").arg(DEEPEST_POSITION);
                    ask.cmd("LLEN").arg(keys.wait());
                    ask.cmd("ZRANK").arg(keys.prioritized()).arg(id);
                    let (place, length, rank): (Option<u64>, u64, Option<u64>) =
                        ask.query_async(&mut session.redis()).await?;
                    let position = match (place, rank) {
                        (Some(place), _) => Some(length.saturating_sub(place + 1)),
                        (None, Some(rank)) => Some(length + rank),
                        (None, None) => None,
                    };
                    Ok(position.filter(|position| *position < DEEPEST_POSITION))
                }
            })
            .await
    }

    /// How full a lane is.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn depth(&self, lane: Lane) -> Result<LaneDepth, QueueError> {
        let keys = self.keys(lane);
        self.sessions()
            .with(|session| {
                let keys = &keys;
                async move {
                    let mut ask = redis::pipe();
                    ask.cmd("LLEN").arg(keys.wait());
                    ask.cmd("ZCARD").arg(keys.prioritized());
                    ask.cmd("LLEN").arg(keys.active());
                    for set in [keys.delayed(), keys.waiting_children(), keys.completed(), keys.failed()] {
                        ask.cmd("ZCARD").arg(set);
                    }
                    ask.cmd("HEXISTS").arg(keys.meta()).arg("paused");
                    let (waiting, prioritized, active, delayed, waiting_children, completed, failed, is_paused) =
                        ask.query_async(&mut session.redis()).await?;
                    let mut depth = LaneDepth {
                        waiting,
                        prioritized,
                        active,
                        delayed,
                        waiting_children,
                        completed,
                        failed,
                        oldest_waiting_ms: None,
                        is_paused,
                    };
                    if depth.waiting + depth.prioritized > 0 {
                        depth.oldest_waiting_ms = oldest(&session, keys).await?;
                    }
                    Ok(depth)
                }
            })
            .await
    }

    /// One page of the jobs in `state`, newest first (delayed ones: next first), at most [`MOST_ON_A_PAGE`].
    ///
    /// Ids whose job is gone are left out, so a page may be shorter than asked for. Prioritised jobs are not among
    /// the waiting ones.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn page(
        &self,
        lane: Lane,
        state: QueuedState,
        start: usize,
        count: usize,
    ) -> Result<Vec<QueuedJob>, QueueError> {
        let keys = self.keys(lane);
        let (command, set) = match state {
            QueuedState::Waiting => ("LRANGE", keys.wait()),
            QueuedState::Active => ("LRANGE", keys.active()),
            QueuedState::Delayed => ("ZRANGE", keys.delayed()),
            QueuedState::WaitingChildren => ("ZREVRANGE", keys.waiting_children()),
            QueuedState::Completed => ("ZREVRANGE", keys.completed()),
            QueuedState::Failed => ("ZREVRANGE", keys.failed()),
            QueuedState::Absent => return Ok(Vec::new()),
        };
        let end = last_of(start, count);
        self.sessions()
            .with(|session| {
                let (keys, set) = (&keys, &set);
                async move {
                    let mut redis = session.redis();
                    let ids: Vec<String> =
                        redis::cmd(command).arg(set).arg(start).arg(end).query_async(&mut redis).await?;
                    if ids.is_empty() {
                        return Ok(Vec::new());
                    }
                    let mut ask = redis::pipe();
                    for id in &ids {
                        ask.cmd("HGETALL").arg(keys.job_key(id));
                    }
                    let hashes: Vec<HashMap<String, String>> = ask.query_async(&mut redis).await?;
                    let jobs = ids.iter().zip(&hashes).filter(|(_, hash)| !hash.is_empty());
                    jobs.map(|(id, hash)| Ok(QueuedJob::from(Job::from_redis_hash(id, hash)?))).collect()
                }
            })
            .await
    }

    /// A job's log lines from `start`, oldest first, at most [`MOST_ON_A_PAGE`].
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn logs(&self, lane: Lane, id: &str, start: usize, count: usize) -> Result<Vec<String>, QueueError> {
        let key = format!("{}:logs", self.keys(lane).job_key(id));
        let end = last_of(start, count);
        self.sessions()
            .with(|session| {
                let key = &key;
                async move {
                    Ok(redis::cmd("LRANGE").arg(key).arg(start).arg(end).query_async(&mut session.redis()).await?)
                }
            })
            .await
    }
}

/// The index of the last entry of a page; Redis counts it in.
fn last_of(start: usize, count: usize) -> usize {
    start.saturating_add(count.clamp(1, MOST_ON_A_PAGE)) - 1
}

/// The age of the job that has waited longest, or nearly so. Within one priority the first is the oldest.
async fn oldest(session: &Session, keys: &bullmq::QueueKeys) -> Result<Option<u64>, QueueError> {
    let mut redis = session.redis();
    let mut ask = redis::pipe();
    ask.cmd("LRANGE").arg(keys.wait()).arg(-1).arg(-1);
    // Where users are served in turn, numbers are many: the oldest is most likely among the next.
    ask.cmd("ZRANGE").arg(keys.prioritized()).arg(0).arg(LOOKED_AT - 1);
    for priority in [Priority::High, Priority::Normal, Priority::Low] {
        // BullMQ's score: the priority in the upper bits, a counter in the lower 32.
        let lowest = u64::from(priority.number()) << 32;
        ask.cmd("ZRANGEBYSCORE").arg(keys.prioritized()).arg(lowest).arg(lowest | u64::from(u32::MAX));
        ask.arg("LIMIT").arg(0).arg(1);
    }
    let firsts: Vec<Vec<String>> = ask.query_async(&mut redis).await?;
    let mut ask = redis::pipe();
    let mut count = 0;
    for id in firsts.iter().flatten() {
        ask.cmd("HGET").arg(keys.job_key(id)).arg("timestamp");
        count += 1;
    }
    if count == 0 {
        return Ok(None);
    }
    let added: Vec<Option<u64>> = ask.query_async(&mut redis).await?;
    let now = clock::now_ms();
    Ok(added.into_iter().flatten().min().map(|added| now.saturating_sub(added)))
}
