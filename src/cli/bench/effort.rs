//! CPU time spent, which neighbours on the machine do not change as they change a rate.

use std::time::Duration;

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use serde::Serialize;

use crate::store::Store;

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
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("asking the kernel what this process used")?;
    let seconds =
        |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0)).as_secs_f64();
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
