//! One job from the crate's hands to its handler and back.
//!
//! The crate stores what we return: `Ok` completes the job, `Unrecoverable`
//! fails it for good. Whatever else may become of a job we do ourselves, with
//! its lock token, and then return [`moved`]: the crate leaves such a job alone.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bullmq::Job;
use futures::FutureExt as _;
use redis::FromRedisValue as _;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, error, info_span, warn};

use crate::clock;
use crate::model::disposition::clamp_retry_after;
use crate::queue::consumer::running::Running;
use crate::queue::consumer::standing::Standing;
use crate::queue::consumer::workshop::Workshop;
use crate::queue::consumer::{backoff, tally};
use crate::queue::{Abandoned, Delivery, Handler, Interruption, QueueError, Verdict, schedule, scripts};

/// How long an interrupted handler may wind down before its future is dropped.
pub(super) const WIND_DOWN: Duration = Duration::from_secs(2);
/// How long a handler may take to hear that a job is abandoned.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is said to the crate when the job has been moved already, or is not ours any more.
const fn moved() -> Result<Value, bullmq::Error> {
    Err(bullmq::Error::WaitingChildren)
}

/// Does one job.
pub(super) async fn process(
    workshop: Arc<Workshop>,
    handler: Arc<dyn Handler>,
    job: Job,
) -> Result<Value, bullmq::Error> {
    let place = workshop.running.enter(job.id(), job.token().unwrap_or_default());
    let run = Run { workshop: &workshop, handler: &*handler, job: &job, running: &place.running };
    if workshop.is_closing() {
        return run.hand_back().await;
    }
    if let Some(scheduler) = job.repeat_job_key() {
        return schedule::tick(&workshop.sessions, &workshop.settings, workshop.lane, scheduler, &job).await;
    }
    let slot = tokio::select! {
        biased;
        slot = workshop.slots.acquire() => slot,
        () = place.running.token.cancelled() => return run.let_go().await,
    };
    let kind = tally::kind_of(workshop.lane, job.name());
    let attempt = job.attempts_made() + 1;
    let span = info_span!("job", job.id = %job.id(), job.kind = kind, job.attempt = attempt, lane = %workshop.lane);
    let result = run.to_its_end(kind).instrument(span).await;
    drop(slot);
    result
}

/// One run of one job.
struct Run<'a> {
    workshop: &'a Arc<Workshop>,
    handler: &'a dyn Handler,
    job: &'a Job,
    running: &'a Arc<Running>,
}

