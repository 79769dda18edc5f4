//! The whole road of jobs and requests, and what a job and a request cost.

use serde::Serialize;

use crate::cli::bench::effort::Effort;
use crate::cli::bench::loads::Loads;
use crate::cli::bench::setup::Bench;
use crate::cli::bench::{Percentiles, enqueue, guest, jobs, memory, setup};

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
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

/// Measures everything on the road.
pub(super) async fn measure(bench: &mut Bench, loads: Loads, jobs: u32, seconds: u64) -> anyhow::Result<Figures> {
    let guest_call_us = guest::measure(bench).await?;
    let (native, invoke) = jobs::measure(bench, jobs).await?;
    let enqueue::Measured { enqueue, bare, bare_add } = enqueue::measure(bench, seconds).await?;
    let rss_mib_per_1000_enabled = memory::measure(bench).await?;
    Ok(Figures {
        native_jobs_per_s: native.per_second,
        invoke_jobs_per_s: invoke.per_second,
        invoke_to_native: invoke.per_second / native.per_second,
        guest_call_us,
        load_cold_ms: loads.cold_ms,
        load_warm_ms: loads.warm_ms,
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
        jobs_per_round: jobs,
        concurrency: setup::CONCURRENCY,
    })
}
