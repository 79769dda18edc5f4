//! Working one lane: fetch, run under a deadline, settle, stop in time.
//!
//! The crate's worker fetches and finishes, a job and the next one in one
//! script. Around it stand: [`process`], which turns a handler's verdict into
//! what the crate should write; the keeper, which renews the locks of all
//! running jobs in one script, interrupts those that lost theirs, and sees
//! whether Redis is there; and the fleet, which replaces the crate's worker
//! after an outage, because its connections come back only by and by.

mod backoff;
pub mod delivery;
pub mod handler;
mod process;
pub mod running;
mod standing;
mod tally;
pub mod verdict;
pub(super) mod workshop;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bullmq::types::{KeepJobs, RemoveOnFinish};
use bullmq::worker::WorkerEvent;
use bullmq::{RateLimiterOptions, Worker, WorkerOptions};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::config::queues::LaneSettings;
use crate::config::redis::RedisSettings;
use crate::queue::consumer::process::WIND_DOWN;
use crate::queue::consumer::workshop::Workshop;
use crate::queue::session::Sessions;
use crate::queue::{Handler, Interruption, Lane, QueueError};
use crate::shutdown::{self, Stop, StopHandle};

/// How long an idle worker blocks before it looks by itself: also how long it takes to notice that it should stop.
const DRAIN_DELAY: Duration = Duration::from_secs(1);
/// How long one of the crate's workers may take to connect.
const CONNECT: Duration = Duration::from_secs(2);
/// How long it may take to stop once no job runs; then its blocking read is broken off.
const STOP: Duration = Duration::from_secs(2);
/// How often Redis is looked for during an outage.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// How long a fetch that failed is not repeated.
const FETCH_AGAIN: Duration = Duration::from_millis(200);
/// More stalls than any job sees: we count them ourselves, since the crate fails such a job without asking us.
const UNBOUNDED_STALLS: u32 = u32::MAX;

/// Works one lane until it is closed.
pub struct Consumer {
    fleet: Arc<Fleet>,
    stop: StopHandle,
}

/// Closes all consumers at once, so that their waits do not add up.
pub async fn close_all(consumers: Vec<Consumer>, grace: Duration) {
    futures::future::join_all(consumers.into_iter().map(|consumer| consumer.close(grace))).await;
}

impl Consumer {
    /// Starts working `lane`.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] within a few seconds where Redis is away, [`QueueError::Settings`] where the
    /// settings contradict each other.
    pub async fn start(
        redis: &RedisSettings,
        lane: Lane,
        settings: &LaneSettings,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, QueueError> {
        if let Some(fault) = settings.faults().into_iter().next() {
            return Err(QueueError::Settings(format!("{lane}.{fault}")));
        }
        let workshop = Arc::new(Workshop::new(lane, settings, Sessions::new(redis)?));
        // The crate's own connect waits for long; asking first makes the refusal quick.
        workshop.renew().await?;
        let tasks = TaskTracker::new();
        let (handle, stop) = shutdown::channel();
        let worker = Fleet::hire(&workshop, &handler, &tasks, &stop).await?;
        let fleet = Arc::new(Fleet { workshop, handler, tasks, current: Mutex::new(worker) });
        fleet.tasks.spawn(keep(Arc::clone(&fleet), stop));
        info!(lane = %lane, concurrency = settings.concurrency, "Working lane `{lane}`");
        Ok(Self { fleet, stop: handle })
    }

    /// The lane.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.fleet.workshop.lane
    }

    /// Cancels the token of a job that runs in this process; `false` when it does not.
    #[must_use]
    pub fn cancel(&self, id: &str) -> bool {
        self.fleet.workshop.running.interrupt(id, Interruption::Cancelled)
    }

    /// What cancels jobs of this lane in this process, for whoever hears that somebody wants them cancelled.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller(Arc::clone(&self.fleet))
    }

    /// Stops: no more jobs are taken, running ones get `grace`, then their tokens are cancelled and they go back to
    /// the queue with no try charged. Ends at most about six seconds after the grace.
    pub async fn close(self, grace: Duration) {
        let workshop = &self.fleet.workshop;
        let worker = self.fleet.current();
        workshop.begin_closing();
        worker.pause();
        workshop.ring().await;
        if timeout(grace, workshop.running.emptied()).await.is_err() {
            workshop.running.interrupt_all(Interruption::Closing);
            if timeout(WIND_DOWN + STOP, workshop.running.emptied()).await.is_err() {
                warn!(lane = %workshop.lane, "Jobs of lane `{}` could not be handed back in time", workshop.lane);
            }
        }
        self.stop.fire();
        stand_down(&worker).await;
        self.fleet.tasks.close();
        if timeout(STOP, self.fleet.tasks.wait()).await.is_err() {
            debug!(lane = %workshop.lane, "Tasks of a replaced worker are left to end by themselves");
        }
        // An outage that ended just now may have put another in its place.
        let last = self.fleet.current();
        if !Arc::ptr_eq(&worker, &last) {
            stand_down(&last).await;
        }
        info!(lane = %workshop.lane, "Stopped working lane `{}`", workshop.lane);
    }
}

/// Cancels running jobs of one lane in this process. Cheap to clone.
#[derive(Clone)]
pub struct Canceller(Arc<Fleet>);

impl Canceller {
    /// Cancels the token of a job that runs in this process; `false` when it does not.
    #[must_use]
    pub fn cancel(&self, lane: Lane, id: &str) -> bool {
        self.0.workshop.lane == lane && self.0.workshop.running.interrupt(id, Interruption::Cancelled)
    }
}

