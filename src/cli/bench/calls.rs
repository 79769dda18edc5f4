//! A call of this host beside a bare wasmtime loop: fresh instance, typed call, instance dropped, in alternating rounds.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::bench::{Percentiles, percentiles};

/// Rounds of each kind.
const ROUNDS: usize = 24;
/// How long one round of bare calls takes, about.
const ROUND: Duration = Duration::from_millis(40);
/// Calls of a round at least and at most.
const CALLS: (usize, usize) = (20, 500);

/// Both, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Compared {
    ours_us: Percentiles,
    bare_us: Percentiles,
    /// Ratio of the medians.
    ours_to_bare: f64,
}

/// Times both, a round of one after a round of the other.
pub(super) async fn compare(
    ours: impl AsyncFn() -> anyhow::Result<()>,
    bare: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Compared> {
    let calls = calls_in_a_round(&bare).await?;
    round(&ours, calls).await?;
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_times.extend(round(&bare, calls).await?);
        our_times.extend(round(&ours, calls).await?);
    }
    let (ours_us, bare_us) = (percentiles(our_times), percentiles(bare_times));
    Ok(Compared { ours_us, bare_us, ours_to_bare: ours_us.p50 / bare_us.p50 })
}

/// How many calls fill a round; finding out warms up, too.
async fn calls_in_a_round(bare: &impl AsyncFn() -> anyhow::Result<()>) -> anyhow::Result<usize> {
    let (least, most) = CALLS;
    let median = percentiles(round(bare, least).await?).p50.max(1.0);
    let fitting = ROUND.as_secs_f64() * 1e6 / median;
    let mut calls = least;
    while calls < most && f64::from(u32::try_from(calls).unwrap_or(u32::MAX)) < fitting {
        calls += 1;
    }
    round(bare, calls).await?;
    Ok(calls)
}

async fn round(call: &impl AsyncFn() -> anyhow::Result<()>, calls: usize) -> anyhow::Result<Vec<f64>> {
    let mut micros = Vec::with_capacity(calls);
    for _ in 0..calls {
        let started = Instant::now();
        call().await?;
        micros.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Ok(micros)
}
