//! One sandbox, a neighbour who works in it all the time, and whoever is shown.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use semantest::host::ports::{PortError, Ports, Progress, ProgressPort};
use semantest::host::{CallFailure, CallReport, CompiledAddon, LogSource, Reply};
use semantest::model::code::JobCode;
use semantest::model::limit::{Effect, Limit};
use semantest::model::limits::CallLimits;
use serde_json::{Value, json};

use crate::host::guest::{AssetsInMemory, Guest, KvInMemory, Sandbox, action, request, roomy};

/// Lines of errors that are kept although the log is full.
const ERROR_RESERVE_LINES: usize = 64;

/// One guest, and how it has to end.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) guest: Guest,
    pub(super) limits: CallLimits,
    pub(super) end: End,
    /// Whether its call is cancelled from the start.
    pub(super) is_cancelled: bool,
}

/// How a guest ends.
pub(super) enum End {
    /// By a limit, with the limit's code and numbers.
    Over(Limit),
    /// As its own error, because it passes on what it was told about a limit.
    Told(Limit),
    /// Well, with less in its log than it wrote.
    Cut(Limit),
    /// By a trap whose reason or last words contain this.
    Trap(&'static str),
    /// By ending itself.
    Exit(i32),
    /// With an answer that breaks the contract.
    Invalid,
    /// Cancelled.
    Cancelled,
    /// Well, with this digit.
    Answers(u8),
}

impl Case {
    pub(super) fn new(name: &'static str, guest: Guest, end: End) -> Self {
        Self { name, guest, limits: roomy(), end, is_cancelled: false }
    }

    pub(super) fn within(self, limits: CallLimits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn cancelled(self) -> Self {
        Self { is_cancelled: true, ..self }
    }

    /// The limit that it shows.
    pub(super) const fn limit(&self) -> Option<Limit> {
        match &self.end {
            End::Over(limit) | End::Told(limit) | End::Cut(limit) => Some(*limit),
            End::Trap(_) | End::Exit(_) | End::Invalid | End::Cancelled | End::Answers(_) => None,
        }
    }
}

pub(super) struct Cage {
    sandbox: Sandbox,
    honest: CompiledAddon,
    ready: HashMap<&'static str, CompiledAddon>,
}

impl Cage {
    pub(super) async fn open() -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let honest = sandbox.ready(honest().build()?).await?;
        Ok(Self { sandbox, honest, ready: HashMap::new() })
    }

    /// Runs a guest while the neighbour makes one call after the other, all of which have to succeed.
    pub(super) async fn show(&mut self, case: &Case) -> Result<()> {
        let guest = match self.ready.get(case.name) {
            Some(guest) => guest.clone(),
            None => {
                let guest = self.sandbox.ready(case.guest.build()?).await.context("it was not compiled")?;
                self.ready.insert(case.name, guest.clone());
                guest
            }
        };
        let mut request = request(case.limits);
        request.ports = ports();
        if case.is_cancelled {
            request.cancel.cancel();
        }
        let mut shown = std::pin::pin!(self.sandbox.host.call(&guest, request, action("run")));
        let report = loop {
            tokio::select! {
                report = &mut shown => break report,
                fault = self.neighbour() => fault?,
            }
        };
        self.neighbour().await?;
        judge(case, report)
    }

