//! Ticking: jobs that come back by the clock.
//!
//! BullMQ arms a scheduler's next run when the crate finishes the present one,
//! so a long run would swallow the ones after it. Our tick therefore does no
//! work: it leaves the real job in the same lane and ends at once.
//!
//! A worker that dies between the end of a run and the arming of the next one would end the series: the crate does the
//! two one after the other. So a tick of a cron schedule arms the next one itself, before it ends; one that dies before is
//! found stalled and runs again, under the same id, as does the real job that it leaves.

use std::time::Duration;

use bullmq::job_scheduler::{JobSchedulerJson, RepeatOptions, next_cron_millis};
use bullmq::types::BackoffStrategy;
use bullmq::{Job, JobOptions, JobState, Queue};
use serde_json::{Value, json};
use tracing::warn;

use crate::clock;
use crate::config::queues::LaneSettings;
use crate::queue::session::Sessions;
use crate::queue::{Lane, Producer, QueueError, Ticket};

/// When a cron schedule is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronRule {
    /// Five fields, or six with the seconds first.
    pub cron: String,
    /// The IANA name of the time zone that it goes by.
    pub timezone: String,
}

/// Leaves `ticket` in its lane every `period`, under ids of the form `<kind>_<name>-<time>`.
///
/// Saying it again changes the period or the ticket, and mends a schedule that an outage broke between two runs:
/// say it at every start, and every few minutes. `name` is `a-z 0-9 -`.
///
/// # Errors
/// [`QueueError`].
pub async fn every<T: Ticket>(producer: &Producer, name: &str, period: Duration, ticket: &T) -> Result<(), QueueError> {
    let scheduler = scheduler_id::<T>(name)?;
    let data = serde_json::to_value(ticket)?;
    let every = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    producer
        .sessions()
        .with(|session| {
            let (scheduler, data) = (&scheduler, data.clone());
            async move {
                let repeat = RepeatOptions { every: Some(every), ..RepeatOptions::default() };
                session.queue(T::LANE).upsert_job_scheduler(scheduler, repeat, Some(T::NAME), Some(data), None).await?;
                Ok(())
            }
        })
        .await
}

/// Leaves `ticket` in its lane whenever `rule` says so, under ids of the form `<kind>_<name>-<time>`, with the time it was due
/// as `dueMs`. Answers whether there was anything to do: a schedule that is as it should be, and whose next run is there,
/// is left alone, so that saying it again never costs a run. `name` is `a-z 0-9 -`.
///
/// # Errors
/// [`QueueError`].
pub async fn at<T: Ticket>(producer: &Producer, name: &str, rule: &CronRule, ticket: &T) -> Result<bool, QueueError> {
    let scheduler = scheduler_id::<T>(name)?;
    let data = serde_json::to_value(ticket)?;
    producer
        .sessions()
        .with(|session| {
            let (scheduler, data) = (&scheduler, data.clone());
            async move {
                let queue = session.queue(T::LANE);
                if let Some(kept) = queue.get_job_scheduler(scheduler).await?
                    && is_as_said::<T>(&kept, rule, &data)
                    && is_armed(queue, &kept).await?
                {
                    return Ok(false);
                }
                arm(queue, scheduler, rule, (T::NAME, data)).await?;
                Ok(true)
            }
        })
        .await
}

/// Ends what [`every`] or [`at`] began; `false` when there was no such schedule.
///
/// # Errors
/// [`QueueError`].
pub async fn cease<T: Ticket>(producer: &Producer, name: &str) -> Result<bool, QueueError> {
    let scheduler = scheduler_id::<T>(name)?;
    producer
        .sessions()
        .with(|session| {
            let scheduler = &scheduler;
            async move { Ok(session.queue(T::LANE).remove_job_scheduler(scheduler).await?) }
        })
        .await
}

fn scheduler_id<T: Ticket>(name: &str) -> Result<String, QueueError> {
    let is_good = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_good { Ok(format!("{}_{name}", T::KIND.id_prefix())) } else { Err(QueueError::Id { id: name.to_owned() }) }
}

fn repeat(rule: &CronRule, not_before_ms: u64) -> RepeatOptions {
    RepeatOptions {
        pattern: Some(rule.cron.clone()),
        tz: Some(rule.timezone.clone()),
        // Only where this clock is behind the one that found the run due: the next run is not the same one again.
        start_date: (not_before_ms >= clock::now_ms()).then_some(not_before_ms),
        ..RepeatOptions::default()
    }
}

