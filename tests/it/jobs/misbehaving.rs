//! A guest that misbehaves ends its own job, with its own code, and a neighbour's calls all go through meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{built, manifest, packed};
use crate::support::platform::Platform;

const NOTES: &str = "semantest.notes";
const FIXTURE: &str = "semantest.fixture-misbehave";
const PROBE: &str = "semantest.fixture-wasi-probe";

/// Runs `bad` while a neighbour lists its notes again and again; every one of the neighbour's calls has to work.
async fn beside_a_neighbour<T>(platform: &Platform, bad: impl Future<Output = T>) -> T {
    let (is_over, calls) = (AtomicBool::new(false), AtomicU32::new(0));
    let neighbour = async {
        while !is_over.load(Ordering::Relaxed) || calls.load(Ordering::Relaxed) == 0 {
            let job = platform.acme.call("bob", NOTES, "list", &json!({})).await;
            assert_eq!(job["status"], "completed", "the neighbour failed: {job}");
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let bad = async {
        let outcome = bad.await;
        is_over.store(true, Ordering::Relaxed);
        outcome
    };
    tokio::join!(bad, neighbour).0
}

async fn street() -> Platform {
    // One user has one crash after the other here, which would pause the fixture.
    let platform = Platform::with(|config| config.addons.quarantine.user_crashes = 0).await;
    platform.give("bob", NOTES).await;
    platform
}

async fn ends_with(platform: &Platform, action: &str, body: Value, code: &str) -> Value {
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/actions/{action}");
    let job = beside_a_neighbour(platform, platform.acme.done(&path, &body)).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{action}: {job}");
    job
}

#[tokio::test]
async fn every_fixture_ends_with_its_own_code() {
    let platform = street().await;
    platform.give("alice", FIXTURE).await;
    ends_with(&platform, "loop", json!({"params": {}}), "CPU_LIMIT").await;
    ends_with(&platform, "allocate", json!({"params": {"bytes": 1 << 20, "count": 4096}}), "MEMORY_LIMIT").await;
    ends_with(&platform, "recurse", json!({"params": {}}), "ADDON_TRAPPED").await;
    ends_with(&platform, "trap", json!({"params": {}}), "ADDON_TRAPPED").await;
    ends_with(&platform, "panic", json!({"params": {}}), "ADDON_TRAPPED").await;
    ends_with(&platform, "big-return", json!({"params": {"bytes": 8 << 20}}), "OUTPUT_LIMIT").await;
    ends_with(&platform, "fill-store", json!({"params": {"bytes": 4096, "count": 100}}), "QUOTA_EXCEEDED").await;
    let fine = platform.acme.call("alice", FIXTURE, "count", &json!({})).await;
    assert_eq!(fine["result"]["value"], 1, "each call has a fresh instance: {fine}");
    platform.end().await;
}

#[tokio::test]
async fn sleeping_past_the_deadline_ends_at_the_deadline() {
    let platform = street().await;
    platform.give("alice", FIXTURE).await;
    let body = json!({"params": {"milliseconds": 60_000}, "timeoutMs": 300});
    let job = ends_with(&platform, "sleep", body, "DEADLINE_EXCEEDED").await;
    assert_eq!(job["attempts"]["made"], 3, "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_gigabyte_of_log_lines_is_cut_and_harms_nobody() {
    let platform = street().await;
    platform.give("alice", FIXTURE).await;
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/actions/log-flood");
    let body = json!({"params": {"bytes": 10_000, "count": 100_000}});
    let job = beside_a_neighbour(&platform, platform.acme.done(&path, &body)).await;
    let code = job["error"]["code"].as_str().unwrap_or_default();
    assert!(job["status"] == "completed" || ["CPU_LIMIT", "OUTPUT_LIMIT"].contains(&code), "{job}");
    let log = platform.acme.log(job["jobId"].as_str().unwrap_or_default()).await;
    assert!(!log.is_empty() && log.len() < 1 << 20, "{} bytes", log.len());
    platform.end().await;
}

/// Guests in text, for what compilers do not make.
fn bombs() -> Vec<(&'static str, Bytes, &'static str)> {
    let mut memories = Guest::doing(
        "(drop (memory.grow $a (i32.const 320))) (drop (memory.grow $b (i32.const 320)))
         (drop (memory.grow $c (i32.const 320)))
         (if (i32.eq (memory.grow $d (i32.const 320)) (i32.const -1)) (then unreachable))",
    );
    memories.ending = String::from("(memory $a 0) (memory $b 0) (memory $c 0) (memory $d 0)");
    let mut tables = Guest::doing(
        "(loop $l (if (i32.eq (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable)) (br $l))",
    );
    tables.parts = String::from("(table 1 funcref)");
    let one =
        Guest::doing("(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l))");
    let mut deep = Guest::doing("(call $deeper)");
    deep.parts = String::from("(func $deeper (call $deeper) (call $deeper))");
    // A string whose length runs past the end of memory.
    let lying = Guest::doing("(i32.store (i32.const 2060) (i32.const 0x7fffffff))");
    [
        ("acme.one-memory", one, "MEMORY_LIMIT"),
        ("acme.many-memories", memories, "MEMORY_LIMIT"),
        ("acme.tables", tables, "MEMORY_LIMIT"),
        ("acme.deep", deep, "ADDON_TRAPPED"),
        ("acme.lying", lying, "ADDON_RESULT_INVALID"),
    ]
    .into_iter()
    .map(|(id, guest, code)| (id, packed(&guest, &manifest(id)), code))
    .collect()
}

#[tokio::test]
async fn bombs_made_by_hand_end_with_their_own_code() {
    let platform = street().await;
    for (id, component, code) in bombs() {
        platform.publisher.publish_well(component).await;
        platform.acme.enable_well("alice", id, &json!({})).await;
        let job = beside_a_neighbour(&platform, platform.acme.call("alice", id, "run", &json!({}))).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{id}: {job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn wasi_gives_a_guest_no_file_no_socket_and_no_environment() {
    let platform = street().await;
    platform.admin.publish_well(built(PROBE)).await;
    platform.acme.enable_well("alice", PROBE, &json!({})).await;
    let job = platform.acme.call("alice", PROBE, "probe", &json!({})).await;
    let found = &job["result"]["value"];
    assert_eq!(
        (&found["environment"], &found["arguments"], &found["preopens"]),
        (&json!([]), &json!([]), &json!(0)),
        "{job}"
    );
    assert_eq!((&found["workingDirectory"], &found["stdin"]), (&json!(null), &json!("closed")), "{job}");
    for way in ["tcp4", "tcp6", "udp4", "udp6", "lookup", "lookupAddress"] {
        let outcome = found[way].as_str().unwrap_or_default();
        assert!(["access-denied", "not-supported", "permanent-resolver-failure"].contains(&outcome), "{way}: {job}");
    }
    platform.end().await;
}
