//! The zoo: a guest for each limit and each refusal, each of which ends alone, with its own outcome and numbers, while a
//! neighbour's calls in the same process go on.

mod answers;
mod bounds;
mod cage;
mod crossing;
mod doors;
mod growth;
mod memory;
mod platform;
mod refused;
mod table;
mod time;
mod traps;
mod wasi;

use cage::{Cage, Case};

/// Every guest that the sandbox itself ends.
fn all() -> Vec<Case> {
    [
        time::cases(),
        memory::cases(),
        crossing::cases(),
        answers::cases(),
        doors::cases(),
        bounds::cases(),
        traps::cases(),
        wasi::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs some guests one after the other beside a neighbour; all faults at once.
async fn show(cases: Vec<Case>) -> anyhow::Result<()> {
    let mut cage = Cage::open().await?;
    let mut faults = Vec::new();
    for case in &cases {
        if let Err(fault) = cage.show(case).await {
            faults.push(format!("{}: {fault:#}", case.name));
        }
    }
    anyhow::ensure!(
        faults.is_empty(),
        "{} of {} misbehaved otherwise:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
    Ok(())
}

#[tokio::test]
async fn who_takes_too_much_time_ends_alone() -> anyhow::Result<()> {
    show(time::cases()).await
}

#[tokio::test]
async fn who_takes_too_much_memory_ends_alone() -> anyhow::Result<()> {
    show(memory::cases()).await
}

#[tokio::test]
async fn who_passes_too_much_to_the_host_ends_alone() -> anyhow::Result<()> {
    show(crossing::cases()).await
}

#[tokio::test]
async fn who_answers_wrongly_ends_alone() -> anyhow::Result<()> {
    show(answers::cases()).await
}

#[tokio::test]
async fn who_asks_too_much_of_a_door_ends_alone() -> anyhow::Result<()> {
    show(doors::cases()).await
}

#[tokio::test]
async fn who_writes_something_too_large_is_told_so() -> anyhow::Result<()> {
    show(bounds::cases()).await
}

#[tokio::test]
async fn who_crashes_ends_alone() -> anyhow::Result<()> {
    show(traps::cases()).await
}

#[tokio::test]
async fn who_looks_for_a_way_out_finds_none() -> anyhow::Result<()> {
    show(wasi::cases()).await
}

#[test]
fn the_zoo_has_at_least_forty_guests_and_each_has_its_own_name() {
    let names: Vec<_> = all().into_iter().map(|case| case.name).chain(refused::names()).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert!(names.len() >= 40 && distinct.len() == names.len(), "{names:?}");
}
