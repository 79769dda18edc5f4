//! The road that every job takes.
//!
//! Our record is written before the queue hears of anything: `begin` before
//! the work, `finish` before the queue's own end. A worker that dies in
//! between leaves a record that the next attempt reads: finished means the
//! queue is told the same again, and nothing is done twice.

mod ending;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::Value;
use tracing::{error, info, warn};

use crate::addons::{CallContext, Lineage};
use crate::clock;
use crate::jobs::handler::ending::{Ended, as_end, as_it_ended, as_verdict, cancelled, interrupted, will_run_again};
use crate::jobs::{
    JobCx, JobResult, Services, adopt, deliver, dispatch, generate, handle, invoke, load, message, publish,
    read_ticket, reconfigure, tick, turns, unload, upkeep,
};
use crate::model::code::JobCode;
use crate::model::disposition::Disposition;
use crate::model::event::EventType;
use crate::model::id::JobId;
use crate::model::job::{Failure, JobKind, JobStatus, Outcome};
use crate::model::job_error::JobError;
use crate::queue::{Abandoned, Delivery, Handler, Verdict, tickets};
use crate::store::StoreError;
use crate::store::jobs::{Begun, Finished, JobRecord, NewJob};
use crate::store::usage::UsageBook;
use crate::work::progress::Progress;

/// How long a job that was told to stop may take to stop by itself before it is dropped.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How often the end of a job is written again while Redis is away.
const FINISH_TRIES: u32 = 20;
/// The number of the event with which a job first begins.
const FIRST_RUN: u64 = 2;
/// Pause between two such tries.
const FINISH_PAUSE: Duration = Duration::from_millis(500);

/// Does the jobs of every lane.
pub struct JobHandler {
    services: Arc<Services>,
}

impl JobHandler {
    /// A handler over the services.
    #[must_use]
    pub const fn new(services: Arc<Services>) -> Self {
        Self { services }
    }
}

#[async_trait]
impl Handler for JobHandler {
    async fn handle(&self, delivery: Delivery) -> Verdict {
        let Some(kind) = kind_of(&delivery) else {
            let known: Vec<&str> = JobKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let message = format!("no job is called `{}` here; there are: {}", delivery.name, known.join(", "));
            return Verdict::GiveUp(JobError::permanent(JobCode::TicketInvalid, message).to_string());
        };
        let delivery = Arc::new(delivery);
        if kind.is_public() { self.public(kind, delivery).await } else { self.internal(kind, &delivery).await }
    }

    /// The queue ends a job that this handler did not end: our record must end too.
    async fn abandoned(&self, delivery: &Delivery, why: Abandoned) {
        let Some(kind) = kind_of(delivery).filter(|kind| kind.is_public()) else { return };
        let mut id = own_id(kind, delivery);
        if matches!(self.services.work.records().get(&id).await, Ok(None)) {
            id = JobId::foreign(delivery.lane.name(), &delivery.id);
        }
        let outcome = match why {
            Abandoned::Cancelled => Outcome::Cancelled,
            Abandoned::Panicked => Outcome::Failed(Failure::permanent(JobCode::Internal, why.to_string())),
            Abandoned::DeadlineExceeded(_) => {
                Outcome::Failed(Failure::transient(JobCode::DeadlineExceeded, why.to_string()))
            }
            Abandoned::WorkerLost(_) => Outcome::Failed(Failure::permanent(JobCode::WorkerLost, why.to_string())),
        };
        let records = self.services.work.records();
        let ended = async {
            if let Some(record) = records.get(&id).await? {
                self.leave_owed_dispatch(&record).await?;
            }
            records.finish(&id, &outcome).await.map_err(JobError::from)
        };
        if let Err(error) = ended.await {
            warn!(error = %error, "Could not record that job `{id}` was abandoned; its dispatch does it later");
        }
    }
}

impl JobHandler {
    /// The platform's own housekeeping: no record, no events.
    async fn internal(&self, kind: JobKind, delivery: &Delivery) -> Verdict {
        let services = &self.services;
        let outcome = match kind {
            JobKind::Dispatch => match read_ticket(delivery) {
                Ok(ticket) => Box::pin(dispatch::run(ticket, services)).await,
                Err(error) => Err(error),
            },
            JobKind::Deliver => match read_ticket(delivery) {
                Ok(ticket) => Box::pin(deliver::run(ticket, services)).await,
                Err(error) => Err(error),
            },
            JobKind::Upkeep => Box::pin(upkeep::run(services)).await,
            _ => Err(JobError::internal(Disposition::GiveUp)),
        };
        match outcome {
            Ok(value) => Verdict::Done(value),
            Err(error) => as_verdict(&error),
        }
    }

