//! An addon that does no wrong by itself is blocked while it runs on two workers.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::platform::{Platform, enable, enable_published, id_of, job, reaches, report};
use crate::host::guest::Guest;
use crate::support::components::{manifest, packed};
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::until;

const FIXTURE: &str = "semantest.fixture-misbehave";
const SPINNER: &str = "acme.spinner";
const QUEUED: usize = 200;

async fn call(client: &Http, addon: &str, action: &str, params: Value) -> String {
    let path = format!("/api/v1/users/alice/addons/{addon}/actions/{action}");
    id_of(&client.post(&path, &json!({ "params": params })).await.expect(202).json())
}

/// Publishes a guest that works and never ends, with as much processor time as the platform gives.
async fn publish_spinner(client: &Http) {
    let mut wish = manifest(SPINNER);
    wish["actions"][0]["cpuMs"] = json!(10_000);
    wish["actions"][0]["timeoutMs"] = json!(120_000);
    let component = packed(&Guest::doing("(loop $l (br $l))"), &wish);
    let upload = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
    let published = client.send(upload.body(component)).await.expect(202).json();
    reaches(client, &id_of(&published), "completed").await;
    enable_published(client, SPINNER).await;
}

/// Blocks an addon, and answers the block's id and what it hit.
async fn block(client: &Http, addon: &str) -> (String, Value) {
    let body = json!({"addon": addon, "reason": "it never ends"});
    let blocked = client.post("/api/v1/admin/blocks", &body).await.expect(201).json();
    (blocked["block"]["blockId"].as_str().expect("an id").to_owned(), blocked["impact"].clone())
}

/// Waits until a job is over, and answers it.
async fn over(client: &Http, id: &str) -> Value {
    let mut seen = Value::Null;
    until(&format!("{id} is over"), async || {
        seen = job(client, id).await;
        ["completed", "failed", "cancelled"].iter().any(|end| seen["status"] == *end)
    })
    .await;
    seen
}

async fn log_of(client: &Http, id: &str) -> Value {
    client.get(&format!("/api/v1/jobs/{id}/logs")).await.expect(200).json()["data"].clone()
}

#[tokio::test]
async fn what_runs_ends_on_both_workers_and_what_waits_never_starts() {
    let mut platform = Platform::over(TestRedis::start_durable());
    // One call each, so that two endless calls are two workers', and everything else waits behind them.
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "1");
    let (api, client) = platform.api().await;
    let workers = (platform.worker().await, platform.worker().await);
    enable(&client, FIXTURE).await;
    publish_spinner(&client).await;
    let proof = call(&client, FIXTURE, "log-flood", json!({"bytes": 10, "count": 1})).await;
    reaches(&client, &proof, "completed").await;
    assert_ne!(log_of(&client, &proof).await, json!([]), "a call that starts is seen in its log");

    // One of each kind: it works and never waits, it waits and hardly works.
    for (addon, action, params) in
        [(SPINNER, "run", json!({})), (FIXTURE, "progress", json!({"count": 100_000, "milliseconds": 50}))]
    {
        let mut endless = Vec::new();
        for _ in 0..2 {
            endless.push(call(&client, addon, action, params.clone()).await);
        }
        for id in &endless {
            reaches(&client, id, "processing").await;
        }
        let mut waiting = Vec::new();
        if addon == FIXTURE {
            for _ in 0..QUEUED {
                waiting.push(call(&client, FIXTURE, "log-flood", json!({"bytes": 10, "count": 1})).await);
            }
        }
        let blocked_at = Instant::now();
        let (block, impact) = block(&client, addon).await;
        assert_eq!((&impact["users"], &impact["versions"][0]["addonId"]), (&json!(1), &json!(addon)), "{impact}");
        for id in &endless {
            let job = over(&client, id).await;
            assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("ADDON_BLOCKED")), "{job}");
        }
        let gone_ms = u64::try_from(blocked_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        report("a block ends what runs", &json!({"addon": addon, "goneMs": gone_ms}));
        let mut starts = 0;
        for id in &waiting {
            let job = over(&client, id).await;
            assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("ADDON_BLOCKED")), "{job}");
            starts += usize::from(log_of(&client, id).await != json!([]));
        }
        assert_eq!(starts, 0, "of {} waiting calls", waiting.len());
        let path = format!("/api/v1/users/alice/addons/{addon}/actions/{action}");
        client.post(&path, &json!({ "params": params })).await.expect_problem(409, "ADDON_BLOCKED");
        client.delete(&format!("/api/v1/admin/blocks/{block}")).await.expect(204);
    }
    let again = call(&client, FIXTURE, "log-flood", json!({"bytes": 10, "count": 1})).await;
    reaches(&client, &again, "completed").await;
    drop((workers, api));
}