impl Run<'_> {
    async fn to_its_end(&self, kind: &'static str) -> Result<Value, bullmq::Error> {
        let standing = self.standing().await;
        let most = self.workshop.settings.max_stalled;
        if standing.stalls > most {
            let why = Abandoned::WorkerLost(standing.stalls);
            self.say_farewell(standing, why).await;
            tally::ended(self.workshop.lane, kind, "failed", Duration::ZERO);
            return self.fail(why.to_string()).await;
        }
        let began = Instant::now();
        let verdict = self.work(standing).await;
        let (outcome, result) = self.settle(standing, verdict).await;
        tally::ended(self.workshop.lane, kind, outcome, began.elapsed());
        result
    }

    /// What the job has behind it. Redis is asked only about jobs that were started without being charged a try.
    async fn standing(&self) -> Standing {
        let job = self.job;
        let declared = job.opts().attempts.filter(|attempts| *attempts > 0);
        let mut standing = Standing {
            attempt: job.attempts_made() + 1,
            max_attempts: declared.unwrap_or(self.workshop.settings.attempts),
            stalls: 0,
            deferrals: 0,
            deferred_for: Duration::ZERO,
        };
        if job.attempts_started() <= standing.attempt {
            return standing;
        }
        let key = self.workshop.keys.job_key(job.id());
        let history = self
            .workshop
            .sessions
            .with(|session| {
                let key = &key;
                async move {
                    let mut ask = redis::cmd("HMGET");
                    ask.arg(key).arg(&scripts::HISTORY);
                    Ok(ask.query_async::<(Option<u32>, Option<u32>, Option<u64>)>(&mut session.redis()).await?)
                }
            })
            .await;
        match history {
            Ok((stalls, deferrals, since)) => {
                standing.stalls = stalls.unwrap_or(0);
                standing.deferrals = deferrals.unwrap_or(0);
                let for_ms = since.map_or(0, |since| clock::now_ms().saturating_sub(since));
                standing.deferred_for = Duration::from_millis(for_ms);
            }
            Err(error) => warn!(error = %error, "Could not read what job `{}` has behind it", job.id()),
        }
        standing
    }

    /// Runs the handler under its deadline and its token, and makes a verdict of whatever happens.
    async fn work(&self, standing: Standing) -> Verdict {
        let limit = self.deadline();
        let delivery = Delivery::new(self.workshop, self.job, self.running, standing);
        let mut handling = AssertUnwindSafe(self.handler.handle(delivery)).catch_unwind();
        let finished = tokio::select! {
            biased;
            finished = &mut handling => Some(finished),
            () = self.running.token.cancelled() => None,
            () = sleep(limit) => {
                self.running.interrupt(Interruption::Deadline);
                None
            }
        };
        let finished = match finished {
            Some(finished) => Some(finished),
            None => timeout(WIND_DOWN, &mut handling).await.ok(),
        };
        drop(handling);
        match finished {
            Some(Ok(verdict)) => verdict,
            Some(Err(_)) => {
                error!(job.id = %self.job.id(), "The handler of job `{}` panicked", self.job.id());
                self.say_farewell(standing, Abandoned::Panicked).await;
                Verdict::GiveUp(Abandoned::Panicked.to_string())
            }
            None => self.verdict_of_silence(standing, limit).await,
        }
    }

    /// The verdict on a handler that did not wind down in time.
    async fn verdict_of_silence(&self, standing: Standing, limit: Duration) -> Verdict {
        match self.running.interruption() {
            Some(Interruption::Deadline) | None => {
                let why = Abandoned::DeadlineExceeded(limit);
                let verdict = Verdict::Retry(why.to_string());
                if standing.is_ended_by(&verdict) {
                    self.say_farewell(standing, why).await;
                }
                verdict
            }
            Some(Interruption::Cancelled) => {
                self.say_farewell(standing, Abandoned::Cancelled).await;
                Verdict::GiveUp(Abandoned::Cancelled.to_string())
            }
            Some(Interruption::Closing | Interruption::LockLost) => Verdict::HandBack,
        }
    }

    /// The longest that this run may take: the payload's wish within the lane's bounds.
    fn deadline(&self) -> Duration {
        let settings = &self.workshop.settings;
        let wish = self.job.data().get("timeoutMs").and_then(Value::as_u64).map(Duration::from_millis);
        let limit = wish.unwrap_or(settings.deadline.duration());
        limit.clamp(Duration::from_millis(1), settings.deadline_ceiling.duration())
    }

    /// Does what the verdict says, and names the outcome for the metrics.
    async fn settle(&self, standing: Standing, verdict: Verdict) -> (&'static str, Result<Value, bullmq::Error>) {
        match (self.running.interruption(), verdict) {
            (Some(Interruption::LockLost), _) => {
                warn!(job.id = %self.job.id(), "The lock of job `{}` was lost; another worker has it", self.job.id());
                ("lock-lost", moved())
            }
            (_, Verdict::Done(value)) => ("completed", Ok(value)),
            (Some(Interruption::Closing), _) | (_, Verdict::HandBack) => ("handed-back", self.hand_back().await),
            // Whoever cancelled does not want another try.
            (
                Some(Interruption::Cancelled),
                Verdict::Retry(_) | Verdict::RetryIn(..) | Verdict::RetryAfter(..) | Verdict::Later(_),
            ) => ("failed", self.fail(Abandoned::Cancelled.to_string()).await),
            (_, verdict) if standing.is_ended_by(&verdict) => ("failed", self.fail(reason_of(verdict)).await),
            (_, Verdict::Retry(reason)) => {
                let strategy = self.job.opts().backoff.as_ref();
                let wait = backoff::wait(strategy, &self.workshop.settings, standing.attempt, rand::random());
                ("retried", self.try_again(&reason, "attempt", wait).await)
            }
            (_, Verdict::RetryIn(wait, reason)) => ("retried", self.try_again(&reason, "attempt", wait).await),
            (_, Verdict::RetryAfter(wish, reason)) => {
                ("deferred", self.try_again(&reason, "deferral", clamp_retry_after(wish)).await)
            }
            (_, Verdict::Later(wait)) => ("postponed", self.postpone(wait).await),
            (_, Verdict::GiveUp(reason)) => ("failed", self.fail(reason).await),
        }
    }

    /// Fails the job for good: the crate writes that, and hands out the next job with it.
    async fn fail(&self, reason: String) -> Result<Value, bullmq::Error> {
        match self.note(&reason, "nothing").await {
            // Without its trace in Redis the failure is still a failure.
            Ok(true) | Err(_) => Err(bullmq::Error::Unrecoverable(reason)),
            Ok(false) => moved(),
        }
    }

    /// Charges the try and lets the job wait.
    async fn try_again(&self, reason: &str, cost: &str, wait: Duration) -> Result<Value, bullmq::Error> {
        match self.note(reason, cost).await {
            Ok(true) => {}
            Ok(false) => return moved(),
            Err(error) => {
                // The lock runs out, and the job comes back as one that lost its worker.
                warn!(job.id = %self.job.id(), error = %error, "Could not note a failed try of `{}`", self.job.id());
                return moved();
            }
        }
        self.postpone(wait).await
    }

    /// Lets the job wait.
    async fn postpone(&self, wait: Duration) -> Result<Value, bullmq::Error> {
        let due = clock::now_ms().saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 8192).max(1));
        if let Err(error) = self.job.move_to_delayed(due).await {
            warn!(job.id = %self.job.id(), error = %error, "Could not delay job `{}`", self.job.id());
        }
        moved()
    }

    /// Notes a failed try on the job; `false` when the job is not ours any more.
    async fn note(&self, reason: &str, cost: &str) -> Result<bool, QueueError> {
        let key = self.workshop.keys.job_key(self.job.id());
        let now = clock::now_ms();
        self.workshop
            .sessions
            .with(|session| {
                let mut ask = scripts::NOTE_FAILURE.prepare_invoke();
                ask.key(&key).arg(&self.running.lock_token).arg(reason).arg(cost).arg(now);
                async move {
                    let answer: redis::Value = ask.invoke_async(&mut session.redis()).await?;
                    Ok(u8::from_redis_value(answer).map_err(redis::RedisError::from)? == 1)
                }
            })
            .await
    }

    /// Puts the job back in front, and wakes an idle peer: for a prioritised one BullMQ's script does not.
    async fn hand_back(&self) -> Result<Value, bullmq::Error> {
        match self.job.move_to_wait(None).await {
            Ok(_) if self.job.priority() > 0 => self.workshop.ring().await,
            Ok(_) => {}
            Err(error) => warn!(job.id = %self.job.id(), error = %error, "Could not hand back `{}`", self.job.id()),
        }
        moved()
    }

    /// What an interrupted job comes to before it has run.
    async fn let_go(&self) -> Result<Value, bullmq::Error> {
        match self.running.interruption() {
            Some(Interruption::LockLost) => moved(),
            Some(Interruption::Cancelled) => {
                let standing = self.standing().await;
                self.say_farewell(standing, Abandoned::Cancelled).await;
                self.fail(Abandoned::Cancelled.to_string()).await
            }
            Some(Interruption::Closing | Interruption::Deadline) | None => self.hand_back().await,
        }
    }

    /// Tells the handler that the job ends without its word.
    async fn say_farewell(&self, standing: Standing, why: Abandoned) {
        let delivery = Delivery::new(self.workshop, self.job, self.running, standing);
        let heard = AssertUnwindSafe(self.handler.abandoned(&delivery, why)).catch_unwind();
        if !matches!(timeout(FAREWELL, heard).await, Ok(Ok(()))) {
            error!(job.id = %self.job.id(), "The handler did not take in that job `{}` is abandoned", self.job.id());
        }
    }
}

/// The text of a verdict that ends a job.
fn reason_of(verdict: Verdict) -> String {
    match verdict {
        Verdict::Retry(reason)
        | Verdict::RetryIn(_, reason)
        | Verdict::RetryAfter(_, reason)
        | Verdict::GiveUp(reason) => reason,
        Verdict::Done(_) | Verdict::Later(_) | Verdict::HandBack => String::new(),
    }
}
