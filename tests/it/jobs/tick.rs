//! `tick`: schedules wake an addon as long as it is on, and only as it is now.

use bytes::Bytes;
use semantest::model::units::Span;
use semantest::queue::tickets::upkeep::Upkeep;
use semantest::queue::{AddOptions, Lane, QueuedJob, QueuedState};
use serde_json::{Value, json};

use crate::support::components::built_as;
use crate::support::platform::Platform;
use crate::support::until;

const SIGNALS: &str = "semantest.fixture-signals";

/// The fixture in this version, with these schedules.
fn scheduled(version: &str, schedules: &Value) -> Bytes {
    built_as(SIGNALS, |manifest| {
        manifest["version"] = json!(version);
        manifest["schedules"] = schedules.clone();
        manifest["events"]["handles"] = json!(["ping"]);
    })
}

fn every_second(name: &str) -> Value {
    json!([{ "name": name, "cron": "* * * * * *" }])
}

/// A platform that lets schedules come every second.
async fn platform() -> Platform {
    Platform::with(|config| config.addons.signals.schedule_interval = Span::secs(1)).await
}

/// How often the addon was woken for each due time.
async fn ticks(platform: &Platform) -> serde_json::Map<String, Value> {
    let job = platform.acme.call("alice", SIGNALS, "ticks", &json!({})).await;
    job["result"]["value"].as_object().unwrap_or_else(|| panic!("{job}")).clone()
}

/// The tick jobs so far, newest first.
async fn jobs(platform: &Platform) -> Vec<Value> {
    let page = platform.acme.get("/api/v1/jobs?kind=tick&limit=100").await.expect(200).json();
    page["data"].as_array().expect("jobs").clone()
}

/// When the armed schedules are due next, in milliseconds since the epoch.
async fn dues(platform: &Platform) -> Vec<u64> {
    let producer = platform.app.services.work.producer();
    let waiting = producer.page(Lane::AddonCalls, QueuedState::Delayed, 0, 100).await.expect("a page");
    let due = |job: &QueuedJob| job.id.strip_prefix("repeat:tick_")?.rsplit(':').next()?.parse().ok();
    waiting.iter().filter_map(due).collect()
}

/// How many schedules are armed.
async fn armed(platform: &Platform) -> usize {
    dues(platform).await.len()
}

/// Lets upkeep look at the addon's enablement now and not some minutes later.
async fn look_now(platform: &Platform) {
    let prefix = platform.app.redis.settings().prefix.clone();
    let member = format!("acme:{SIGNALS}:alice");
    platform.app.redis.command(&["ZADD", &format!("{prefix}:signals-looked-after"), "0", &member]).await;
    let id = format!("upkeep-{}", ulid::Ulid::generate());
    let producer = platform.app.services.work.producer();
    producer.add(&id, &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
}

#[tokio::test]
async fn a_schedule_ticks_once_a_time_while_the_addon_is_on_and_not_after() {
    let platform = platform().await;
    platform.admin.publish_well(scheduled("1.0.0", &every_second("beat"))).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    until("three ticks", async || ticks(&platform).await.len() >= 3).await;
    platform.acme.disable("alice", SIGNALS, false).await;
    assert_eq!(armed(&platform).await, 0, "nothing waits for an addon that is off");
    platform.drained().await;
    let (told, count) = (jobs(&platform).await, jobs(&platform).await.len());
    for job in told.iter().filter(|job| job["result"]["ticked"] == true) {
        let due = job["result"]["dueMs"].as_u64().expect("a due time");
        assert!(job["jobId"].as_str().is_some_and(|id| id.ends_with(&format!("-beat-{due}"))), "{job}");
        assert_eq!((&job["kind"], &job["addonId"]), (&json!("tick"), &json!(SIGNALS)), "{job}");
    }
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    let seen = ticks(&platform).await;
    assert!(seen.values().all(|times| times == 1), "each due time once: {seen:?}");
    until("it ticks again", async || jobs(&platform).await.len() > count).await;
    platform.acme.disable("alice", SIGNALS, true).await;
    assert_eq!(armed(&platform).await, 0);
    platform.end().await;
}

#[tokio::test]
async fn an_upgrade_takes_its_schedules_along_and_a_rollback_brings_the_old_ones_back() {
    let platform = platform().await;
    let nightly = |name: &str| json!([{ "name": name, "cron": "0 3 * * *" }, { "name": "both", "cron": "0 4 * * *" }]);
    platform.admin.publish_well(scheduled("1.0.0", &nightly("old"))).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    assert_eq!(armed(&platform).await, 2);
    platform.admin.publish_well(scheduled("1.1.0", &json!([{ "name": "both", "cron": "0 5 * * *" }]))).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    assert_eq!(armed(&platform).await, 1, "what the new version has, and nothing of the old one");
    platform.acme.post(&format!("/api/v1/users/alice/addons/{SIGNALS}/rollback"), &json!({})).await.expect(200);
    assert_eq!(armed(&platform).await, 2);
    platform.end().await;
}

#[tokio::test]
async fn a_schedule_goes_by_the_users_own_time_zone() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    let due = async || *dues(&platform).await.first().expect("a schedule that is armed");
    let hour = |ms: u64| (ms / 3_600_000) % 24;
    assert_eq!(hour(due().await), 7, "UTC where nothing was said");
    platform.acme.change("alice", SIGNALS, &json!({"timezone": "Asia/Tokyo"})).await.expect(200);
    assert_eq!(hour(due().await), 22, "seven in the morning, nine hours ahead");
    let view = platform.acme.enablement("alice", SIGNALS).await.expect(200).json();
    assert_eq!(view["timezone"], "Asia/Tokyo", "{view}");
    let wrong = platform.acme.change("alice", SIGNALS, &json!({"timezone": "Mars/Olympus"})).await;
    assert_eq!(wrong.expect_problem(422, "VALIDATION_ERROR").pointers(), ["/timezone"]);
    platform.acme.enable("alice", SIGNALS, &json!({"timezone": "UTC"})).await.expect(200);
    assert_eq!(hour(due().await), 7);
    platform.end().await;
}

