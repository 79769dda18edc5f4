//! Jobs a second: jobs that do nothing, and jobs that call a guest, over the same road.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream;
use serde_json::json;

use crate::cli::bench::effort::Effort;
use crate::cli::bench::setup::Bench;
use crate::queue::Lane;
use crate::queue::tickets::invoke::Invoke;
use crate::queue::tickets::noop::Noop;
use crate::work::{JobOptions, Submission};

/// Submissions in flight while the queue is filled.
const SUBMITTERS: usize = 200;
/// Alternating rounds; the median counts.
const ROUNDS: usize = 3;

/// What was measured of one kind of job.
#[derive(Clone, Copy)]
pub(super) struct Worked {
    pub(super) per_second: f64,
    /// CPU time of one, from the queue to its end.
    pub(super) effort: Effort,
}

/// `noop` and `invoke`.
pub(super) async fn measure(bench: &Bench, jobs: u32) -> anyhow::Result<(Worked, Worked)> {
    let (mut native, mut invoke) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(round(bench, jobs, Kind::Noop).await?);
        invoke.push(round(bench, jobs, Kind::Invoke).await?);
    }
    Ok((super::middle(native, |worked| worked.per_second)?, super::middle(invoke, |worked| worked.per_second)?))
}

#[derive(Clone, Copy)]
enum Kind {
    Noop,
    Invoke,
}

/// Fills the queue with calls while nobody works.
pub(super) async fn fill(bench: &Bench, jobs: u32) -> anyhow::Result<()> {
    submitted(bench, jobs, Kind::Invoke).await
}

async fn submitted(bench: &Bench, jobs: u32, kind: Kind) -> anyhow::Result<()> {
    let results: Vec<anyhow::Result<()>> =
        stream::iter(0..jobs).map(|_| submit(bench, kind)).buffer_unordered(SUBMITTERS).collect().await;
    results.into_iter().collect::<anyhow::Result<Vec<()>>>().map(|_| ())
}

/// Fills the queue while nobody works, then times one worker that empties it.
async fn round(bench: &Bench, jobs: u32, kind: Kind) -> anyhow::Result<Worked> {
    submitted(bench, jobs, kind).await?;
    let before = Effort::so_far(bench.app.store()).await?;
    let started = Instant::now();
    let consumer = bench.app.work_on(Lane::AddonCalls).await?;
    loop {
        let depth = bench.services().work.producer().depth(Lane::AddonCalls).await?;
        if depth.waiting + depth.prioritized + depth.active + depth.delayed == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let effort = before.each(bench.app.store(), f64::from(jobs)).await?;
    consumer.close(Duration::from_secs(1)).await;
    Ok(Worked { per_second: f64::from(jobs) / seconds, effort })
}

async fn submit(bench: &Bench, kind: Kind) -> anyhow::Result<()> {
    let options = JobOptions::default();
    let (user, addon) = (&bench.owner.user, &bench.owner.addon);
    match kind {
        Kind::Noop => {
            let ticket = Noop::default();
            let submission = Submission { addon: None, ..bench.owner.submission(&ticket, &options) };
            bench.services().work.submit(&submission).await?;
        }
        Kind::Invoke => {
            let ticket = Invoke {
                addon_id: addon.to_string(),
                user_id: Some(user.to_string()),
                client_id: Some(bench.client.to_string()),
                action: String::from("list"),
                params: json!({}),
                ..Invoke::default()
            };
            let submission = bench.owner.submission(&ticket, &options);
            bench.services().work.submit(&submission).await?;
        }
    }
    Ok(())
}
