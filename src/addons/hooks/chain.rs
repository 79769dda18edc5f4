//! One walk through the hooks of a point: each asked with its own limits and within what is left of the time they have
//! together; what cannot be asked, or breaks, is passed by or fatal as it declared.

use std::time::{Duration, Instant};

use serde_json::json;
use tracing::warn;

use crate::addons::Inner;
use crate::addons::given::GivenAsset;
use crate::addons::hooks::breaker::{Admission, is_answer, is_breakage};
use crate::addons::hooks::order::Link;
use crate::addons::hooks::trace::{HookTrace, HookVerdict, Trace, with_details};
use crate::addons::running::{Call, CallContext, Running};
use crate::addons::turns::Line;
use crate::host::invocation::Refusal;
use crate::host::{CallFailure, Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::model::limits::CallLimits;
use crate::model::manifest::{HookPoint, OnFailure};

/// A walk.
pub(super) struct Chain<'a> {
    service: &'a Inner,
    point: HookPoint,
    /// Which picture of the job it is about.
    image: Option<u32>,
    context: &'a CallContext,
    trace: &'a mut Trace,
    /// What is left of the time that the hooks have together.
    left: Duration,
}

/// An answer that is still to be judged.
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// Its line, to be completed by the verdict.
    pub(super) line: HookTrace,
    pub(super) is_trial: bool,
}