fn is_as_said<T: Ticket>(kept: &JobSchedulerJson, rule: &CronRule, data: &Value) -> bool {
    kept.name == T::NAME
        && kept.pattern.as_ref() == Some(&rule.cron)
        && kept.tz.as_ref() == Some(&rule.timezone)
        && kept.data.as_ref() == Some(data)
}

/// Whether the next run is there, or being done: whoever does it arms the one after it.
async fn is_armed(queue: &Queue, kept: &JobSchedulerJson) -> Result<bool, bullmq::Error> {
    let Some(next) = kept.next else { return Ok(false) };
    let state = queue.get_job_state(&format!("repeat:{}:{next}", kept.key)).await?;
    Ok(match state {
        JobState::Waiting | JobState::Delayed | JobState::Prioritized | JobState::Active => true,
        JobState::WaitingChildren | JobState::Completed | JobState::Failed | JobState::Unknown => false,
    })
}

/// Arms the next run. Where a queue was emptied, of the one that was armed the hash may be left that stands in no list any
/// more: BullMQ takes it for a job that is there, so it is cleared away.
async fn arm(
    queue: &Queue,
    scheduler: &str,
    rule: &CronRule,
    (name, data): (&str, Value),
) -> Result<(), bullmq::Error> {
    let said = queue.upsert_job_scheduler(scheduler, repeat(rule, 0), Some(name), Some(data.clone()), None).await;
    let Err(error) = said else { return Ok(()) };
    let Some(next) = next_cron_millis(&rule.cron, clock::now_ms(), Some(&rule.timezone), None)? else {
        return Err(error);
    };
    let ghost = format!("repeat:{scheduler}:{next}");
    if queue.get_job_state(&ghost).await? != JobState::Unknown {
        return Err(error);
    }
    queue.remove_job_scheduler(scheduler).await?;
    queue.remove_without_children(&ghost).await?;
    queue.upsert_job_scheduler(scheduler, repeat(rule, 0), Some(name), Some(data), None).await?;
    Ok(())
}

/// Runs a tick: leaves the real job under an id made from the tick's own, so that a tick that runs twice leaves one, and arms
/// the next.
pub(super) async fn tick(
    sessions: &Sessions,
    settings: &LaneSettings,
    lane: Lane,
    scheduler: &str,
    tick: &Job,
) -> Result<Value, bullmq::Error> {
    let time = tick.id().rsplit(':').next().unwrap_or_default();
    let options = JobOptions {
        job_id: Some(format!("{scheduler}-{time}")),
        attempts: Some(settings.attempts),
        backoff: Some(BackoffStrategy::Exponential(settings.backoff.as_millis())),
        ..JobOptions::default()
    };
    let due_ms = time.parse().unwrap_or(0);
    let mut data = tick.data().clone();
    if let Value::Object(members) = &mut data {
        members.insert(String::from("dueMs"), json!(due_ms));
    }
    let left = sessions
        .with(|session| {
            let (options, data) = (options.clone(), &data);
            async move {
                let queue = session.queue(lane);
                queue.add(tick.name(), data).options(options).await?;
                if let Err(error) = arm_next(queue, scheduler, due_ms).await {
                    warn!(scheduler, error = %error, "Could not arm the next run ahead of time");
                }
                Ok(())
            }
        })
        .await;
    match left {
        Ok(()) => Ok(Value::Null),
        Err(error) => Err(bullmq::Error::Unrecoverable(format!("INTERNAL: {error}"))),
    }
}

/// Arms the run after the one that was due at `due_ms`, for cron schedules that were neither ended nor armed already.
async fn arm_next(queue: &Queue, scheduler: &str, due_ms: u64) -> Result<(), bullmq::Error> {
    let Some(kept) = queue.get_job_scheduler(scheduler).await? else { return Ok(()) };
    let (Some(cron), true) = (kept.pattern, kept.next == Some(due_ms)) else { return Ok(()) };
    let rule = CronRule { cron, timezone: kept.tz.unwrap_or_else(|| String::from("UTC")) };
    queue.upsert_job_scheduler(scheduler, repeat(&rule, due_ms), Some(&kept.name), kept.data, None).await?;
    Ok(())
}