impl Drop for Consumer {
    /// A consumer that is not closed stops taking jobs; what runs goes on until the process ends.
    fn drop(&mut self) {
        self.fleet.workshop.begin_closing();
        self.fleet.current().pause();
        self.stop.fire();
    }
}

/// The crate's worker, and those that it replaced.
struct Fleet {
    workshop: Arc<Workshop>,
    handler: Arc<dyn Handler>,
    tasks: TaskTracker,
    current: Mutex<Arc<Worker>>,
}

impl Fleet {
    fn current(&self) -> Arc<Worker> {
        Arc::clone(&self.current.lock())
    }

    /// Starts one of the crate's workers.
    async fn hire(
        workshop: &Arc<Workshop>,
        handler: &Arc<dyn Handler>,
        tasks: &TaskTracker,
        stop: &Stop,
    ) -> Result<Arc<Worker>, QueueError> {
        let (shared, handler) = (Arc::clone(workshop), Arc::clone(handler));
        let processor = move |job, _token| process::process(Arc::clone(&shared), Arc::clone(&handler), job);
        let hiring = Worker::with_options(workshop.lane.name(), processor, options(workshop));
        let worker = Arc::new(timeout(CONNECT, hiring).await.map_err(|_| QueueError::silence())??);
        tasks.spawn(listen(Arc::clone(&worker), workshop.lane, stop.clone()));
        Ok(worker)
    }

    /// Takes a new worker and lets the old one finish what it has.
    async fn replace(&self, stop: &Stop) -> Result<(), QueueError> {
        let fresh = Self::hire(&self.workshop, &self.handler, &self.tasks, stop).await?;
        if self.workshop.is_closing() {
            fresh.pause();
        }
        let old = std::mem::replace(&mut *self.current.lock(), fresh);
        old.pause();
        let stop = stop.clone();
        self.tasks.spawn(async move {
            while old.active_count().await > 0 && !stop.has_fired() {
                tokio::select! {
                    () = sleep(LOOK_AGAIN) => {}
                    () = stop.fired() => {}
                }
            }
            stand_down(&old).await;
        });
        Ok(())
    }
}

async fn stand_down(worker: &Worker) {
    let most = u64::try_from(STOP.as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = worker.close(most).await {
        debug!(error = %error, "A worker did not stop in order");
    }
}

/// Reads the crate's events: unread ones pile up in memory, each with its job's result.
async fn listen(worker: Arc<Worker>, lane: Lane, stop: Stop) {
    loop {
        let event = tokio::select! {
            event = worker.next_event() => event,
            () = stop.fired() => return,
        };
        match event {
            Some(WorkerEvent::Error(text)) => debug!(lane = %lane, error = text, "The queue's worker met an error"),
            Some(WorkerEvent::Closed) | None => return,
            Some(_) => {}
        }
    }
}

/// Renews locks and watches for outages until told to stop.
async fn keep(fleet: Arc<Fleet>, stop: Stop) {
    let workshop = &fleet.workshop;
    let pace = workshop.renewal_age().min(Duration::from_secs(1));
    let mut away: Option<Instant> = None;
    while !stop.has_fired() {
        tokio::select! {
            () = sleep(if away.is_some() { LOOK_AGAIN } else { pace }) => {}
            () = stop.fired() => break,
        }
        let answer = workshop.renew().await;
        workshop.running.interrupt_overdue(workshop.settings.lock.duration());
        match (answer, away) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(error), None) => {
                warn!(lane = %workshop.lane, error = %error, "Redis is away; lane `{}` waits for it", workshop.lane);
                tally::outage(workshop.lane);
                away = Some(Instant::now());
            }
            (Ok(()), Some(since)) => match fleet.replace(&stop).await {
                Ok(()) => {
                    let ms = since.elapsed().as_millis();
                    info!(lane = %workshop.lane, away_ms = ms, "Redis is back; lane `{}` goes on", workshop.lane);
                    away = None;
                }
                Err(error) => debug!(lane = %workshop.lane, error = %error, "Redis is not quite back"),
            },
        }
    }
}

fn options(workshop: &Workshop) -> WorkerOptions {
    let settings = &workshop.settings;
    let mut options = WorkerOptions::new()
        .connection(workshop.sessions.connection_options())
        .prefix(workshop.sessions.prefix())
        .name(format!("semantest-{}", std::process::id()))
        .concurrency(settings.concurrency)
        .lock_duration(settings.lock.duration())
        .max_stalled_count(UNBOUNDED_STALLS)
        .stalled_interval(settings.stalled_check.duration())
        .drain_delay(DRAIN_DELAY)
        .run_retry_delay(FETCH_AGAIN)
        .remove_on_complete(kept(settings.keep_completed.duration(), settings.keep_completed_count))
        .remove_on_fail(kept(settings.keep_failed.duration(), settings.keep_failed_count));
    // Ours renews all in one call and hears what was lost.
    options.skip_lock_renewal = true;
    options.maximum_rate_limit_delay = 1000;
    if settings.rate_max > 0 {
        options = options.limiter(RateLimiterOptions::new(settings.rate_max, settings.rate_per.duration()));
    }
    options
}

/// BullMQ's rule of what is kept; its age is in seconds, whatever the crate's own words say.
fn kept(age: Duration, count: usize) -> RemoveOnFinish {
    RemoveOnFinish::Options(KeepJobs { age: Some(age.as_secs().max(1)), count: Some(count), limit: None })
}
