//! Several worker processes under one supervisor: they crash, are drained, replaced and killed.

mod code;
mod everything;

use std::path::Path;

use serde_json::{Value, json};

use super::platform::{Platform, enable, id_of, reaches};
use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::redis::TestRedis;
use crate::support::until;

const FIXTURE: &str = "semantest.fixture-misbehave";

/// The processes that `parent` started, by number where it has such, and that are no zombies.
fn children(parent: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("a list of processes").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
        let mut words = rest.split(' ');
        let (state, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if of == parent.to_string() && state != "Z" {
            children.push(pid);
        }
    }
    children.sort_unstable();
    children
}

/// The worker processes of a supervisor, and none of the children that compile for them.
fn workers_of(supervisor: u32) -> Vec<u32> {
    let is_worker = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("worker-process")
    };
    children(supervisor).into_iter().filter(is_worker).collect()
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.is_ok(), "the signal is sent");
}

/// The process that the supervisor last started in a place.
fn latest(supervisor: &Program, number: u64) -> Option<u32> {
    let lines: Vec<Value> = supervisor.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let started =
        |line: &&Value| line["worker"] == number && line["message"].as_str().is_some_and(|m| m.ends_with("started"));
    let pid = lines.iter().rev().find(started)?["pid"].as_u64()?;
    u32::try_from(pid).ok()
}

async fn nap(client: &Http, milliseconds: u64) -> String {
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/actions/sleep");
    let body = json!({"params": {"milliseconds": milliseconds}});
    id_of(&client.post(&path, &body).await.expect(202).json())
}

#[tokio::test]
async fn a_crash_takes_one_process_and_the_others_do_its_jobs() {
    let mut platform = Platform::over(TestRedis::start_durable());
    // Three each, so that six running jobs are in both processes.
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "3");
    let (_api, client) = platform.api().await;
    let (workers, ops) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(nap(&client, 2500).await);
    }
    // More that wait behind them.
    for _ in 0..20 {
        jobs.push(nap(&client, 10).await);
    }
    for id in jobs.iter().take(6) {
        reaches(&client, id, "processing").await;
    }
    let both = workers_of(workers.pid());
    let [victim, neighbour] = both[..] else { panic!("two processes: {both:?}") };
    signal(victim, "ABRT");
    until("the crash is seen", async || workers.log().contains("killed by SIGABRT")).await;
    ops.get("/readyz").await.expect(200);
    let mut attempts = 0;
    for id in &jobs {
        let job = reaches(&client, id, "completed").await;
        assert!(job["error"].is_null(), "{job}");
        attempts += job["attempts"]["made"].as_u64().unwrap_or_default();
    }
    assert_eq!(attempts, 26, "a lost worker charges no try");
    assert!(is_alive(neighbour), "the neighbour went on");
    until("another takes its place", async || {
        let now = workers_of(workers.pid());
        now.len() == 2 && !now.contains(&victim) && ops.get("/readyz").await.status == 200
    })
    .await;
    let page = String::from_utf8(ops.get("/metrics").await.expect(200).bytes).expect("text");
    let restarts = page.lines().find(|line| line.starts_with("semantest_worker_restarts_total{"));
    assert!(restarts.is_some_and(|line| line.ends_with(" 1")), "{page}");
}

#[tokio::test]
async fn one_that_dies_again_and_again_is_named_and_in_the_end_given_up() {
    let mut platform = Platform::over(TestRedis::start());
    platform.set("SEMANTEST_PROCESSES__BACKOFF", "200ms");
    platform.set("SEMANTEST_PROCESSES__GIVE_UP_AFTER", "4");
    let (mut workers, ops) = platform.workers(2).await;
    let mut killed = Vec::new();
    for _ in 0..3 {
        until("it runs again", async || latest(&workers, 2).is_some_and(|pid| !killed.contains(&pid))).await;
        let pid = latest(&workers, 2).expect("a process");
        signal(pid, "KILL");
        killed.push(pid);
    }
    until("operators are told", async || {
        let answer = ops.get("/readyz").await;
        let said = String::from_utf8_lossy(&answer.bytes).into_owned();
        answer.status == 503 && said.contains("process 2: ended 3 times in a row, last time killed by SIGKILL")
    })
    .await;
    ops.get("/livez").await.expect(200);
    until("it runs again", async || latest(&workers, 2).is_some_and(|pid| !killed.contains(&pid))).await;
    let neighbour = latest(&workers, 1).expect("a process");
    signal(latest(&workers, 2).expect("a process"), "KILL");
    assert_eq!(workers.ended().await.code(), Some(1), "{}", workers.log());
    assert!(workers.log().contains("worker process 2 ended 4 times in a row, last time killed by SIGKILL"));
    assert!(workers.log().contains("\"process\":1") && workers.log().contains("Stopped working lane"), "drained");
    assert!(!is_alive(neighbour), "the other one was stopped");
}

