//! CPU time spent, which neighbours on the machine do not change as they change a rate.

use anyhow::Context as _;
use serde::Serialize;

use crate::store::Store;

/// Ticks a second of the kernel's account of processes; 100 on every Linux that Rust's standard library runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time of this process, load generator included, and of its Redis, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Effort {
    /// User and system time of this process.
    process: f64,
    /// The same of Redis, without its children that rewrite files.
    redis: f64,
}

impl Effort {
    /// What was spent since the start of both.
    pub(super) async fn so_far(store: &Store) -> anyhow::Result<Self> {
        Ok(Self { process: process_seconds()? * 1e6, redis: store.cpu_time().await?.as_secs_f64() * 1e6 })
    }

    /// What each of `count` things cost since `self`.
    pub(super) async fn each(self, store: &Store, count: f64) -> anyhow::Result<Self> {
        let now = Self::so_far(store).await?;
        let each = |now: f64, before: f64| ((now - before) / count.max(1.0) * 10.0).round() / 10.0;
        Ok(Self { process: each(now.process, self.process), redis: each(now.redis, self.redis) })
    }
}

/// User and system time of this process, threads included.
fn process_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold spaces; the numbers begin after it, times are the 12th and 13th of them.
    let (_, numbers) = stat.rsplit_once(')').context("the kernel's account of this process reads strangely")?;
    let mut times = numbers.split_whitespace().skip(11);
    let mut ticks = || times.next().and_then(|text| text.parse::<f64>().ok()).context("the account misses a time");
    Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
}
