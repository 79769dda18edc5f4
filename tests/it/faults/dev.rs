//! `semantest dev` is killed and started again on the same folder.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::platform::{enable_published, id_of, reaches};
use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::until;

/// Starts `dev` over `folder`, publishing the addons of `addons`; answers what its one line says.
async fn dev(folder: &Path, addons: &Path) -> (Program, Value) {
    let (data, addons) = (folder.display().to_string(), addons.display().to_string());
    let words = ["dev", "--json", "--listen", "127.0.0.1:0", "--data", &data, "--addons", &addons];
    let program = Program::start(&words, &[]);
    let ready = program.first_answer().await;
    (program, ready)
}

fn is_redis(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let is_server = status.lines().next().is_some_and(|name| name.contains("redis") || name.contains("valkey"));
    is_server && !status.contains("State:\tZ")
}

/// The process that the folder's pid file names.
fn redis_of(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("redis/semantest-redis.pid")).expect("a pid file");
    text.trim().parse().expect("a number")
}

/// A folder with just one addon, so that starting is quick.
fn one_addon() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let name = "semantest.prompt-styles.wasm";
    let from = format!("{}/target/addons/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::copy(&from, folder.path().join(name)).unwrap_or_else(|error| panic!("{from}: {error}; run `make addons`"));
    folder
}

#[tokio::test]
async fn keys_enablements_and_jobs_survive_and_no_redis_is_left() {
    let (folder, addons) = (tempfile::tempdir().expect("a folder"), one_addon());
    let (first, ready) = dev(folder.path(), addons.path()).await;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let client = Http::to(&text("url")).with_key(&text("clientKey"));
    let path = "/api/v1/users/alice/addons/semantest.prompt-styles";
    enable_published(&client, "semantest.prompt-styles").await;
    let asked = client.post("/api/v1/chat/new", &json!({"prompt": "hello", "userId": "alice"})).await.expect(202);
    let job = id_of(&asked.json());
    reaches(&client, &job, "completed").await;
    let redis = redis_of(folder.path());
    assert!(is_redis(redis));
    first.kill();
    until("its Redis is gone", async || !is_redis(redis)).await;

    let (mut second, again) = dev(folder.path(), addons.path()).await;
    for name in ["adminKey", "publisherKey", "clientKey", "webhookSecret", "redisUrl", "prefix"] {
        assert_eq!(again[name], ready[name], "{name} is kept");
    }
    let client = Http::to(again["url"].as_str().unwrap_or_default()).with_key(&text("clientKey"));
    assert_eq!(client.get(&format!("/api/v1/jobs/{job}")).await.expect(200).json()["status"], "completed");
    assert_eq!(client.get(path).await.expect(200).json()["state"], "enabled");
    let asked = client.post("/api/v1/chat/new", &json!({"prompt": "again", "userId": "alice"})).await.expect(202);
    reaches(&client, &id_of(&asked.json()), "completed").await;
    let redis = redis_of(folder.path());
    second.signal("TERM");
    assert_eq!(second.ended().await.code(), Some(0), "{}", second.log());
    assert!(!is_redis(redis), "it was stopped with its parent");
}