    async fn public(&self, kind: JobKind, delivery: Arc<Delivery>) -> Verdict {
        let _turn = match turns::turn(kind, &delivery, &self.services).await {
            Ok(turn) => turn,
            Err(wait) => return Verdict::Later(wait),
        };
        let (id, record) = match self.begin(kind, &delivery).await {
            Ok(Start::Run(id, record)) => (id, record),
            Ok(Start::Refuse(id, record, error)) => {
                let cx = self.context(&id, *record, &delivery).await;
                return self.finish(&cx, Outcome::Failed(error.failure)).await;
            }
            Ok(Start::Answer(verdict)) => return verdict,
            Err(error) => return as_verdict(&error),
        };
        let cx = self.context(&id, *record, &delivery).await;
        let result = until_stopped(Box::pin(work(kind, cx.clone())), &delivery).await;
        self.end(kind, &cx, result).await
    }

    async fn context(&self, id: &JobId, record: JobRecord, delivery: &Arc<Delivery>) -> JobCx {
        let work = &self.services.work;
        // Nobody's job waits for this answer: without it, its progress is told to those who look.
        let is_announced = work.is_wanted(&record.facts, EventType::JobProgress).await.unwrap_or(false);
        let progress = Progress::new(work.clone(), &record, Arc::clone(delivery), is_announced);
        let call = CallContext {
            job_id: id.clone(),
            attempt: delivery.attempt,
            traceparent: record.facts.traceparent.clone(),
            cancel: delivery.token.clone(),
            progress,
            usage: UsageBook::default(),
            lineage: Lineage::of(&record.facts),
        };
        JobCx { services: Arc::clone(&self.services), record: Arc::new(record), delivery: Arc::clone(delivery), call }
    }

    async fn begin(&self, kind: JobKind, delivery: &Delivery) -> Result<Start, JobError> {
        let records = self.services.work.records();
        let mut id = own_id(kind, delivery);
        let mut begun = records.begin(&id, delivery.attempt).await?;
        if begun == Begun::Missing && kind == JobKind::Tick && id.as_foreign().is_none() {
            // A scheduler of ours left it: no request wrote a record before.
            let job = adopt::read(&self.services, kind, &id, delivery).job;
            let reaches_endpoints = self.services.work.listeners().of(&job.client).await?.want_an_end();
            if reaches_endpoints {
                records.owe(&id).await?;
            }
            records.create(&NewJob { is_foreign: false, reaches_endpoints, ..job }).await?;
            begun = records.begin(&id, delivery.attempt).await?;
        }
        if begun == Begun::Missing {
            id = JobId::foreign(delivery.lane.name(), &delivery.id);
            let mut job = adopt::read(&self.services, kind, &id, delivery).job;
            job.reaches_endpoints = self.services.work.listeners().of(&job.client).await?.want_an_end();
            if records.adopt(&job).await?.is_listened_to && kind.is_heard() {
                records.owe(&id).await?;
            }
            begun = records.begin(&id, delivery.attempt).await?;
        }
        match begun {
            Begun::Run(record) => {
                if self.services.work.is_wanted(&record.facts, EventType::JobProcessing).await? {
                    self.services.work.announce(&id, EventType::JobProcessing).await?;
                }
                // Not only when it is adopted: the worker that adopted it may have died before it said so.
                let is_foreign = record.facts.is_foreign;
                let fault = is_foreign.then(|| adopt::read(&self.services, kind, &id, delivery).fault).flatten();
                Ok(match fault {
                    Some(error) => Start::Refuse(id, record, error),
                    None => Start::Run(id, record),
                })
            }
            Begun::Cancelled => {
                records.finish(&id, &Outcome::Cancelled).await?;
                if let Some(record) = records.get(&id).await? {
                    self.leave_owed_dispatch(&record).await?;
                }
                Ok(Start::Answer(cancelled()))
            }
            Begun::Over(record) => Ok(Start::Answer(as_it_ended(&record))),
            Begun::Missing => Err(JobError::internal(Disposition::Retry)),
        }
    }

    async fn end(&self, kind: JobKind, cx: &JobCx, result: JobResult) -> Verdict {
        let delivery = &cx.delivery;
        let result = interrupted(result, delivery);
        let outcome = match result {
            Ok(value) => Outcome::Completed(value),
            // Another worker may have the job already: nothing more is written for it here.
            Err(Ended::Lost) => return Verdict::HandBack,
            Err(Ended::HandBack) => {
                let released =
                    cx.services.work.records().release_metered(&cx.call.job_id, None, None, &cx.call.usage).await;
                log_if_lost(&cx.call.job_id, released.err());
                return Verdict::HandBack;
            }
            Err(Ended::Cancelled) => Outcome::Cancelled,
            Err(Ended::Error(error)) if will_run_again(&error, delivery) => return self.again(cx, &error).await,
            Err(Ended::Error(error)) => Outcome::Failed(error.failure),
        };
        if let Err(error) = self.clean_up(kind, cx, &outcome).await {
            warn!(error = %error, "Could not clean up after job `{}`", cx.call.job_id);
        }
        self.finish(cx, outcome).await
    }

    /// The attempt failed and another one comes: the reason goes where people look.
    async fn again(&self, cx: &JobCx, error: &JobError) -> Verdict {
        cx.call.progress.log(&format!("attempt {} failed: {error}", cx.delivery.attempt)).await;
        let next = match error.disposition {
            Disposition::RetryAfter(wait) => TimeDelta::from_std(wait).ok().map(|wait| clock::now() + wait),
            Disposition::Retry | Disposition::GiveUp => None,
        };
        let released = cx
            .services
            .work
            .records()
            .release_metered(&cx.call.job_id, next, Some(&error.failure), &cx.call.usage)
            .await;
        log_if_lost(&cx.call.job_id, released.err());
        info!(code = %error.failure.code, "Job `{}` will be tried again", cx.call.job_id);
        as_verdict(error)
    }

