//! One job in a handler's hands, and its voice.

use std::sync::Arc;

use bullmq::Job;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::queue::consumer::running::Running;
use crate::queue::consumer::standing::Standing;
use crate::queue::consumer::workshop::Workshop;
use crate::queue::{Interruption, Lane, QueueError, Verdict, scripts};

/// Most lines of a job's log; the oldest go first.
pub const MOST_LOG_LINES: usize = 1000;

/// One try of one job.
pub struct Delivery {
    /// The queue it came from.
    pub lane: Lane,
    /// The queue's own id of it.
    pub id: String,
    /// The name it was added under; [`crate::queue::tickets::kind_of`] knows the older ones too.
    pub name: String,
    /// The payload.
    pub data: Value,
    /// Which try this is; 1 is the first.
    pub attempt: u32,
    /// Tries at most.
    pub max_attempts: u32,
    /// How often the job lost its worker before.
    pub stalls: u32,
    /// When it was added, in milliseconds since the epoch.
    pub enqueued_at_ms: u64,
    /// Cancelled when the work is to stop; [`Delivery::interruption`] says why.
    pub token: CancellationToken,
    standing: Standing,
    running: Arc<Running>,
    workshop: Arc<Workshop>,
}

impl Delivery {
    pub(super) fn new(workshop: &Arc<Workshop>, job: &Job, running: &Arc<Running>, standing: Standing) -> Self {
        Self {
            lane: workshop.lane,
            id: job.id().to_owned(),
            name: job.name().to_owned(),
            data: job.data().clone(),
            attempt: standing.attempt,
            max_attempts: standing.max_attempts,
            stalls: standing.stalls,
            enqueued_at_ms: job.timestamp(),
            token: running.token.clone(),
            standing,
            running: Arc::clone(running),
            workshop: Arc::clone(workshop),
        }
    }

    /// Why the token is cancelled; `None` while it is not.
    #[must_use]
    pub fn interruption(&self) -> Option<Interruption> {
        self.running.interruption()
    }

    /// Whether a [`Verdict::Retry`] would end the job.
    #[must_use]
    pub const fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }

    /// Whether the job is given up, without another run, should this process die over it.
    #[must_use]
    pub fn is_last_life(&self) -> bool {
        self.stalls >= self.workshop.settings.max_stalled
    }

    /// Whether the queue will make this verdict a failure for good: tries, waits and the day are counted.
    ///
    /// A handler that keeps records of its own asks before it returns.
    #[must_use]
    pub fn ends_with(&self, verdict: &Verdict) -> bool {
        self.standing.is_ended_by(verdict)
    }

    /// Tells how far the job is: on the job and in the queue's events, where any BullMQ client hears it.
    ///
    /// # Errors
    /// [`QueueError`]; the job may go on.
    pub async fn progress(&self, progress: &Value) -> Result<(), QueueError> {
        let keys = &self.workshop.keys;
        let text = serde_json::to_string(progress)?;
        let (job, events, meta) = (keys.job_key(&self.id), keys.events(), keys.meta());
        self.workshop
            .sessions
            .with(|session| {
                let (job, events, meta, text) = (&job, &events, &meta, &text);
                async move {
                    let mut ask = scripts::TELL_PROGRESS.prepare_invoke();
                    ask.key(job).key(events).key(meta).arg(&self.id).arg(text);
                    Ok(ask.invoke_async::<()>(&mut session.redis()).await?)
                }
            })
            .await
    }

    /// Adds a line to the job's log; the newest [`MOST_LOG_LINES`] are kept.
    ///
    /// # Errors
    /// [`QueueError`]; the job may go on.
    pub async fn log(&self, line: &str) -> Result<(), QueueError> {
        let job = self.workshop.keys.job_key(&self.id);
        let log = format!("{job}:logs");
        self.workshop
            .sessions
            .with(|session| {
                let (job, log) = (&job, &log);
                async move {
                    let mut ask = scripts::ADD_LOG.prepare_invoke();
                    ask.key(job).key(log).arg(line).arg(MOST_LOG_LINES);
                    Ok(ask.invoke_async::<()>(&mut session.redis()).await?)
                }
            })
            .await
    }
}

impl std::fmt::Debug for Delivery {
    /// Leaves the payload out: it may hold a prompt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("lane", &self.lane)
            .field("id", &self.id)
            .field("name", &self.name)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
