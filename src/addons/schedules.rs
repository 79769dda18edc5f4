//! Schedules: one scheduler of the queue for each schedule of each enablement, and the call when one is due.
//!
//! A scheduler is derived from the enablement, never the other way round: a tick asks the record whether it is still meant,
//! and one that is not ends its scheduler. So an enablement that was changed by a process that died before it could change
//! the schedulers is right all the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::debug;

use crate::addons::owner::Owner;
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::{Addons, Inner};
use crate::host::{Invocation, Reply};
use crate::model::capability::CapabilityKind;
use crate::model::code::JobCode;
use crate::model::job_error::JobError;
use crate::model::manifest::ScheduleSpec;
use crate::model::usage::Use;
use crate::queue::QueueError;
use crate::queue::schedule::{self, CronRule};
use crate::queue::tickets::tick::Tick;
use crate::store::enablements::Enablement;

/// Why a schedule is not to tick.
enum Refused {
    /// For now: it may tick again without anybody changing the enablement.
    ForNow(String),
    /// It is not what the scheduler was made for.
    ForGood(String),
}

impl Addons {
    /// Runs a `tick` job's call. One that is not meant any more, because the addon is off, blocked, erased, or of a version
    /// with other schedules, does nothing, and the answer says so.
    ///
    /// # Errors
    /// [`JobError`]: the call's own outcome.
    pub async fn tick(&self, owner: &Owner, ticket: &Tick, context: &CallContext) -> Result<Value, JobError> {
        let running = self.inner.running(owner).await?;
        let refused = match &running {
            None => Some(Refused::ForGood(format!("`{}` is not enabled for user `{}`", owner.addon, owner.user))),
            Some(running) => self.inner.refused(running, ticket).await?,
        };
        let (Some(running), None) = (&running, &refused) else {
            let reason = refused.map(|refused| match refused {
                Refused::ForNow(reason) | Refused::ForGood(reason) => reason,
            });
            let name = scheduler_name(&ticket.enablement, &ticket.schedule);
            schedule::cease::<Tick>(self.inner.work.producer(), &name).await.map_err(as_job_error)?;
            // What is meant instead, where something is.
            self.inner.settle_signals(owner).await;
            return Ok(json!({ "ticked": false, "reason": reason }));
        };
        let compiled = self.inner.compiled(running).await?;
        let call = Call { context, limits: self.inner.limits(&running.manifest, None, None), given: &[] };
        let invocation = Invocation::Tick { schedule: ticket.schedule.clone(), due_ms: ticket.due_ms };
        match self.inner.call(running, &compiled, call, invocation).await? {
            Reply::Done => Ok(json!({ "ticked": true, "schedule": ticket.schedule, "dueMs": ticket.due_ms })),
            _ => Err(JobError::permanent(JobCode::Internal, "the schedule's handler answered out of turn")),
        }
    }
}

impl Inner {
    async fn refused(&self, running: &Running, ticket: &Tick) -> Result<Option<Refused>, JobError> {
        if let Err(blocked) = self.may_run(running) {
            return Ok(Some(Refused::ForNow(blocked.failure.message)));
        }
        if running.enablement.id() != ticket.enablement {
            return Ok(Some(Refused::ForGood(String::from("the addon was erased and enabled anew since"))));
        }
        let Some(spec) = running.manifest.schedule(&ticket.schedule) else {
            let message = format!("the version that runs now has no schedule `{}`", ticket.schedule);
            return Ok(Some(Refused::ForGood(message)));
        };
        if spec.cron != ticket.cron || spec.timezone_for(running.enablement.timezone.as_deref()) != ticket.timezone {
            let message = format!("the schedule `{}` is due at other times now", ticket.schedule);
            return Ok(Some(Refused::ForGood(message)));
        }
        let decision = self.rights(running).await?.decide(&Use::Door(CapabilityKind::Schedule));
        Ok(decision.denial().map(|denial| Refused::ForNow(denial.to_string())))
    }

    /// Makes the schedulers of an enablement that runs.
    pub(super) async fn arm(&self, running: &Running) -> Result<(), QueueError> {
        for spec in &running.manifest.schedules {
            let ticket = ticket_of(running, spec);
            let rule = CronRule { cron: ticket.cron.clone(), timezone: ticket.timezone.clone() };
            let name = scheduler_name(&ticket.enablement, &spec.name);
            if schedule::at(self.work.producer(), &name, &rule, &ticket).await? {
                debug!(addon.id = %running.owner.addon, "Armed the schedule `{}` of `{}`", spec.name, ticket.enablement);
            }
        }
        Ok(())
    }

    /// Ends the schedulers of these schedules of an enablement.
    pub(super) async fn disarm(&self, enablement: &Enablement, schedules: &BTreeSet<String>) -> Result<(), QueueError> {
        let id = enablement.id();
        for schedule in schedules {
            schedule::cease::<Tick>(self.work.producer(), &scheduler_name(&id, schedule)).await?;
        }
        Ok(())
    }
}

fn ticket_of(running: &Running, spec: &ScheduleSpec) -> Tick {
    let enablement = &running.enablement;
    Tick {
        addon_id: enablement.addon.to_string(),
        user_id: Some(enablement.user.to_string()),
        client_id: Some(enablement.client.to_string()),
        enablement: enablement.id(),
        schedule: spec.name.clone(),
        cron: spec.cron.clone(),
        timezone: spec.timezone_for(enablement.timezone.as_deref()).to_owned(),
        due_ms: 0,
    }
}

/// What the queue calls the scheduler: the enablement's opaque name without its `enb_`, and the schedule's.
fn scheduler_name(enablement: &str, schedule: &str) -> String {
    format!("{}-{schedule}", enablement.trim_start_matches("enb_"))
}

fn as_job_error(error: QueueError) -> JobError {
    crate::work::WorkError::from(error).into()
}