#[tokio::test]
async fn what_cannot_start_says_why_once_and_is_not_tried_again() {
    let platform = Platform::over(TestRedis::start());
    platform.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let (code, said) = platform.run(&["worker", "--processes", "2"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("CONFIG SET maxmemory-policy noeviction"), "{said}");
    assert!(said.contains("does not start; it said why"), "{said}");
    assert!(!said.contains("again"), "{said}");
    let (code, said) =
        platform.run(&["worker-process", "--number", "1", "--parent", "1", "--queues", "addons", "--threads", "1"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the supervisor that started this process is gone"), "{said}");
}

#[tokio::test]
async fn all_are_drained_at_once_and_nothing_is_left() {
    let mut platform = Platform::over(TestRedis::start());
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "1");
    let (_api, client) = platform.api().await;
    let (mut workers, _) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    let jobs = [nap(&client, 1500).await, nap(&client, 1500).await];
    for id in &jobs {
        reaches(&client, id, "processing").await;
    }
    let both = workers_of(workers.pid());
    assert_eq!(both.len(), 2);
    workers.signal("TERM");
    assert_eq!(workers.ended().await.code(), Some(0), "{}", workers.log());
    for id in &jobs {
        // Nobody else works, so what is done now was done before the processes ended.
        let job = client.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json();
        assert_eq!((&job["status"], &job["attempts"]["made"]), (&json!("completed"), &json!(1)), "{job}");
    }
    assert!(both.iter().all(|pid| !is_alive(*pid)));
    assert!(!workers.log().contains("was killed"), "{}", workers.log());
}

#[tokio::test]
async fn a_second_signal_and_a_kill_leave_no_process_and_lose_no_job() {
    let mut platform = Platform::over(TestRedis::start());
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "1");
    let (_api, client) = platform.api().await;
    let (mut first, _) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    let jobs = [nap(&client, 3000).await, nap(&client, 3000).await];
    for id in &jobs {
        reaches(&client, id, "processing").await;
    }
    let both = workers_of(first.pid());
    first.signal("TERM");
    until("the first signal is heard", async || first.log().contains("a second signal exits at once")).await;
    first.signal("INT");
    assert_eq!(first.ended().await.code(), Some(130), "{}", first.log());
    until("nobody is left", async || both.iter().all(|pid| !is_alive(*pid))).await;

    let (second, _) = platform.workers(2).await;
    for id in &jobs {
        reaches(&client, id, "processing").await;
    }
    let both = workers_of(second.pid());
    second.kill();
    until("nobody is left", async || both.iter().all(|pid| !is_alive(*pid))).await;

    let (_third, _) = platform.workers(2).await;
    for id in &jobs {
        let job = reaches(&client, id, "completed").await;
        assert_eq!(job["attempts"]["made"], 1, "{job}");
    }
}

#[tokio::test]
async fn a_hang_up_replaces_one_after_the_other_while_work_goes_on() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let (workers, ops) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    let before = workers_of(workers.pid());
    workers.signal("HUP");
    let mut calls = 0;
    until("both are others", async || {
        let job = nap(&client, 1).await;
        reaches(&client, &job, "completed").await;
        calls += 1;
        let now = workers_of(workers.pid());
        ops.get("/readyz").await.expect(200);
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    })
    .await;
    assert!(calls > 0 && !workers.log().contains("its jobs are taken over"), "{}", workers.log());
}

#[tokio::test]
async fn operators_read_one_page_and_one_log() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let (workers, ops) = platform.workers(2).await;
    enable(&client, FIXTURE).await;
    let done = nap(&client, 1).await;
    reaches(&client, &done, "completed").await;
    let page = String::from_utf8(ops.get("/metrics").await.expect(200).bytes).expect("text");
    for wanted in [
        "semantest_worker_processes{process=\"supervisor\",state=\"ready\"} 2",
        "semantest_redis_round_trip_seconds{process=\"1\"}",
        "semantest_redis_round_trip_seconds{process=\"2\"}",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert_eq!(page.matches("# TYPE semantest_redis_round_trip_seconds gauge").count(), 1, "{page}");
    for path in ["/livez", "/readyz", "/startupz"] {
        ops.get(path).await.expect(200);
    }
    let log = workers.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    for number in [1, 2] {
        let working = |line: &&Value| line["process"] == number && line["message"] == "Working lane `addon-calls`";
        assert!(lines.iter().any(|line| working(&line)), "{log}");
    }
}

/// The files of compiled code under a platform's folder.
fn code_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.join("cache")).expect("a folder of compiled code").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "cwasm")).collect()
}