/// What a hook that gave no answer did to its breaker.
enum Blame {
    /// Nothing.
    Nobody,
    /// It answered, if only with a no.
    Answered { is_trial: bool },
    /// It broke.
    Hook,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        service: &'a Inner,
        point: HookPoint,
        image: Option<u32>,
        context: &'a CallContext,
        trace: &'a mut Trace,
    ) -> Self {
        let left = service.settings.hooks.chain_budget.duration();
        Self { service, point, image, context, trace, left }
    }

    /// Asks one hook; none where it gave no answer and the job goes on without it.
    ///
    /// # Errors
    /// [`JobError`] of a hook that is declared fail-closed, or where the job was told to stop.
    pub(super) async fn ask(
        &mut self,
        link: &Link,
        invocation: Invocation,
        given: &[GivenAsset],
    ) -> Result<Option<Answer>, JobError> {
        let line = HookTrace::of(link.running.owner.addon.as_str(), self.point, self.image);
        let limits = self.limits(link);
        if let Err(failure) = self.may_ask(&link.running) {
            return self.without(link, line.because(HookVerdict::Skipped, &failure), refusal(failure)).await;
        }
        let is_trial = match self.service.admit(&link.running, self.point, limits.wall).await {
            Admission::Open => false,
            Admission::Trial => true,
            Admission::Shut(failure) => {
                return self.without(link, line.because(HookVerdict::Skipped, &failure), refusal(failure)).await;
            }
        };
        let compiled = match self.service.compiled(&link.running).await {
            Ok(compiled) => compiled,
            Err(error) => return self.failed(link, line, error, Blame::Nobody).await,
        };
        let call = Call { context: self.context, limits: limits.within(self.left), given };
        let started = Instant::now();
        let Some(_turn) = self.service.turns.wait(&link.running.owner, Line::Hooks, call.limits.wall).await else {
            self.left = self.left.saturating_sub(started.elapsed());
            let error = CallFailure::NoRoom { waited: call.limits.wall };
            return self.failed(link, line, error.into(), Blame::Nobody).await;
        };
        let called = self.service.metered_call(&link.running, &compiled, call, invocation).await;
        let spent = started.elapsed();
        self.left = self.left.saturating_sub(spent);
        let line = HookTrace { ms: millis(spent), ..line };
        match called {
            Ok((Ok(reply), usage)) => {
                let line = HookTrace { cpu_ms: Some(millis(usage.cpu)), ..line };
                Ok(Some(Answer { reply, line, is_trial }))
            }
            Ok((Err(error), usage)) => {
                // Whom the others left too little time is not to blame for it.
                let is_cut = call.limits.wall < limits.wall;
                let blame = blame(error.failure.code, is_cut, is_trial);
                let line = HookTrace { cpu_ms: Some(millis(usage.cpu)), ..line };
                self.failed(link, line, error, blame).await
            }
            Err(error) => self.failed(link, line, error, Blame::Nobody).await,
        }
    }

    /// Takes an answer.
    pub(super) async fn accept(&mut self, link: &Link, line: HookTrace, is_trial: bool) {
        self.trace.push(line);
        self.service.note_working(&link.running, self.point, is_trial).await;
    }

    /// An answer that breaks the rules is the hook's failure, and not its user's.
    ///
    /// # Errors
    /// [`JobError`] where the hook is declared fail-closed.
    pub(super) async fn reject(&mut self, link: &Link, line: HookTrace, message: &str) -> Result<(), JobError> {
        let error =
            JobError::permanent(JobCode::AddonResultInvalid, format!("the addon's answer is not valid: {message}"));
        self.failed(link, line, error, Blame::Hook).await.map(|_| ())
    }

    /// A hook stopped the request: the job's error.
    pub(super) async fn block(&mut self, link: &Link, answered: (HookTrace, bool), refusal: Refusal) -> JobError {
        let (line, is_trial) = answered;
        let line = HookTrace { addon_code: Some(refusal.code.clone()), ..line.with(HookVerdict::Block) };
        self.trace.push_last(line);
        self.service.note_working(&link.running, self.point, is_trial).await;
        let failure = Failure::permanent(JobCode::BlockedByAddon, refusal.message);
        self.named(link, Failure { addon_code: Some(refusal.code), ..failure }.into())
    }

    /// What the hook may use: what its manifest wishes below the platform's ceiling.
    fn limits(&self, link: &Link) -> CallLimits {
        let settings = &self.service.settings.hooks;
        let cpu = link.spec.cpu_ms.unwrap_or_else(|| millis(settings.cpu.duration()));
        let wall = link.spec.timeout_ms.unwrap_or_else(|| millis(settings.wall.duration()));
        let limits = self.service.limits(&link.running.manifest, Some(cpu), Some(wall));
        limits.within(settings.chain_budget.duration())
    }

    /// Whether anything keeps the hook from being asked at all, other than itself.
    fn may_ask(&self, running: &Running) -> Result<(), Failure> {
        let addon = &running.owner.addon;
        let says = |code: JobCode, cure: &str| Failure::permanent(code, format!("`{addon}` {cure}"));
        match running.enablement.state {
            EnablementState::Quarantined => {
                let known = running.enablement.error.clone();
                return Err(known.unwrap_or_else(|| {
                    says(JobCode::AddonQuarantined, "is quarantined; POST …/resume lets it run again")
                }));
            }
            EnablementState::AwaitingSecrets => {
                return Err(says(JobCode::SecretMissing, "waits for a secret; PUT …/secrets/{name}, or disable it"));
            }
            _ => {}
        }
        self.service.may_run(running).map_err(|error| error.failure)?;
        if self.left.is_zero() {
            let budget = self.service.settings.hooks.chain_budget;
            let message =
                format!("the hooks before it used up the {budget} that `{}` hooks have together", self.point.as_str());
            return Err(Failure::transient(JobCode::DeadlineExceeded, message));
        }
        Ok(())
    }

    async fn failed(
        &mut self,
        link: &Link,
        line: HookTrace,
        error: JobError,
        blame: Blame,
    ) -> Result<Option<Answer>, JobError> {
        let (running, addon, code) = (&link.running, &link.running.owner.addon, error.failure.code);
        if self.context.cancel.is_cancelled() {
            return Err(error);
        }
        match blame {
            Blame::Nobody => {}
            Blame::Answered { is_trial } => self.service.note_working(running, self.point, is_trial).await,
            Blame::Hook => self.service.note_broken(running, self.point, code).await,
        }
        warn!(
            addon.id = %addon, job.id = %self.context.job_id, %code,
            "Hook `{}` of `{addon}` failed", self.point.as_str()
        );
        self.without(link, line.because(HookVerdict::Failed, &error.failure), error).await
    }

    /// Goes on without the hook, or not, as it declared.
    async fn without(&mut self, link: &Link, line: HookTrace, error: JobError) -> Result<Option<Answer>, JobError> {
        if self.context.cancel.is_cancelled() || link.spec.on_failure == OnFailure::Closed {
            self.trace.push_last(line);
            return Err(self.named(link, error));
        }
        let (point, addon) = (self.point.as_str(), &link.running.owner.addon);
        let what = if line.verdict == HookVerdict::Skipped { "was not asked" } else { "failed" };
        self.trace.push(line);
        self.context.progress.log(&format!("hook {point} of {addon} {what} and is passed by: {error}")).await;
        Ok(None)
    }

    /// An error with the hook that it is about.
    fn named(&self, link: &Link, error: JobError) -> JobError {
        let members = vec![("addonId", json!(link.running.owner.addon)), ("point", json!(self.point))];
        with_details(error, members)
    }
}

/// A failure that ends the job now: whoever asked knows when to ask again, and the job does not wait for it.
fn refusal(failure: Failure) -> JobError {
    JobError { failure, disposition: Disposition::GiveUp }
}

fn blame(code: JobCode, is_cut: bool, is_trial: bool) -> Blame {
    if is_answer(code) {
        return Blame::Answered { is_trial };
    }
    let is_own = is_breakage(code) && !(is_cut && code == JobCode::DeadlineExceeded);
    if is_own { Blame::Hook } else { Blame::Nobody }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