#[tokio::test]
async fn upkeep_arms_what_is_gone_from_the_queue() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    assert_eq!(armed(&platform).await, 1);
    let prefix = platform.app.redis.settings().prefix.clone();
    for gone in ["delayed", "repeat"] {
        // As an outage between two runs leaves it, or somebody who empties a queue.
        platform.app.redis.command(&["DEL", &format!("{prefix}:addon-calls:{gone}")]).await;
        platform.app.redis.command(&["DEL", &format!("{prefix}:addon-calls:delayed")]).await;
        assert_eq!(armed(&platform).await, 0);
        look_now(&platform).await;
        until("it is armed again", async || armed(&platform).await == 1).await;
    }
    look_now(&platform).await;
    platform.drained().await;
    assert_eq!(armed(&platform).await, 1, "and once");
    platform.end().await;
}

#[tokio::test]
async fn what_is_blocked_or_paused_does_not_tick_and_says_so() {
    let platform = platform().await;
    platform.admin.publish_well(scheduled("1.0.0", &every_second("beat"))).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    until("a tick", async || !ticks(&platform).await.is_empty()).await;
    let block = json!({"addon": SIGNALS, "reason": "a test"});
    let block = platform.admin.post("/api/v1/admin/blocks", &block).await.expect(201).json();
    until("it is silent", async || armed(&platform).await == 0).await;
    platform.drained().await;
    let last = &jobs(&platform).await[0];
    assert_eq!(last["result"]["ticked"], false, "{last}");
    assert!(last["result"]["reason"].as_str().is_some_and(|reason| reason.contains("a test")), "{last}");
    let id = block["block"]["blockId"].as_str().expect("an id");
    platform.admin.delete(&format!("/api/v1/admin/blocks/{id}")).await.expect(204);
    look_now(&platform).await;
    until("it ticks again", async || jobs(&platform).await[0]["result"]["ticked"] == true).await;
    platform.acme.disable("alice", SIGNALS, true).await;
    platform.end().await;
}

#[tokio::test]
async fn what_an_admin_no_longer_allows_does_not_tick() {
    let platform = platform().await;
    platform.admin.publish_well(scheduled("1.0.0", &every_second("beat"))).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    until("a tick", async || !ticks(&platform).await.is_empty()).await;
    platform.admin.bound(&json!({"schedule": {"allowed": false}}), &json!({})).await;
    until("it is silent", async || armed(&platform).await == 0).await;
    platform.drained().await;
    let last = &jobs(&platform).await[0];
    assert_eq!(last["result"]["ticked"], false, "{last}");
    platform.end().await;
}
