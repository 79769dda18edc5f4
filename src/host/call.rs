//! One call of a guest: a fresh store, every limit in place, and the store dropped after it.
//!
//! A call first gets a permit, so that the pool of instances is never asked for
//! more than it has. Inside, two things watch it: the epoch callback, which a
//! spinning guest meets at every tick, and the timer around the whole future,
//! which a waiting guest meets. Both end only this call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use wasmtime::{Store, UpdateDeadline};

use crate::host::Host;
use crate::host::ask;
use crate::host::compile::CompiledAddon;
use crate::host::facts::CallFacts;
use crate::host::invocation::{Invocation, Reply};
use crate::host::leave::{Leave, taken};
use crate::host::logbook::{LogBook, LogLine};
use crate::host::meter::Meter;
use crate::host::outcome::{CallFailure, Circumstances, Interruption};
use crate::host::ports::Ports;
use crate::host::state::{self, GuestState, StateParts};
use crate::host::traffic::Traffic;
use crate::model::limits::CallLimits;
use crate::model::units::ByteSize;

/// Everything a call needs besides the question.
#[derive(Clone)]
pub struct CallRequest {
    /// Who and why.
    pub facts: CallFacts,
    /// What it may use; the wall limit starts when the guest starts.
    pub limits: CallLimits,
    /// The user's settings as JSON text, defaults applied.
    pub config: Arc<str>,
    /// What it can reach.
    pub ports: Ports,
    /// Ends the call: the guest may notice and tidy up for the configured grace, then it is stopped.
    pub cancel: CancellationToken,
    /// Whether the guest may run, and go on running; none where nobody can forbid it.
    pub leave: Option<Arc<dyn Leave>>,
}

impl std::fmt::Debug for CallRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallRequest").field("facts", &self.facts).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of the guest and of the host functions it called.
    pub cpu: Duration,
    /// Time from the permit to the end.
    pub wall: Duration,
    /// Time that the call waited for its permit.
    pub waited: Duration,
    /// Most linear memory at once.
    pub peak_memory: ByteSize,
    /// Key-value operations.
    pub kv_operations: u64,
    /// Bytes of keys and values that these carried, both ways.
    pub kv_bytes: u64,
    /// Requests that it sent or tried to send, within the budget.
    pub egress_requests: u64,
    /// Bytes of these requests and their answers, heads included; what TLS adds is not counted.
    pub egress_bytes: u64,
}

/// How a call went.
#[derive(Debug)]
pub struct CallReport {
    /// The reply, or why there is none.
    pub outcome: Result<Reply, CallFailure>,
    /// What the guest logged.
    pub logs: Vec<LogLine>,
    /// Lines (of the standard streams: writes) that were dropped because there were too many.
    pub dropped_log_lines: u64,
    /// What it used.
    pub usage: Usage,
}

impl CallReport {
    /// The report of a call that never reached its guest.
    const fn not_started(outcome: Result<Reply, CallFailure>, waited: Duration) -> Self {
        let usage = Usage {
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            waited,
            peak_memory: ByteSize::bytes(0),
            kv_operations: 0,
            kv_bytes: 0,
            egress_requests: 0,
            egress_bytes: 0,
        };
        Self { outcome, logs: Vec::new(), dropped_log_lines: 0, usage }
    }
}

