//! How long a `load` job takes: with the component compiled now, and with it compiled before.

use std::time::{Duration, Instant};

use crate::cli::bench::setup::Bench;
use crate::model::id::UserId;
use crate::queue::Lane;

/// Warm loads that are measured.
const WARM_LOADS: usize = 20;

/// Milliseconds of both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loads {
    pub(super) cold_ms: f64,
    pub(super) warm_ms: f64,
}

/// Milliseconds of a cold load and of the median warm load, from request to finished job.
pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Loads> {
    let loads = bench.app.work_on(Lane::Addons).await?;
    let calls = bench.app.work_on(Lane::AddonCalls).await?;
    let started = Instant::now();
    bench.enable(&bench.owner.user).await?;
    let cold = started.elapsed().as_secs_f64() * 1000.0;
    let mut warm: Vec<f64> = Vec::with_capacity(WARM_LOADS);
    for number in 0..WARM_LOADS {
        let user = UserId::parse(&format!("warm-{number}"))?;
        let started = Instant::now();
        bench.enable(&user).await?;
        warm.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    bench.write_notes().await?;
    calls.close(Duration::from_secs(1)).await;
    loads.close(Duration::from_secs(1)).await;
    Ok(Loads { cold_ms: cold, warm_ms: super::middle(warm, |time| *time)? })
}
