//! What a second worker process brings: guest calls alone, and whole jobs through the queue.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::cli::bench::jobs;
use crate::cli::bench::sandbox::{Sandbox, Subject};
use crate::cli::bench::setup::Bench;
use crate::cli::say;
use crate::queue::Lane;

/// Alternating rounds; the median counts.
const ROUNDS: usize = 3;
/// Calls that warm a process up.
const WARM_UP: usize = 200;
/// What a process says when it is warm.
const WARM: &str = "warm";

/// The subcommand of a process that only calls.
pub(super) const SUBCOMMAND: &str = "bench-calls";

/// Guest calls a second, without queue or Redis.
#[derive(Debug, Serialize)]
pub(super) struct Calls {
    file: String,
    one_process_per_s: f64,
    two_threads_in_one_process_per_s: f64,
    two_processes_per_s: f64,
    two_processes_to_one: f64,
}

/// Whole jobs a second: fetched, called, recorded.
#[derive(Debug, Serialize)]
pub(super) struct Road {
    one_process_per_s: f64,
    two_processes_per_s: f64,
    two_processes_to_one: f64,
    jobs_per_round: u32,
}

/// What a process that only calls is told, on stdin.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    subject: Subject,
    threads: usize,
    seconds: u64,
}

/// Measures guest calls of one component.
pub(super) async fn measure_calls(subject: &Subject, seconds: u64) -> anyhow::Result<Calls> {
    // Compiled here, so that the processes find the code.
    drop(Sandbox::start(subject.clone()).await?);
    let (mut one, mut threads, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(together(subject, 1, 1, seconds).await?);
        threads.push(together(subject, 1, 2, seconds).await?);
        two.push(together(subject, 2, 1, seconds).await?);
    }
    let middle = |rounds| super::middle(rounds, |per_second| *per_second);
    let (one, threads, two) = (middle(one)?, middle(threads)?, middle(two)?);
    Ok(Calls {
        file: subject.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        one_process_per_s: one,
        two_threads_in_one_process_per_s: threads,
        two_processes_per_s: two,
        two_processes_to_one: two / one,
    })
}

/// Starts so many processes, lets them warm up, and has them all call at the same time.
async fn together(subject: &Subject, processes: usize, threads: usize, seconds: u64) -> anyhow::Result<f64> {
    let order = serde_json::to_string(&Order { subject: subject.clone(), threads, seconds })?;
    let mut callers = Vec::with_capacity(processes);
    for _ in 0..processes {
        callers.push(Caller::start(&order).await?);
    }
    for caller in &mut callers {
        caller.heard(WARM).await?;
    }
    for caller in &mut callers {
        caller.say("go").await?;
    }
    let mut calls = 0.0;
    for caller in &mut callers {
        calls += caller.line().await?.parse::<f64>().context("reading how often a process called")?;
    }
    Ok(calls / Duration::from_secs(seconds).as_secs_f64())
}

struct Caller {
    process: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Caller {
    async fn start(order: &str) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a process that calls")?;
        let lines = BufReader::new(process.stdout.take().context("its stdout")?).lines();
        let mut caller = Self { process, lines };
        caller.say(order).await?;
        Ok(caller)
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        let stdin = self.process.stdin.as_mut().context("its stdin")?;
        stdin.write_all(format!("{text}\n").as_bytes()).await?;
        Ok(stdin.flush().await?)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        self.lines.next_line().await?.context("a process that calls ended before its time")
    }

    async fn heard(&mut self, wanted: &str) -> anyhow::Result<()> {
        let said = self.line().await?;
        if said == wanted { Ok(()) } else { bail!("a process that calls said `{said}`") }
    }
}

/// `bench-calls`: calls for as long as stdin says, and says how often. `threads` of its runtime do so at once.
pub(in crate::cli) fn run_calls() -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::stdin().read_line(&mut text)?;
    let order: Order = serde_json::from_str(&text).context("reading the order; `semantest bench` starts this")?;
    let threads = order.threads.max(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let sandbox = std::sync::Arc::new(runtime.block_on(Sandbox::start(order.subject))?);
    let each = |until: Option<Instant>| {
        let (sandbox, runtime) = (sandbox.clone(), runtime.handle());
        async move {
            let mut callers = JoinSet::new();
            for _ in 0..threads {
                let sandbox = sandbox.clone();
                let calling = async move {
                    let mut calls = 0_u32;
                    while until.map_or(usize::try_from(calls).unwrap_or(WARM_UP) < WARM_UP, |end| Instant::now() < end)
                    {
                        sandbox.call(&sandbox.addon).await?;
                        calls = calls.saturating_add(1);
                    }
                    anyhow::Ok(calls)
                };
                callers.spawn_on(calling, runtime);
            }
            let mut calls = 0_u32;
            while let Some(called) = callers.join_next().await {
                calls = calls.saturating_add(called??);
            }
            anyhow::Ok(calls)
        }
    };
    runtime.block_on(each(None))?;
    say::line(WARM);
    std::io::stdin().read_line(&mut text)?;
    let calls = runtime.block_on(each(Some(Instant::now() + Duration::from_secs(order.seconds))))?;
    say::line(&calls.to_string());
    Ok(())
}

/// Measures whole jobs: `semantest worker` with one process and with two, over the bench's own Redis.
pub(super) async fn measure_road(bench: &Bench, jobs: u32) -> anyhow::Result<Road> {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(emptied_by(bench, 1, jobs).await?);
        two.push(emptied_by(bench, 2, jobs).await?);
    }
    let middle = |rounds| super::middle(rounds, |per_second| *per_second);
    let (one, two) = (middle(one)?, middle(two)?);
    Ok(Road { one_process_per_s: one, two_processes_per_s: two, two_processes_to_one: two / one, jobs_per_round: jobs })
}

/// Fills the queue, starts a worker, and times it from the first job that it took on.
async fn emptied_by(bench: &Bench, processes: u32, jobs: u32) -> anyhow::Result<f64> {
    jobs::fill(bench, jobs).await?;
    let mut worker = Command::new(std::env::current_exe()?)
        .args(["worker", "--queues", "addon-calls", "--processes", &processes.to_string()])
        .envs(bench.worker_variables())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting a worker")?;
    let mut began: Option<(Instant, u64)> = None;
    let per_second = loop {
        let depth = bench.services().work.producer().depth(Lane::AddonCalls).await?;
        let left = depth.waiting + depth.prioritized + depth.active + depth.delayed;
        match began {
            None if depth.waiting + depth.prioritized < u64::from(jobs) => began = Some((Instant::now(), left)),
            Some((since, all)) if left == 0 => break as_f64(all) / since.elapsed().as_secs_f64(),
            None | Some(_) => {}
        }
        if worker.try_wait()?.is_some() {
            bail!("the worker ended before the queue was empty");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    if let Some(pid) = worker.id().and_then(|id| i32::try_from(id).ok()) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)?;
    }
    worker.wait().await?;
    Ok(per_second)
}

#[expect(clippy::cast_precision_loss, reason = "a count of jobs")]
const fn as_f64(count: u64) -> f64 {
    count as f64
}
