//! Compiled code is checked once by the supervisor, and all its processes map that one copy.

use std::collections::BTreeSet;

use super::{FIXTURE, children, code_files, latest, nap, signal, workers_of};
use crate::faults::platform::{Platform, enable, reaches};
use crate::support::redis::TestRedis;
use crate::support::until;

/// The sealed copies that a process has mapped, by the number of their inode.
fn mapped(pid: u32) -> BTreeSet<String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let sealed = maps.lines().filter(|line| line.contains("memfd:semantest-code"));
    sealed.filter_map(|line| line.split_whitespace().nth(4).map(str::to_owned)).collect()
}

#[tokio::test]
async fn two_processes_run_one_copy_and_a_file_that_is_changed_later_changes_nothing() {
    let mut platform = Platform::over(TestRedis::start());
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "1");
    let (_api, client) = platform.api().await;
    let (workers, _) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    // One each at the same time, so that both processes need the code.
    for id in [nap(&client, 700).await, nap(&client, 700).await] {
        reaches(&client, &id, "completed").await;
    }
    let both = workers_of(workers.pid());
    let maps: Vec<BTreeSet<String>> = both.iter().map(|pid| mapped(*pid)).collect();
    assert!(maps.len() == 2 && !maps[0].is_empty() && maps[0] == maps[1], "{maps:?}");

    for file in code_files(platform.folder()) {
        let mut bytes = std::fs::read(&file).expect("compiled code");
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        std::fs::write(&file, bytes).expect("a change");
    }
    let first = latest(&workers, 1).expect("a process");
    signal(first, "KILL");
    until("another takes its place", async || {
        latest(&workers, 1).is_some_and(|pid| pid != first) && workers_of(workers.pid()).len() == 2
    })
    .await;
    let fresh = latest(&workers, 1).expect("a process");
    until("it has done a call", async || {
        let pair = [nap(&client, 300).await, nap(&client, 300).await];
        for id in &pair {
            reaches(&client, id, "completed").await;
        }
        !mapped(fresh).is_empty()
    })
    .await;
    assert_eq!(mapped(fresh), maps[0], "it got the copy that was checked before the change");
    assert!(!workers.log().contains("forged or damaged"), "{}", workers.log());

    // Whoever begins anew checks the file itself, and does not believe it.
    let mut workers = workers;
    workers.signal("TERM");
    assert_eq!(workers.ended().await.code(), Some(0), "{}", workers.log());
    let (workers, _) = platform.workers(2).await;
    let job = nap(&client, 1).await;
    reaches(&client, &job, "completed").await;
    assert!(workers.log().contains("forged or damaged"), "{}", workers.log());
    assert!(children(workers.pid()).len() >= 2);
}
