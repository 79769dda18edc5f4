//! Ten thousand addons on one worker: does a warm call get slower, and does memory stay bounded?

use std::time::Instant;

use serde::Serialize;

use crate::cli::bench::sandbox::{Sandbox, Subject};
use crate::cli::bench::{Percentiles, memory, percentiles};

/// Compiled code that may be linked at once, and again as much under seals: far less than so many components have.
const ROOM_BYTES: u64 = 64 * 1024 * 1024;
/// Warm calls that are measured before and after.
const CALLS: usize = 4000;

/// One warm component before and after so many others were loaded and called once each.
#[derive(Debug, Serialize)]
pub(super) struct Many {
    components: u32,
    warm_call_before_us: Percentiles,
    warm_call_after_us: Percentiles,
    /// Each of the others: from a file in the page cache, checked, linked, called once.
    first_call_us: Percentiles,
    /// Bytes of code that may be linked, and sealed.
    room_mib: f64,
    /// Bytes of code that are linked, and sealed, after all that.
    linked_mib: f64,
    sealed_mib: f64,
    code_of_all_mib: f64,
    rss_before_mib: f64,
    rss_after_mib: f64,
}

/// Measures it.
pub(super) async fn measure(subject: Subject, components: u32) -> anyhow::Result<Many> {
    let sandbox = Sandbox::start(subject.with_memory_cache(ROOM_BYTES)).await?;
    let code_bytes = sandbox.host.cached_bytes().1;
    let others = sandbox.host.multiply(&sandbox.digest, components).await?;
    let warm_call_before_us = warm(&sandbox).await?;
    let rss_before_mib = memory::resident_mib()?;
    let mut firsts = Vec::with_capacity(others.len());
    for digest in &others {
        let started = Instant::now();
        let addon = sandbox.cached(digest).await?;
        sandbox.call(&addon).await?;
        firsts.push(started.elapsed().as_secs_f64() * 1e6);
    }
    let rss_after_mib = memory::resident_mib()?;
    let (linked, sealed) = sandbox.host.cached_bytes();
    Ok(Many {
        components,
        warm_call_before_us,
        warm_call_after_us: warm(&sandbox).await?,
        first_call_us: percentiles(firsts),
        room_mib: mib(ROOM_BYTES),
        linked_mib: mib(linked),
        sealed_mib: mib(sealed),
        code_of_all_mib: mib(code_bytes) * f64::from(components),
        rss_before_mib,
        rss_after_mib,
    })
}

async fn warm(sandbox: &Sandbox) -> anyhow::Result<Percentiles> {
    let mut micros = Vec::with_capacity(CALLS);
    for number in 0..CALLS + CALLS / 10 {
        let addon = sandbox.again().await?;
        let started = Instant::now();
        sandbox.call(&addon).await?;
        if number >= CALLS / 10 {
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(percentiles(micros))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
