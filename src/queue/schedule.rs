//! Ticking: jobs that come back by the clock.
//!
//! BullMQ arms a scheduler's next run when the crate finishes the present one,
//! so a long run would swallow the ones after it. Our tick therefore does no
//! work: it leaves the real job in the same lane and ends at once.

use std::time::Duration;

use bullmq::job_scheduler::RepeatOptions;
use bullmq::types::BackoffStrategy;
use bullmq::{Job, JobOptions};
use serde_json::Value;

use crate::config::queues::LaneSettings;
use crate::queue::session::Sessions;
use crate::queue::{Lane, Producer, QueueError, Ticket};

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

/// Ends what [`every`] began; `false` when there was no such schedule.
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

/// Runs a tick: leaves the real job under an id made from the tick's own, so that a tick that runs twice leaves one.
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
    let left = sessions
        .with(|session| {
            let options = options.clone();
            async move {
                session.queue(lane).add(tick.name(), tick.data()).options(options).await?;
                Ok(())
            }
        })
        .await;
    match left {
        Ok(()) => Ok(Value::Null),
        Err(error) => Err(bullmq::Error::Unrecoverable(format!("INTERNAL: {error}"))),
    }
}
