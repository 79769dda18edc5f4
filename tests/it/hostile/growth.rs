//! What the zoo leaves behind.

use anyhow::{Context as _, Result, ensure};

use super::all;
use super::cage::Cage;

/// Most that the process may grow by between the second round and the third.
const MOST_GROWTH: u64 = 32 << 20;

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = text.split(' ').nth(1).context("a second number")?.parse()?;
    Ok(pages * 4096)
}

/// A test of its own, and so a process of its own: nobody else's memory is measured.
#[tokio::test]
async fn three_rounds_of_the_zoo_leave_no_memory_behind() -> Result<()> {
    let mut cage = Cage::open().await?;
    let cases = all();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        for case in &cases {
            cage.show(case).await.with_context(|| case.name)?;
        }
        sizes.push(resident()?);
    }
    let [_, second, third] = sizes[..] else { anyhow::bail!("{sizes:?}") };
    ensure!(third.saturating_sub(second) <= MOST_GROWTH, "it grew: {sizes:?}");
    Ok(())
}
