//! Components by themselves: calls beside a bare loop, and how long compiled code takes from seals and from a cold disk.

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::cli::bench::calls::{Compared, compare};
use crate::cli::bench::sandbox::{Sandbox, Subject};
use crate::cli::bench::{Percentiles, percentiles};

/// How often code is loaded from its sealed copy.
const SEALED_LOADS: usize = 100;
/// How often it is loaded from a cold file.
const COLD_LOADS: usize = 15;

/// What was measured of one component.
#[derive(Debug, Serialize)]
pub(super) struct Component {
    file: String,
    action: String,
    component_bytes: u64,
    code_bytes: u64,
    /// Compiling it, in a process of its own.
    compile_ms: f64,
    call: Compared,
    /// From the sealed copy to a linked component.
    load_sealed_ms: Percentiles,
    /// The same and its first answer.
    first_result_sealed_ms: Percentiles,
    /// From a file that is not in the page cache, its authentication checked, to a linked component.
    load_cold_ms: Percentiles,
    /// The same and its first answer.
    first_result_cold_ms: Percentiles,
}

/// Bytes of a component from which on it has an engine inside, and goals of its own.
const LARGE_BYTES: u64 = 5 * 1024 * 1024;

impl Component {
    /// Whether it has an engine inside.
    pub(super) const fn is_large(&self) -> bool {
        self.component_bytes >= LARGE_BYTES
    }
}

/// Measures one component.
pub(super) async fn measure(subject: Subject) -> anyhow::Result<Component> {
    let (file, action) = (subject.file.clone(), subject.action.clone());
    let started = Instant::now();
    let sandbox = Sandbox::start(subject).await?;
    let compile_ms = millis(started);
    let bare = sandbox.bare();
    let call = compare(
        async || sandbox.call(&sandbox.addon).await,
        async || bare.run().await.map_err(anyhow::Error::from_boxed),
    )
    .await?;
    let (load_sealed_ms, first_result_sealed_ms) = loads(&sandbox, SEALED_LOADS, false).await?;
    let (load_cold_ms, first_result_cold_ms) = loads(&sandbox, COLD_LOADS, true).await?;
    Ok(Component {
        file: name(&file),
        action,
        component_bytes: std::fs::metadata(&file)?.len(),
        code_bytes: sandbox.host.cached_bytes().1,
        compile_ms,
        call,
        load_sealed_ms,
        first_result_sealed_ms,
        load_cold_ms,
        first_result_cold_ms,
    })
}

async fn loads(sandbox: &Sandbox, count: usize, is_cold: bool) -> anyhow::Result<(Percentiles, Percentiles)> {
    let (mut loads, mut results) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        if is_cold {
            sandbox.host.forget_all_but_the_file(&sandbox.digest).await?;
        } else {
            sandbox.host.forget_linked(&sandbox.digest);
        }
        let started = Instant::now();
        let addon = sandbox.again().await?;
        loads.push(millis(started));
        sandbox.call(&addon).await?;
        results.push(millis(started));
    }
    Ok((percentiles(loads), percentiles(results)))
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
