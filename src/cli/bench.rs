//! `semantest bench`: what this machine does, everything in one run against one private Redis.
//!
//! Ratios within a run can be compared between machines and days; absolute
//! figures cannot. Rounds of things that are compared alternate, so that a
//! slow minute of the machine meets both.

mod effort;
mod enqueue;
mod guest;
mod jobs;
mod loads;
mod memory;
mod setup;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::cli::bench::effort::Effort;
use crate::cli::say;
use crate::config::Config;
use crate::telemetry;

/// Measure this machine: jobs, guest calls, requests.
#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Print one JSON object on stdout, and nothing else.
    #[arg(long)]
    json: bool,
    /// Jobs per round of the two throughput measurements.
    #[arg(long, default_value_t = 20_000)]
    jobs: u32,
    /// Seconds per round of the two request measurements.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The built example addons.
    #[arg(long, value_name = "DIR", default_value = "target/addons")]
    addons: PathBuf,
}

/// Median and slow end of a time, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Percentiles {
    /// Half are faster.
    p50: f64,
    /// 99 of 100 are faster.
    p99: f64,
}

#[derive(Debug, Serialize)]
struct Figures {
    native_jobs_per_s: f64,
    invoke_jobs_per_s: f64,
    invoke_to_native: f64,
    guest_call_us: Percentiles,
    load_cold_ms: f64,
    load_warm_ms: f64,
    enqueue_per_s: f64,
    bare_evalsha_per_s: f64,
    enqueue_to_bare: f64,
    bare_bullmq_add_per_s: f64,
    enqueue_to_bullmq_add: f64,
    rss_mib_per_1000_enabled: f64,
    cpu_us: CpuTimes,
    jobs_per_round: u32,
    concurrency: usize,
    version: &'static str,
    is_debug_build: bool,
}

/// CPU time of one job or request.
#[derive(Debug, Serialize)]
struct CpuTimes {
    native_job: Effort,
    invoke_job: Effort,
    enqueue: Effort,
    bare_evalsha: Effort,
    bare_bullmq_add: Effort,
}

pub(super) async fn run(config: Config, args: BenchArgs) -> anyhow::Result<()> {
    // Logs and numbers as in any role: they are part of what a job and a request cost.
    telemetry::start_logging(&config.log)?;
    let mut bench = setup::Bench::start(config, &args.addons).await?;
    let (load_cold_ms, load_warm_ms) = loads::measure(&bench).await?;
    let guest_call_us = guest::measure(&bench).await?;
    let (native, invoke) = jobs::measure(&bench, args.jobs).await?;
    let enqueue::Measured { enqueue, bare, bare_add } = enqueue::measure(&mut bench, args.seconds).await?;
    let rss_mib_per_1000_enabled = memory::measure(&bench).await?;
    let figures = Figures {
        native_jobs_per_s: native.per_second,
        invoke_jobs_per_s: invoke.per_second,
        invoke_to_native: invoke.per_second / native.per_second,
        guest_call_us,
        load_cold_ms,
        load_warm_ms,
        enqueue_per_s: enqueue.per_second,
        bare_evalsha_per_s: bare.per_second,
        enqueue_to_bare: enqueue.per_second / bare.per_second,
        bare_bullmq_add_per_s: bare_add.per_second,
        enqueue_to_bullmq_add: enqueue.per_second / bare_add.per_second,
        rss_mib_per_1000_enabled,
        cpu_us: CpuTimes {
            native_job: native.effort,
            invoke_job: invoke.effort,
            enqueue: enqueue.effort,
            bare_evalsha: bare.effort,
            bare_bullmq_add: bare_add.effort,
        },
        jobs_per_round: args.jobs,
        concurrency: setup::CONCURRENCY,
        version: env!("CARGO_PKG_VERSION"),
        is_debug_build: cfg!(debug_assertions),
    };
    if args.json {
        say::line(&serde_json::to_string(&figures)?);
    } else {
        say::line(&serde_json::to_string_pretty(&figures)?);
    }
    bench.stop().await
}

/// The round whose figure is the median.
fn middle<T>(mut rounds: Vec<T>, figure: impl Fn(&T) -> f64) -> anyhow::Result<T> {
    rounds.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle).context("no round was run")
}
