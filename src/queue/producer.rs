//! Asking for work: leaving tickets, taking them back, and the few questions we ask about them.

mod add;
mod branch;
mod flow;
pub mod inspect;

pub use add::{Placed, ReadyTicket};
pub use branch::Branch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bullmq::types::{BackoffStrategy, RetryOptions};
use bullmq::{JobOptions, JobState, QueueKeys};
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::queues::QueueSettings;
use crate::config::redis::RedisSettings;
use crate::queue::producer::flow::Flows;
use crate::queue::session::Sessions;
use crate::queue::{Lane, QueueError, Ticket, scripts};

/// How one job is to be queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// Lower runs first; 0 stands before every number (`model::job::Priority` has ours).
    pub priority: u32,
    /// Not before this long from now.
    pub delay: Option<Duration>,
    /// Tries, the first one included; the lane's own number when left out.
    pub attempts: Option<u32>,
    /// Longest run of one try; the lane's own when left out. Travels in the payload as `timeoutMs`.
    pub timeout: Option<Duration>,
}

/// What became of taking a job back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It waited and is gone; a flow parent that waited for it is released.
    Removed,
    /// A worker has it.
    Active,
    /// Nothing waits under this id: it never was, or it has ended.
    Absent,
}

/// What became of trying a dead letter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It waits again, by its own priority, with all its tries.
    Retried,
    /// It is not a dead letter.
    NotFailed,
    /// The queue does not keep it (any more).
    Absent,
}

/// Leaves tickets. Cheap to clone.
///
/// Everything answers within about a second: where Redis is away, with [`QueueError::Unavailable`].
#[derive(Clone)]
pub struct Producer {
    sessions: Sessions,
    settings: Arc<QueueSettings>,
    flows: Flows,
}

impl Producer {
    /// A producer that has reached its Redis.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] within a second where Redis is away, [`QueueError::Settings`] where the settings
    /// contradict each other.
    pub async fn connect(redis: &RedisSettings, queues: &QueueSettings) -> Result<Self, QueueError> {
        let producer = Self::lazy(redis, queues)?;
        producer.ping().await?;
        Ok(producer)
    }

    /// A producer that reaches its Redis when it first has to.
    ///
    /// # Errors
    /// [`QueueError::Settings`] where the settings contradict each other, [`QueueError::Refused`] for an address that is none.
    pub fn lazy(redis: &RedisSettings, queues: &QueueSettings) -> Result<Self, QueueError> {
        if let Some(fault) = queues.faults().into_iter().next() {
            return Err(QueueError::Settings(fault));
        }
        Ok(Self { sessions: Sessions::new(redis)?, settings: Arc::new(queues.clone()), flows: Flows::default() })
    }

    /// Leaves a ticket under `id`, in one round trip.
    ///
    /// An id that the queue still keeps, finished jobs included, is not added again: asking twice is asking once.
    ///
    /// # Errors
    /// [`QueueError`]; after [`QueueError::Unavailable`] the job may or may not be there, and asking again is safe.
    pub async fn add<T: Ticket>(&self, id: &str, ticket: &T, options: &AddOptions) -> Result<(), QueueError> {
        check_id(id)?;
        let data = payload(ticket, options)?;
        let job_options = self.job_options(T::LANE, id, options);
        self.sessions
            .with(|session| {
                let (data, job_options) = (&data, job_options.clone());
                async move {
                    session.queue(T::LANE).add(T::NAME, data).options(job_options).await?;
                    Ok(())
                }
            })
            .await
    }

    /// Leaves `child` now and `parent` for when the child has completed, failed for good, or was removed.
    ///
    /// Redis releases the parent in the script that ends the child. Callers at the same time share one batch.
    /// `options` are the child's; the parent has its lane's own.
    ///
    /// # Errors
    /// As [`Producer::add`].
    pub async fn add_with_parent<P: Ticket, C: Ticket>(
        &self,
        parent: (&str, &P),
        child: (&str, &C),
        options: &AddOptions,
    ) -> Result<(), QueueError> {
        let child = self.leaf(child.0, child.1, options)?;
        self.add_branch(self.above(parent.0, parent.1, vec![child])?).await
    }

    /// Tries that a job of `lane` has where nobody said otherwise.
    #[must_use]
    pub fn attempts(&self, lane: Lane) -> u32 {
        lane.settings(&self.settings).attempts
    }