    async fn neighbour(&self) -> Result<()> {
        let report = self.sandbox.host.call(&self.honest, crate::host::guest::request(roomy()), action("run")).await;
        ensure!(report.outcome.is_ok(), "the neighbour failed: {:?}", report.outcome);
        Ok(())
    }
}

/// A millisecond or so of honest work.
fn honest() -> Guest {
    Guest::doing(
        "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500000))))",
    )
}

fn judge(case: &Case, report: CallReport) -> Result<()> {
    let CallReport { outcome, logs, dropped_log_lines, usage } = report;
    match &case.end {
        End::Over(limit) => {
            let failure = failed(outcome)?;
            let Effect::Ends(code) = limit.effect() else { bail!("`{limit}` does not end calls") };
            ensure!(failure.code() == code, "{code} expected, not {}: {failure}", failure.code());
            ensure!(failure.is_crash() || code == JobCode::DeadlineExceeded, "it counts as no crash: {failure}");
            numbers(*limit, &failure, &case.limits)?;
        }
        End::Told(limit) => {
            let failure = failed(outcome)?;
            ensure!(matches!(failure, CallFailure::Reported(_)), "it was not told: {failure}");
            numbers(*limit, &failure, &case.limits)?;
        }
        End::Cut(limit) => {
            ensure!(outcome.is_ok(), "it did not end well: {outcome:?}");
            let bytes: usize = logs.iter().map(|line| line.message.len()).sum();
            let longest = logs.iter().map(|line| line.message.len()).max().unwrap_or(0);
            let line = case.limits.log_line.as_usize();
            // Errors have a reserve, so that a traceback fits.
            let reserve =
                if logs.iter().any(|line| line.source == LogSource::Stderr) { ERROR_RESERVE_LINES } else { 0 };
            ensure!(logs.len() <= case.limits.log_lines + reserve, "{} lines", logs.len());
            ensure!(bytes <= case.limits.log_bytes.as_usize() + line * (1 + reserve), "{bytes} bytes");
            // The mark of a cut has three bytes.
            ensure!(longest <= line + 3, "a line of {longest} bytes");
            match limit {
                Limit::LogLineBytes => ensure!(logs.iter().any(|line| line.message.ends_with('…')), "nothing was cut"),
                _ => ensure!(dropped_log_lines > 0, "nothing was dropped"),
            }
        }
        End::Trap(words) => {
            let failure = failed(outcome)?;
            ensure!(failure.code() == JobCode::AddonTrapped && failure.is_crash(), "it did not trap: {failure}");
            let told = format!("{failure} {:?}", failure.failure().details);
            ensure!(told.contains(words), "not in so many words: {told}");
        }
        End::Exit(expected) => {
            let failure = failed(outcome)?;
            ensure!(matches!(failure, CallFailure::Exited { status } if status == *expected), "{failure:?}");
        }
        End::Invalid => {
            let failure = failed(outcome)?;
            ensure!(failure.code() == JobCode::AddonResultInvalid, "{failure:?}");
        }
        End::Cancelled => {
            let failure = failed(outcome)?;
            ensure!(failure.code() == JobCode::Cancelled, "{failure:?}");
        }
        End::Answers(digit) => {
            let Ok(Reply::Action(output)) = &outcome else { bail!("it did not answer: {outcome:?}") };
            ensure!(output.value == json!({ "n": digit }), "{}", output.value);
        }
    }
    ensure!(usage.peak_memory <= case.limits.memory, "{} of memory", usage.peak_memory);
    ensure!(usage.cpu < Duration::from_secs(30), "{:?} of processor time", usage.cpu);
    Ok(())
}

fn failed(outcome: Result<Reply, CallFailure>) -> Result<CallFailure> {
    match outcome {
        Ok(reply) => bail!("it ended well: {reply:?}"),
        Err(failure) => Ok(failure),
    }
}

/// Holds the numbers of a failure against the limits: what a client sees, not what the host knows.
fn numbers(limit: Limit, failure: &CallFailure, limits: &CallLimits) -> Result<()> {
    let details = failure.failure().details.context("there are no details")?;
    let number =
        |name: &str| details.get(name).and_then(Value::as_u64).with_context(|| format!("no `{name}`: {details}"));
    let (reached, allowed) = (number("reached")?, number("allowed")?);
    ensure!(details.get("limit") == Some(&json!(limit)), "another limit: {details}");
    ensure!(reached >= allowed, "{details}");
    if let Some(expected) = allowed_by(limit, limits) {
        ensure!(allowed == expected, "{expected} are allowed, it says {details}");
    }
    Ok(())
}

/// What a limit is, where it is one of a call's.
pub(super) fn allowed_by(limit: Limit, limits: &CallLimits) -> Option<u64> {
    let count = |count: usize| u64::try_from(count).ok();
    let millis = |time: Duration| u64::try_from(time.as_millis()).ok();
    match limit {
        Limit::CpuMs => millis(limits.cpu),
        Limit::WallMs => millis(limits.wall),
        Limit::MemoryBytes => Some(limits.memory.as_u64()),
        Limit::TableElements => Some(limits.table_elements),
        Limit::Instances => count(limits.instances),
        Limit::Memories => count(limits.memories),
        Limit::Tables => count(limits.tables),
        Limit::Handles => count(limits.handles),
        Limit::HostCallBytes => Some(limits.host_call_bytes.as_u64()),
        Limit::OutputBytes => Some(limits.output.as_u64()),
        Limit::RandomBytes => Some(limits.random.as_u64()),
        Limit::RandomTotalBytes => Some(limits.random_total.as_u64()),
        Limit::LogLines => count(limits.log_lines),
        Limit::LogLineBytes => Some(limits.log_line.as_u64()),
        Limit::LogBytes => Some(limits.log_bytes.as_u64()),
        Limit::KvOperations => Some(limits.kv_operations),
        Limit::KvTrafficBytes => Some(limits.kv_traffic.as_u64()),
        Limit::ProgressMessages => Some(limits.progress_messages),
        Limit::ProgressBytes => Some(limits.progress_bytes.as_u64()),
        Limit::Assets => Some(limits.assets),
        Limit::AssetBytes => Some(limits.asset.as_u64()),
        Limit::AssetTotalBytes => Some(limits.asset_total.as_u64()),
        Limit::EgressRequests => Some(u64::from(limits.egress.requests)),
        Limit::EgressSentBytes => Some(limits.egress.sent.as_u64()),
        Limit::EgressReceivedBytes => Some(limits.egress.received.as_u64()),
        Limit::EgressHeaderBytes => Some(limits.egress.headers.as_u64()),
        Limit::StackBytes => Some(512 << 10),
        Limit::KvKeyBytes => Some(256),
        Limit::KvValueBytes => Some(256 << 10),
        Limit::PartialBytes | Limit::CheckpointBytes => Some(64 << 10),
        Limit::KvStoredBytes
        | Limit::ParamsBytes
        | Limit::ConcurrentCalls
        | Limit::CallsPerDay
        | Limit::CpuMsPerDay
        | Limit::EgressRequestsPerDay
        | Limit::EgressBytesPerDay
        | Limit::KvBytesPerDay
        | Limit::CreditsPerDay => None,
    }
}

fn ports() -> Ports {
    let mut ports = Ports::none();
    ports.kv = Some(Arc::new(KvInMemory::default()));
    ports.assets = Some(Arc::new(AssetsInMemory::default()));
    ports.progress = Some(Arc::new(Nobody));
    ports
}

/// Takes every report, and keeps none.
struct Nobody;

#[async_trait]
impl ProgressPort for Nobody {
    async fn report(&self, _progress: Progress) {}