impl Host {
    /// Asks `addon` one question in a fresh instance. Cancel-safe: dropping the future ends the guest.
    pub async fn call(&self, addon: &CompiledAddon, request: CallRequest, invocation: Invocation) -> CallReport {
        let export = invocation.export();
        if !addon.has(export) {
            let outcome =
                if invocation.is_optional() { Ok(Reply::Done) } else { Err(CallFailure::ExportMissing { export }) };
            return CallReport::not_started(outcome, Duration::ZERO);
        }
        let asked = Instant::now();
        // A free permit is taken without a timer, which is the usual way.
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => match self.wait_for_permit(&request).await {
                Ok(permit) => permit,
                Err(failure) => return CallReport::not_started(Err(failure), asked.elapsed()),
            },
        };
        let report = self.run(addon, request, invocation, asked.elapsed()).await;
        drop(permit);
        report
    }

    async fn wait_for_permit(&self, request: &CallRequest) -> Result<tokio::sync::SemaphorePermit<'_>, CallFailure> {
        tokio::select! {
            biased;
            permit = self.permits.acquire() => permit.map_err(|closed| CallFailure::Internal { source: closed.into() }),
            () = request.cancel.cancelled() => Err(CallFailure::Cancelled),
            () = tokio::time::sleep(request.limits.wall) => Err(CallFailure::NoRoom { waited: request.limits.wall }),
        }
    }

    async fn run(
        &self,
        addon: &CompiledAddon,
        request: CallRequest,
        invocation: Invocation,
        waited: Duration,
    ) -> CallReport {
        let started = Instant::now();
        let CallRequest { facts, limits, config, ports, cancel, leave } = request;
        let limits = state::limits_for(limits, addon.interfaces());
        // Read before the question: a change in between is met at the first tick.
        let seen = leave.as_ref().map_or(0, |leave| leave.changes());
        if leave.as_ref().is_some_and(|leave| leave.is_taken()) {
            return CallReport::not_started(Err(CallFailure::Blocked), waited);
        }
        let log = Arc::new(Mutex::new(LogBook::new(&limits)));
        let meter = Arc::new(Meter::default());
        let state = GuestState::new(StateParts {
            log: Arc::clone(&log),
            ports,
            interfaces: addon.interfaces(),
            config,
            cancel: cancel.clone(),
            limits,
            assets: self.assets,
        });
        let mut store = Store::new(&self.engine, state);
        let deadline = started.checked_add(limits.wall).unwrap_or(started);
        self.restrain(&mut store, &limits, Arc::clone(&meter), deadline, leave.clone().map(|leave| (leave, seen)));
        let asking = ask::ask(&mut store, addon.linked.exports(), facts, invocation);
        let watched = tokio::select! {
            biased;
            () = taken(leave.as_deref(), seen) => Err(Interruption::Blocked),
            watched = watch(meter.run(asking), deadline, &cancel, self.cancel_grace) => watched,
        };
        let state = store.into_data();
        let circumstances = Circumstances {
            refusal: state.limiter.refusal(),
            cpu_used: meter.total(),
            wall_used: started.elapsed(),
            limits,
        };
        let outcome = match watched {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(ask::Unanswered::Failure(failure))) => Err(failure),
            Ok(Err(ask::Unanswered::Start(error))) => Err(CallFailure::at_start(error, &circumstances)),
            Ok(Err(ask::Unanswered::Call(error))) => Err(CallFailure::in_call(error, &circumstances)),
            Err(interruption) => Err(CallFailure::interrupted(interruption, &circumstances)),
        };
        let (logs, dropped_log_lines) = log.lock().close();
        let peak_memory = ByteSize::bytes(state.limiter.peak_memory());
        let traffic = state.traffic();
        let usage = Usage {
            cpu: meter.total(),
            wall: started.elapsed(),
            waited,
            peak_memory,
            kv_operations: state.tally.kv_operations(),
            kv_bytes: state.tally.kv_bytes(),
            egress_requests: traffic.map_or(0, Traffic::requests),
            egress_bytes: traffic.map_or(0, Traffic::bytes),
        };
        let refusal = traffic.and_then(Traffic::refusal);
        let outcome = outcome.map_err(|failure| failure.with_last_words(&logs).because_of(refusal));
        CallReport { outcome, logs, dropped_log_lines, usage }
    }

    /// Puts every limit of a call on its store.
    fn restrain(
        &self,
        store: &mut Store<GuestState>,
        limits: &CallLimits,
        meter: Arc<Meter>,
        deadline: Instant,
        mut leave: Option<(Arc<dyn Leave>, u64)>,
    ) {
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(limits.host_call_bytes.as_usize());
        store.set_max_component_handles(limits.handles);
        let (cpu, grace) = (limits.cpu, self.cancel_grace);
        let mut cancelled_at: Option<Instant> = None;
        store.epoch_deadline_callback(move |store| {
            if let Some((leave, seen)) = &mut leave {
                let changes = leave.changes();
                if changes != *seen {
                    *seen = changes;
                    if leave.is_taken() {
                        return Err(Interruption::Blocked.into());
                    }
                }
            }
            if meter.so_far() >= cpu {
                return Err(Interruption::Cpu.into());
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(Interruption::Deadline.into());
            }
            if store.data().cancel.is_cancelled() {
                let since = *cancelled_at.get_or_insert(now);
                if now.saturating_duration_since(since) >= grace {
                    return Err(Interruption::Cancelled.into());
                }
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        store.set_epoch_deadline(1);
    }
}

/// Waits for `work` until the deadline, or until the grace after a cancel is over.
async fn watch<T>(
    work: impl Future<Output = T>,
    deadline: Instant,
    cancel: &CancellationToken,
    grace: Duration,
) -> Result<T, Interruption> {
    let mut work = std::pin::pin!(work);
    let mut deadline = std::pin::pin!(tokio::time::sleep_until(deadline.into()));
    tokio::select! {
        biased;
        result = &mut work => return Ok(result),
        () = &mut deadline => return Err(Interruption::Deadline),
        () = cancel.cancelled() => {}
    }
    tokio::select! {
        biased;
        result = work => Ok(result),
        () = deadline => Err(Interruption::Deadline),
        () = tokio::time::sleep(grace) => Err(Interruption::Cancelled),
    }
}