    /// Takes a waiting, delayed or prioritised job back.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn remove(&self, lane: Lane, id: &str) -> Result<Removal, QueueError> {
        self.sessions
            .with(|session| async move {
                let queue = session.queue(lane);
                match queue.get_job_state(id).await? {
                    JobState::Completed | JobState::Failed | JobState::Unknown => return Ok(Removal::Absent),
                    JobState::Active => return Ok(Removal::Active),
                    JobState::Waiting | JobState::Delayed | JobState::Prioritized | JobState::WaitingChildren => {}
                }
                // Not with its children: taking a dispatch back must not take the work with it.
                let is_removed = queue.remove_without_children(id).await?;
                Ok(if is_removed { Removal::Removed } else { Removal::Active })
            })
            .await
    }

    /// Lets a dead letter wait again: by its own priority, with all its tries and none of its history of stalls.
    ///
    /// A flow parent that has run does not run again; leave a new `dispatch` where somebody listens.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn retry(&self, lane: Lane, id: &str) -> Result<Retried, QueueError> {
        self.retry_at(lane, id, None).await
    }

    /// The same, by another number than its own.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn retry_at(&self, lane: Lane, id: &str, number: Option<u32>) -> Result<Retried, QueueError> {
        let key = self.keys(lane).job_key(id);
        self.sessions
            .with(|session| {
                let key = key.clone();
                async move {
                    let queue = session.queue(lane);
                    let Some(mut job) = queue.get_job(id).await? else { return Ok(Retried::Absent) };
                    if queue.get_job_state(id).await? != JobState::Failed {
                        return Ok(Retried::NotFailed);
                    }
                    let mut redis = session.redis();
                    redis::cmd("HDEL").arg(&key).arg(&scripts::HISTORY).query_async::<()>(&mut redis).await?;
                    if let Some(number) = number {
                        let mut change = redis::cmd("HSET");
                        change.arg(&key).arg("priority").arg(number).query_async::<()>(&mut redis).await?;
                    }
                    let fresh = RetryOptions { reset_attempts_made: true, reset_attempts_started: true };
                    job.retry("failed", Some(fresh)).await?;
                    Ok(Retried::Retried)
                }
            })
            .await
    }

    /// Stops handing out jobs of the lane, everywhere; running ones go on.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn pause(&self, lane: Lane) -> Result<(), QueueError> {
        self.sessions.with(|session| async move { Ok(session.queue(lane).pause().await?) }).await
    }

    /// Hands out jobs of the lane again.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn resume(&self, lane: Lane) -> Result<(), QueueError> {
        self.sessions.with(|session| async move { Ok(session.queue(lane).resume().await?) }).await
    }

    /// Whether the lane is paused.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn is_paused(&self, lane: Lane) -> Result<bool, QueueError> {
        self.sessions.with(|session| async move { Ok(session.queue(lane).is_paused().await?) }).await
    }

    /// How long Redis takes to answer.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] when it does not.
    pub async fn ping(&self) -> Result<Duration, QueueError> {
        self.sessions
            .with(|session| async move {
                let began = Instant::now();
                redis::cmd("PING").query_async::<()>(&mut session.redis()).await?;
                Ok(began.elapsed())
            })
            .await
    }

    pub(super) const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(super) fn keys(&self, lane: Lane) -> QueueKeys {
        QueueKeys::new(lane.name(), Some(self.sessions.prefix()))
    }

    pub(super) fn job_options(&self, lane: Lane, id: &str, options: &AddOptions) -> JobOptions {
        let settings = lane.settings(&self.settings);
        JobOptions {
            job_id: Some(id.to_owned()),
            priority: Some(options.priority).filter(|priority| *priority > 0),
            delay: options.delay.map(millis).filter(|delay| *delay > 0),
            attempts: Some(options.attempts.unwrap_or(settings.attempts)),
            // What any BullMQ worker understands; ours adds jitter and a ceiling when it computes the wait.
            backoff: Some(BackoffStrategy::Exponential(settings.backoff.as_millis())),
            ..JobOptions::default()
        }
    }
}

/// The ticket as JSON, with the timeout that its caller asked for.
fn payload<T: Serialize>(ticket: &T, options: &AddOptions) -> Result<Value, QueueError> {
    let mut data = serde_json::to_value(ticket)?;
    if let (Value::Object(members), Some(timeout)) = (&mut data, options.timeout) {
        members.insert(String::from("timeoutMs"), json!(millis(timeout)));
    }
    Ok(data)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Refuses ids that BullMQ refuses, before they spoil a whole batch: empty, with a `:`, or a bare number.
fn check_id(id: &str) -> Result<(), QueueError> {
    let is_good = !id.is_empty() && !id.contains(':') && !id.bytes().all(|byte| byte.is_ascii_digit());
    if is_good { Ok(()) } else { Err(QueueError::Id { id: id.to_owned() }) }
}