    async fn partial(&self, _chunk: Value) -> Result<(), PortError> {
        Ok(())
    }

    async fn save_checkpoint(&self, _state: Bytes) -> Result<(), PortError> {
        Ok(())
    }

    async fn load_checkpoint(&self) -> Result<Option<Bytes>, PortError> {
        Ok(None)
    }
}

/// A loop that runs `body` so often, counting in `$i`.
pub(super) fn times(count: u32, body: &str) -> String {
    format!(
        "(loop $l {body}
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {count}))))"
    )
}

/// A loop that has no end.
pub(super) fn forever(body: &str) -> String {
    format!("(loop $l {body} (br $l))")
}

/// Passes on what a function told that answered a `result` at 640, as the guest's own error.
pub(super) fn or_say_so(call: &str) -> String {
    format!("{call} (if (i32.load8_u (i32.const 640)) (then (return (i32.const 640))))")
}

/// A guest with functions of one WASI interface.
pub(super) fn with_wasi(guest: Guest, interface: &str, functions: &[(&str, &str, &str)]) -> Guest {
    let name = format!("wasi:{interface}@0.2.12");
    guest.importing(&name, &name, functions)
}

/// A guest with functions of one of our interfaces.
pub(super) fn with_ours(guest: Guest, interface: &str, functions: &[(&str, &str, &str)]) -> Guest {
    let name = format!("semantest:addon/{interface}@1.0.0");
    guest.importing(&name, &name, functions)
}
