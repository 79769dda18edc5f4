//! `dev` with worker processes: one to start, nothing left behind.

use std::path::Path;

use serde_json::{Value, json};

use super::{is_alive, workers_of};
use crate::faults::platform::{enable_published, id_of, reaches};
use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::until;

/// Starts `dev` with two worker processes over `folder`, with one addon.
async fn dev(folder: &Path) -> (Program, Value) {
    let addons = folder.join("addons");
    std::fs::create_dir_all(&addons).expect("a folder");
    let name = "semantest.prompt-styles.wasm";
    let from = format!("{}/target/addons/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(&from, addons.join(name)).unwrap_or_else(|error| panic!("{from}: {error}; run `make addons`"));
    let (data, addons) = (folder.join("data").display().to_string(), addons.display().to_string());
    let words = ["dev", "--json", "--listen", "127.0.0.1:0", "--processes", "2", "--data", &data, "--addons", &addons];
    let program = Program::start(&words, &[]);
    let ready = program.first_answer().await;
    (program, ready)
}

fn redis_of(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("data/redis/semantest-redis.pid")).expect("a pid file");
    text.trim().parse().expect("a number")
}

#[tokio::test]
async fn dev_works_in_processes_and_an_interrupt_or_a_kill_ends_them_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut first, ready) = dev(folder.path()).await;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let client = Http::to(&text("url")).with_key(&text("clientKey"));
    enable_published(&client, "semantest.prompt-styles").await;
    let body = json!({"prompt": "hello", "userId": "alice", "imageGeneration": {"enabled": true}});
    let asked = client.post("/api/v1/chat/new", &body).await.expect(202).json();
    let done = reaches(&client, &id_of(&asked), "completed").await;
    assert!(done.to_string().contains(&text("url")), "links lead to the API that listens: {done}");
    let both = workers_of(first.pid());
    assert_eq!(both.len(), 2);
    let ops = Http::to(&text("opsUrl"));
    ops.get("/readyz").await.expect(200);
    let page = String::from_utf8(ops.get("/metrics").await.expect(200).bytes).expect("text");
    assert!(page.contains("semantest_job_outcomes_total{process=\""), "{page}");
    assert!(page.contains("semantest_http_request_seconds_count{process=\"api\""), "{page}");
    let redis = redis_of(folder.path());
    first.signal("INT");
    assert_eq!(first.ended().await.code(), Some(0), "{}", first.log());
    until("nothing is left", async || !is_alive(redis) && both.iter().all(|pid| !is_alive(*pid))).await;

    let (second, _) = dev(folder.path()).await;
    let both = workers_of(second.pid());
    assert_eq!(both.len(), 2);
    let redis = redis_of(folder.path());
    second.kill();
    until("nothing is left", async || !is_alive(redis) && both.iter().all(|pid| !is_alive(*pid))).await;
}
