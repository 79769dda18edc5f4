//! One call of a guest, in process: fresh instance, call, drop.

use std::time::Instant;

use crate::cli::bench::setup::Bench;
use crate::cli::bench::{Percentiles, percentiles};

/// Calls that warm everything up.
const WARM_UP: usize = 500;
/// Calls that count.
const CALLS: usize = 5000;

/// Times `list` on ten notes, the key-value reads answered from memory.
pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Percentiles> {
    let call = bench.services().addons.prepared_call(&bench.owner, "list", serde_json::json!({})).await?;
    let mut micros = Vec::with_capacity(CALLS);
    for number in 0..WARM_UP + CALLS {
        let started = Instant::now();
        call.run().await?;
        if number >= WARM_UP {
            micros.push(started.elapsed().as_secs_f64() * 1_000_000.0);
        }
    }
    Ok(percentiles(micros))
}