    /// What an end other than success leaves to tidy.
    async fn clean_up(&self, kind: JobKind, cx: &JobCx, outcome: &Outcome) -> Result<(), JobError> {
        let failure = match outcome {
            Outcome::Completed(_) => return Ok(()),
            Outcome::Failed(failure) => failure.clone(),
            Outcome::Cancelled => Failure::permanent(JobCode::Cancelled, "the job was cancelled before it was done"),
        };
        match kind {
            // The enablement must not stay `loading` or `disabling`.
            JobKind::Load | JobKind::Unload => cx.services.addons.undo(&cx.owner()?, &failure, &cx.call).await,
            _ => Ok(()),
        }
    }

    /// Writes the end, for as long as this worker may hold the job; only then the queue is told.
    async fn finish(&self, cx: &JobCx, outcome: Outcome) -> Verdict {
        let id = &cx.call.job_id;
        let records = self.services.work.records();
        for _ in 0..FINISH_TRIES {
            let left = self.leave_owed_dispatch(&cx.record).await;
            let finished = match left {
                Ok(()) => records.finish_metered(id, &outcome, &cx.call.usage).await.map_err(JobError::from),
                Err(error) => Err(error),
            };
            match finished {
                Ok(Finished::Already(JobStatus::Cancelled)) => return cancelled(),
                Ok(Finished::Written | Finished::Already(_) | Finished::Missing) => return as_end(outcome),
                Err(error) => {
                    warn!(error = %error, "Could not record the end of job `{id}`; trying again");
                    tokio::time::sleep(FINISH_PAUSE).await;
                }
            }
        }
        error!("Could not record the end of job `{id}`; another worker will do it over");
        Verdict::HandBack
    }

    /// A job that no flow parent waits for leaves its own dispatch before it is finished.
    async fn leave_owed_dispatch(&self, record: &JobRecord) -> Result<(), JobError> {
        let id = &record.facts.id;
        // What began once, as nearly every job of ours does, has a flow parent where anybody listens, and owes nothing.
        let may_owe = record.facts.is_awaited() || record.facts.is_foreign || record.sequence > FIRST_RUN;
        if may_owe && self.services.work.records().is_owed(id).await? {
            self.services.work.leave_dispatch(record).await?;
        }
        Ok(())
    }
}

/// How an attempt begins.
enum Start {
    /// With work.
    Run(JobId, Box<JobRecord>),
    /// With its end: the ticket has faults that no attempt can mend.
    Refuse(JobId, Box<JobRecord>, JobError),
    /// With an answer that is known already.
    Answer(Verdict),
}

fn kind_of(delivery: &Delivery) -> Option<JobKind> {
    tickets::kind_of(delivery.lane, &delivery.name)
}

/// Our own jobs carry our ids; whatever else is in a queue is adopted.
fn own_id(kind: JobKind, delivery: &Delivery) -> JobId {
    match JobId::parse(&delivery.id) {
        Ok(id) if delivery.id.starts_with(kind.id_prefix()) => id,
        _ => JobId::foreign(delivery.lane.name(), &delivery.id),
    }
}

/// The one list of what each kind does; a new kind does not compile without a line here.
fn work(kind: JobKind, cx: JobCx) -> Pin<Box<dyn Future<Output = JobResult> + Send>> {
    match kind {
        JobKind::Generate => Box::pin(generate::run(cx)),
        JobKind::Message => Box::pin(message::run(cx)),
        JobKind::Invoke => Box::pin(invoke::run(cx)),
        JobKind::Handle => Box::pin(handle::run(cx)),
        JobKind::Tick => Box::pin(tick::run(cx)),
        JobKind::Load => Box::pin(load::run(cx)),
        JobKind::Reconfigure => Box::pin(reconfigure::run(cx)),
        JobKind::Unload => Box::pin(unload::run(cx)),
        JobKind::Publish => Box::pin(publish::run(cx)),
        JobKind::Noop => Box::pin(async { Ok(Value::Null) }),
        JobKind::Dispatch | JobKind::Deliver | JobKind::Upkeep => {
            Box::pin(async { Err(JobError::internal(Disposition::GiveUp)) })
        }
    }
}

/// Lets the work end by itself when it is told to stop, but not for ever.
async fn until_stopped(work: impl Future<Output = JobResult>, delivery: &Delivery) -> JobResult {
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        () = delivery.token.cancelled() => {}
    }
    tokio::time::timeout(STOP_GRACE, work).await.unwrap_or_else(|_| Err(JobError::internal(Disposition::Retry)))
}

fn log_if_lost(id: &JobId, error: Option<StoreError>) {
    if let Some(error) = error {
        warn!(error = %error, "Could not put job `{id}` back in our record");
    }
}
