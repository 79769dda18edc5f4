//! A schedule over two worker processes: each due time once, also where the worker that holds the tick is killed.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::platform::{Platform, enable_published, id_of, reaches, report};
use crate::support::components::built_as;
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::until;

const SIGNALS: &str = "semantest.fixture-signals";
/// Reads of a tick that takes some tenths of a second.
const READS: u32 = 3000;

/// Publishes the fixture with a schedule of every second, and enables it for `alice`. Each tick reads so often that it takes
/// a while.
async fn enable_ticking(client: &Http, reads: u32) {
    let bytes = built_as(SIGNALS, |manifest| {
        manifest["config"]["schema"]["properties"]["reads"]["default"] = json!(reads);
        manifest["schedules"] = json!([{ "name": "beat", "cron": "* * * * * *" }]);
        manifest["events"]["handles"] = json!(["ping"]);
    });
    let upload = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm").body(bytes);
    let published = client.send(upload).await.expect(202).json();
    reaches(client, &id_of(&published), "completed").await;
    enable_published(client, SIGNALS).await;
}

/// The tick jobs, newest first.
async fn ticks(client: &Http) -> Vec<Value> {
    let page = client.get("/api/v1/jobs?kind=tick&limit=200").await.expect(200).json();
    page["data"].as_array().expect("jobs").clone()
}

async fn done(client: &Http) -> Vec<Value> {
    ticks(client).await.into_iter().filter(|job| job["result"]["ticked"] == true).collect()
}

fn due(job: &Value) -> u64 {
    job["result"]["dueMs"].as_u64().unwrap_or_else(|| panic!("{job}"))
}

/// When a job began, in milliseconds since the epoch.
fn started(job: &Value) -> u64 {
    let text = job["startedAt"].as_str().unwrap_or_else(|| panic!("{job}"));
    let time = chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    u64::try_from(time.timestamp_millis()).expect("after the epoch")
}

/// How often the addon itself was woken for each due time.
async fn woken(client: &Http) -> Value {
    let path = format!("/api/v1/users/alice/addons/{SIGNALS}/actions/ticks");
    let job = client.post(&path, &json!({"params": {}})).await.expect(202).json();
    reaches(client, &id_of(&job), "completed").await["result"]["value"].clone()
}

fn is_once_each(woken: &Value) -> bool {
    woken.as_object().is_some_and(|times| !times.is_empty() && times.values().all(|count| count == 1))
}

#[tokio::test]
async fn two_workers_run_each_due_time_once_and_soon_and_none_when_it_is_off() {
    let mut platform = Platform::over(TestRedis::start_durable());
    platform.set("SEMANTEST_ADDONS__SIGNALS__SCHEDULE_INTERVAL", "1s");
    let (api, client) = platform.api().await;
    let (first, second) = (platform.worker().await, platform.worker().await);
    enable_ticking(&client, 0).await;
    until("five ticks", async || done(&client).await.len() >= 5).await;
    let off = client.send(client.request(Method::DELETE, &format!("/api/v1/users/alice/addons/{SIGNALS}"))).await;
    reaches(&client, &id_of(&off.expect(202).json()), "completed").await;
    let told = done(&client).await;
    let mut dues: Vec<u64> = told.iter().map(due).collect();
    dues.sort_unstable();
    let all = dues.len();
    dues.dedup();
    assert_eq!(dues.len(), all, "each due time has one job: {dues:?}");
    let lateness: Vec<u64> = told.iter().map(|job| started(job).saturating_sub(due(job))).collect();
    // It is off: whatever was under way says that it did nothing, and nothing new comes while another second passes.
    let count = ticks(&client).await.len();
    let quiet = Instant::now();
    until("two seconds without it", async || quiet.elapsed().as_secs() >= 2).await;
    assert_eq!(ticks(&client).await.len(), count, "nothing ticks any more");
    enable_published(&client, SIGNALS).await;
    let woken = woken(&client).await;
    assert!(is_once_each(&woken), "{woken}");
    report("cron with two workers", &json!({"ticks": told.len(), "lateMs": lateness}));
    drop((first, second, api));
}

#[tokio::test]
async fn the_worker_that_holds_the_tick_is_killed_and_another_one_does_it_once() {
    let mut platform = Platform::over(TestRedis::start_durable());
    platform.set("SEMANTEST_ADDONS__SIGNALS__SCHEDULE_INTERVAL", "1s");
    // A tick is held for long enough by how often it reads.
    platform.set("SEMANTEST_SANDBOX__DEFAULTS__KV_OPERATIONS", &(READS + 10).to_string());
    let (api, client) = platform.api().await;
    let (first, second) = (platform.worker().await, platform.worker().await);
    // The second one holds nothing and does nothing, so that it is the first one that holds the tick.
    second.signal("STOP");
    enable_ticking(&client, READS).await;
    let mut held = None;
    until("a tick is being done", async || {
        held = ticks(&client).await.into_iter().find(|job| job["status"] == "processing");
        held.is_some()
    })
    .await;
    first.kill();
    second.signal("CONT");
    let killed = Instant::now();
    let id = id_of(&held.expect("a tick"));
    let ended = reaches(&client, &id, "completed").await;
    let took = killed.elapsed();
    assert_eq!(ended["result"]["ticked"], true, "{ended}");
    let count = done(&client).await.len();
    until("the series goes on", async || done(&client).await.len() >= count + 3).await;
    let mut dues: Vec<u64> = done(&client).await.iter().map(due).collect();
    let all = dues.len();
    dues.sort_unstable();
    dues.dedup();
    assert_eq!(dues.len(), all, "each due time has one job: {dues:?}");
    report("worker killed with a tick in its hands", &json!({"doneMs": took.as_millis(), "ticks": all}));
    drop((second, api));
}
