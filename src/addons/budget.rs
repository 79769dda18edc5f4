//! What a call may use, what an enablement used, and whether its budgets leave room for another call.
//!
//! Only enablements that stand under a budget are looked up, with one trip. Calls that run at the same time do not see each
//! other: a budget may be exceeded by what was under way when it was used up.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveTime, Utc};
use tracing::warn;

use crate::addons::Inner;
use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::running::{CallContext, Running};
use crate::clock;
use crate::host::{Invocation, Usage};
use crate::model::budget::{Budget, OnExceeded, Spent, exhausted};
use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::Change;
use crate::model::limit::Excess;
use crate::model::limits::CallLimits;
use crate::model::manifest::Manifest;
use crate::store::StoreError;
use crate::store::enablements::{Enablement, Put};
use crate::store::usage::Used;

impl Inner {
    /// Refuses a call that no budget leaves room for. Answers whether it counts: calls of actions and hooks do, those that
    /// come with switching on, off and over do not.
    pub(super) async fn may_use(
        &self,
        running: &Running,
        invocation: &Invocation,
        context: &CallContext,
    ) -> Result<bool, JobError> {
        if invocation.is_optional() {
            return Ok(false);
        }
        self.within_budget(running, context).await?;
        Ok(true)
    }

    async fn within_budget(&self, running: &Running, context: &CallContext) -> Result<(), JobError> {
        let (policy, owner) = (self.policy().await?, &running.owner);
        let budgets: Vec<&Budget> =
            policy.policy.budget_of(&owner.addon).into_iter().chain(running.enablement.budget.as_ref()).collect();
        if budgets.is_empty() {
            return Ok(());
        }
        let written = self.usages.today(&owner.client, &owner.user, &owner.addon).await?;
        let spent = spent(&written.and(&context.usage.of((&owner.client, &owner.user, &owner.addon))));
        let Some((excess, reaction)) = exhausted(budgets, &spent) else { return Ok(()) };
        let failure = used_up(owner, &excess);
        if reaction == OnExceeded::Pause {
            let paused = self.pause_over_budget(owner, &failure).await;
            if let Err(error) = paused {
                warn!(%error, "Could not pause `{}`, whose budget is used up; the next call tries again", owner.addon);
            }
        }
        Err(failure)
    }

    /// The limits of a call: what the manifest wishes below the platform's ceiling, then what this call may take.
    pub(super) fn limits(&self, manifest: &Manifest, cpu_ms: Option<u64>, wall_ms: Option<u64>) -> CallLimits {
        let mut wish = manifest.limit_wish();
        wish.cpu = cpu_ms.map(Duration::from_millis).or(wish.cpu);
        wish.wall = wall_ms.map(Duration::from_millis).or(wish.wall);
        self.defaults.with_wish(wish, &self.ceiling)
    }

    /// The limits of a migration: it may touch every value that there is, as often as any call may at most.
    pub(super) fn migration_limits(&self, manifest: &Manifest) -> CallLimits {
        CallLimits {
            kv_operations: self.ceiling.kv_operations,
            kv_traffic: self.ceiling.kv_traffic,
            ..self.limits(manifest, None, None)
        }
    }

    /// Notes what a call used; `counts` where it was a call of an action or a hook.
    pub(super) fn note_usage(owner: &Owner, usage: &Usage, counts: bool, context: &CallContext) {
        if usage.wall == Duration::ZERO {
            // It never reached its guest.
            return;
        }
        let used = Used {
            calls: u64::from(counts),
            cpu_us: u64::try_from(usage.cpu.as_micros()).unwrap_or(u64::MAX),
            peak_memory: usage.peak_memory.as_u64(),
            egress_requests: usage.egress_requests,
            egress_bytes: usage.egress_bytes,
            kv_bytes: usage.kv_bytes,
            ..Used::default()
        };
        context.usage.note((&owner.client, &owner.user, &owner.addon), &used);
    }

    async fn pause_over_budget(&self, owner: &Owner, error: &JobError) -> Result<(), StoreError> {
        for _ in 0..WRITE_TRIES {
            let current = self.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let Some(current) = current else { return Ok(()) };
            let Ok(state) = current.state.next(Change::Quarantine) else { return Ok(()) };
            let message = format!("{}; it is paused: raise the budget, then POST …/resume", error.failure.message);
            let failure = Failure { message, retry_at: None, retryable: false, ..error.failure.clone() };
            let next = Enablement { state, error: Some(failure), ..current };
            if let Put::Stored(_) = self.write(next.revision, &next).await? {
                warn!(user.id = %owner.user, "`{}` is paused: its budget is used up", owner.addon);
                return Ok(());
            }
        }
        Ok(())
    }
}

fn spent(used: &Used) -> Spent {
    Spent {
        calls: used.calls,
        cpu_ms: used.cpu_us / 1000,
        egress_requests: used.egress_requests,
        egress_bytes: used.egress_bytes,
        kv_bytes: used.kv_bytes,
        credits: used.credits,
    }
}

/// The failure of a call that has no budget left: it may be asked for again tomorrow.
fn used_up(owner: &Owner, excess: &Excess) -> JobError {
    let message = format!(
        "the budget of `{}` for user `{}` is used up until midnight UTC: {} of {} {}",
        owner.addon,
        owner.user,
        excess.reached,
        excess.allowed,
        excess.limit.what()
    );
    let failure =
        Failure { retry_at: Some(next_midnight(clock::now())), ..Failure::transient(JobCode::QuotaExceeded, message) };
    JobError { disposition: Disposition::GiveUp, failure: failure.with_details(excess.details()) }
}

fn next_midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    let tomorrow = now.date_naive().checked_add_days(Days::new(1));
    tomorrow.map_or(now, |day| day.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_new_at_midnight_utc() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap_or_default();
        assert_eq!(next_midnight(time("2026-02-28T23:59:59Z")), time("2026-03-01T00:00:00Z"));
        assert_eq!(next_midnight(time("2026-12-31T00:00:00Z")), time("2027-01-01T00:00:00Z"));
    }
}
