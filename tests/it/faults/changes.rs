//! What two worker processes remember of an addon, and how soon they forget it when somebody changes it elsewhere.
//!
//! The calls go straight into the queue, so that nothing that the API remembers or checks stands before the workers.

use std::time::Instant;

use futures::future::join_all;
use reqwest::Method;
use semantest::config::queues::QueueSettings;
use semantest::host::section;
use semantest::queue::tickets::invoke::Invoke;
use semantest::queue::{AddOptions, Producer};
use serde_json::{Value, json};

use super::platform::{Platform, id_of, reaches, report};
use crate::host::guest::{DIGIT, Guest};
use crate::support::components::{built, manifest, packed};
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::until;

const MOVING: &str = "semantest.fixture-moving";
const DIGITS: &str = "acme.digits";
/// Calls at once: more than one process takes at a time.
const AT_ONCE: usize = 16;

struct Callers {
    client: Http,
    producer: Producer,
    number: usize,
}

impl Callers {
    /// Leaves so many calls at once, and answers how each ended.
    async fn call(&mut self, addon: &str, action: &str, params: Value) -> Vec<Value> {
        let mut ids = Vec::new();
        for _ in 0..AT_ONCE {
            self.number += 1;
            let ticket = Invoke {
                addon_id: addon.to_owned(),
                user_id: Some(String::from("alice")),
                client_id: Some(String::from("acme")),
                action: action.to_owned(),
                params: params.clone(),
                ..Invoke::default()
            };
            let id = format!("call-{}", self.number);
            self.producer.add(&id, &ticket, &AddOptions::default()).await.expect("an accepted ticket");
            ids.push(format!("ext_addon-calls_{id}"));
        }
        join_all(ids.iter().map(|id| over(&self.client, id))).await
    }

    /// Waits until every process answers in the new way, and holds all later answers to that.
    async fn turn(&mut self, what: &str, addon: &str, action: &str, params: Value, is_new: impl Fn(&Value) -> bool) {
        let changed = Instant::now();
        until(&format!("{what} holds everywhere"), async || {
            self.call(addon, action, params.clone()).await.iter().all(&is_new)
        })
        .await;
        report("a change is heard by all processes", &json!({"what": what, "ms": changed.elapsed().as_millis()}));
        for _ in 0..3 {
            for job in self.call(addon, action, params.clone()).await {
                assert!(is_new(&job), "{what}: {job}");
            }
        }
    }
}

async fn over(client: &Http, id: &str) -> Value {
    let mut seen = Value::Null;
    until(&format!("{id} is over"), async || {
        let answer = client.get(&format!("/api/v1/jobs/{id}")).await;
        seen = answer.json();
        ["completed", "failed", "cancelled"].iter().any(|end| seen["status"] == *end)
    })
    .await;
    seen
}

fn digits(version: &str, digit: u8) -> Vec<u8> {
    let mut wish = manifest(DIGITS);
    wish["version"] = json!(version);
    let body = format!("(i32.store8 (i32.const {DIGIT}) (i32.const {}))", b'0' + digit);
    packed(&Guest::doing(&body), &wish).to_vec()
}

fn moving() -> Vec<u8> {
    let bytes = built(MOVING);
    let mut manifest = section::read(&bytes).expect("a manifest");
    manifest.capabilities[0].max_bytes = Some(1 << 20);
    section::embed(&bytes, &manifest).expect("a packed component")
}

async fn publish(client: &Http, component: Vec<u8>) {
    let upload = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
    let published = client.send(upload.body(component)).await.expect(202).json();
    reaches(client, &id_of(&published), "completed").await;
}

async fn enable(client: &Http, addon: &str, wish: &Value) {
    let put = client.request(Method::PUT, &format!("/api/v1/users/alice/addons/{addon}")).json(wish);
    reaches(client, &id_of(&client.send(put).await.expect(202).json()), "completed").await;
}

async fn change(client: &Http, addon: &str, wish: &Value) {
    let patch = client.request(Method::PATCH, &format!("/api/v1/users/alice/addons/{addon}")).json(wish);
    let answer = client.send(patch).await;
    if answer.status == 202 {
        reaches(client, &id_of(&answer.json()), "completed").await;
    } else {
        answer.expect(200);
    }
}

fn fails_with(code: &'static str) -> impl Fn(&Value) -> bool {
    move |job| job["status"] == "failed" && job["error"]["code"] == code
}

async fn started() -> (Platform, Vec<crate::support::program::Program>, Callers) {
    let mut platform = Platform::over(TestRedis::start());
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "4");
    let (api, client) = platform.api().await;
    let (workers, _) = platform.workers(2).await;
    let producer = Producer::connect(platform.redis.settings(), &QueueSettings::default()).await.expect("the queues");
    (platform, vec![api, workers], Callers { client, producer, number: 0 })
}

#[tokio::test]
async fn settings_and_grants_that_are_changed_hold_in_every_process() {
    let (_platform, _programs, mut callers) = started().await;
    let client = callers.client.clone();
    publish(&client, moving()).await;
    enable(&client, MOVING, &json!({"config": {"mark": "first"}})).await;
    let has = |mark: &'static str| move |job: &Value| job["result"]["value"].to_string().contains(mark);
    callers.turn("being enabled", MOVING, "all", json!({}), has("first")).await;
    change(&client, MOVING, &json!({"config": {"mark": "second"}})).await;
    callers.turn("other settings", MOVING, "all", json!({}), has("second")).await;

    let note = |length: usize| json!({"key": "note", "value": "x".repeat(length)});
    callers.turn("the first grant", MOVING, "put", note(100), |job| job["status"] == "completed").await;
    change(&client, MOVING, &json!({"grants": [{"kind": "kv", "maxBytes": 10}]})).await;
    // What is there may stay; nothing may be added to it.
    callers.turn("a narrower grant", MOVING, "put", note(200), |job| job["status"] == "failed").await;
}

#[tokio::test]
async fn an_upgrade_a_block_and_a_disable_hold_in_every_process() {
    let (_platform, _programs, mut callers) = started().await;
    let client = callers.client.clone();
    publish(&client, digits("1.0.0", 1)).await;
    publish(&client, digits("2.0.0", 2)).await;
    enable(&client, DIGITS, &json!({"version": "1.0.0"})).await;
    let is = |digit: u8| move |job: &Value| job["result"]["value"] == json!({ "n": digit });
    callers.turn("the first version", DIGITS, "run", json!({}), is(1)).await;
    enable(&client, DIGITS, &json!({"version": "2.0.0"})).await;
    callers.turn("an upgrade", DIGITS, "run", json!({}), is(2)).await;

    let blocked = client.post("/api/v1/admin/blocks", &json!({"addon": DIGITS, "reason": "a test"})).await.expect(201);
    callers.turn("a block", DIGITS, "run", json!({}), fails_with("ADDON_BLOCKED")).await;
    let block = blocked.json()["block"]["blockId"].as_str().expect("an id").to_owned();
    client.delete(&format!("/api/v1/admin/blocks/{block}")).await.expect(204);
    callers.turn("its end", DIGITS, "run", json!({}), is(2)).await;

    let gone = client.delete(&format!("/api/v1/users/alice/addons/{DIGITS}")).await.expect(202).json();
    reaches(&client, &id_of(&gone), "completed").await;
    callers.turn("being disabled", DIGITS, "run", json!({}), fails_with("ADDON_NOT_ENABLED")).await;
}
