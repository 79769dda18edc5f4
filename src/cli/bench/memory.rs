//! Memory that enabled addons cost a process that knows them all.

use crate::cli::bench::setup::Bench;
use crate::model::id::UserId;
use crate::queue::Lane;

/// Enablements that are made.
const ENABLEMENTS: u32 = 1000;

/// MiB of resident memory per thousand enablements, their caches filled by one call each.
pub(super) async fn measure(bench: &Bench) -> anyhow::Result<f64> {
    let consumer = bench.app.work_on(Lane::Addons).await?;
    let before = resident_mib()?;
    for number in 0..ENABLEMENTS {
        let user = UserId::parse(&format!("many-{number}"))?;
        bench.enable(&user).await?;
        let owner = crate::addons::Owner { user, ..bench.owner.clone() };
        bench.services().addons.warm(&owner).await?;
    }
    let after = resident_mib()?;
    consumer.close(std::time::Duration::from_secs(1)).await;
    Ok((after - before).max(0.0) * 1000.0 / f64::from(ENABLEMENTS))
}

/// Resident memory of this process, from the kernel's own account.
pub(super) fn resident_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    let kib: f64 = line.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(kib / 1024.0)
}
