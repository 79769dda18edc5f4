//! `handle`: addons hear of how jobs end and of what others announce, each once, and never without end.

use semantest::queue::Lane;
use serde_json::{Value, json};

use crate::support::components::{built, built_as};
use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;
use crate::support::until;

const SIGNALS: &str = "semantest.fixture-signals";
const MISBEHAVE: &str = "semantest.fixture-misbehave";
const ECHO: &str = "acme.echo";

/// The fixture under another id, which hears nothing but these topics.
fn listening(id: &str, handles: &[&str]) -> bytes::Bytes {
    built_as(SIGNALS, |manifest| {
        manifest["id"] = json!(id);
        manifest["events"]["handles"] = json!(handles);
    })
}

/// A platform on which `alice` has the fixture, and one that hears these topics.
async fn two(handles: &[&str]) -> Platform {
    let platform = Platform::start().await;
    platform.admin.publish_well(listening(ECHO, handles)).await;
    platform.acme.enable_well("alice", ECHO, &json!({})).await;
    platform.admin.publish_well(listening(SIGNALS, &["ping"])).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    platform
}

/// What an addon heard so far.
pub(super) async fn heard(platform: &Platform, user: &str, addon: &str) -> Vec<Value> {
    let job = platform.acme.call(user, addon, "heard", &json!({})).await;
    job["result"]["value"].as_array().unwrap_or_else(|| panic!("{job}")).clone()
}

/// The jobs of a kind, newest first.
async fn jobs(platform: &Platform, kind: &str) -> Vec<Value> {
    let page = platform.acme.get(&format!("/api/v1/jobs?kind={kind}&limit=100")).await.expect(200).json();
    page["data"].as_array().expect("jobs").clone()
}

#[tokio::test]
async fn what_an_addon_announces_reaches_the_others_that_handle_it_and_not_itself() {
    let platform = two(&["ping"]).await;
    let params = json!({"topic": "ping", "payload": {"n": 1}});
    platform.acme.call("alice", SIGNALS, "emit", &params).await;
    platform.drained().await;
    assert_eq!(heard(&platform, "alice", ECHO).await, [json!({"topic": "ping", "payload": {"n": 1}})]);
    assert!(heard(&platform, "alice", SIGNALS).await.is_empty(), "it does not hear itself");
    let told = jobs(&platform, "handle").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["addonId"], &told[0]["result"]), (&json!(ECHO), &json!({"heard": true})), "{told:?}");
    // Nobody else's user hears of it.
    platform.acme.enable_well("bob", ECHO, &json!({})).await;
    platform.acme.call("alice", SIGNALS, "emit", &params).await;
    platform.drained().await;
    assert!(heard(&platform, "bob", ECHO).await.is_empty());
    platform.end().await;
}

#[tokio::test]
async fn who_names_the_addon_before_the_topic_hears_no_other() {
    let platform = two(&["semantest.fixture-signals/weather.changed", "acme.other/ping"]).await;
    for topic in ["weather.changed", "ping"] {
        platform.acme.call("alice", SIGNALS, "emit", &json!({"topic": topic, "payload": 7})).await;
    }
    platform.drained().await;
    let whole = json!({"topic": "semantest.fixture-signals/weather.changed", "payload": 7});
    assert_eq!(heard(&platform, "alice", ECHO).await, [whole]);
    platform.end().await;
}

#[tokio::test]
async fn an_attempt_that_announces_the_same_again_is_heard_once() {
    let platform = two(&["ping"]).await;
    let job = platform.acme.call("alice", SIGNALS, "emit-and-fail", &json!({})).await;
    assert_eq!((&job["result"]["value"], &job["attempts"]["made"]), (&json!(2), &json!(2)), "{job}");
    platform.drained().await;
    let mut firsts: Vec<bool> =
        heard(&platform, "alice", ECHO).await.iter().map(|one| one["payload"]["first"] == true).collect();
    firsts.sort_unstable();
    assert_eq!(firsts, [false, true], "two events, however often they were announced");
    platform.end().await;
}

#[tokio::test]
async fn addons_that_answer_each_other_come_to_an_end() {
    let platform = two(&["ping"]).await;
    platform.acme.call("alice", SIGNALS, "emit", &json!({"topic": "ping", "payload": {"passOn": true}})).await;
    platform.drained().await;
    let told = jobs(&platform, "handle").await;
    assert_eq!(told.len(), 4, "four in a row, and no fifth: {told:?}");
    let refused: Vec<&Value> = told.iter().filter(|job| job["status"] == "failed").collect();
    assert_eq!(refused.len(), 1, "{told:?}");
    let error = &refused[0]["error"];
    assert_eq!((&error["code"], &error["addonCode"]), (&json!("ADDON_REFUSED"), &json!("too-many-hops")), "{error}");
    assert_eq!(error["details"], json!({"limit": "hops", "reached": 5, "allowed": 4}), "{error}");
    platform.end().await;
}

#[tokio::test]
async fn what_is_not_granted_too_large_or_too_much_is_refused_with_the_numbers() {
    let platform = Platform::with(|config| config.addons.signals.emits_per_call = 3).await;
    platform.give("alice", SIGNALS).await;
    for (params, code, details) in [
        (json!({"topic": "moon.full"}), "not-granted", json!({"capability": "events"})),
        (json!({"topic": "ping", "times": 4}), "over-quota", json!({"limit": "events", "reached": 4, "allowed": 3})),
        (
            json!({"topic": "ping", "payload": "x".repeat(16 * 1024)}),
            "too-large",
            json!({"limit": "eventBytes", "reached": 16 * 1024 + 2, "allowed": 16 * 1024}),
        ),
    ] {
        let job = platform.acme.call("alice", SIGNALS, "emit", &params).await;
        let error = &job["error"];
        assert_eq!(error["addonCode"], code, "{job}");
        for (name, value) in details.as_object().expect("an object") {
            assert_eq!(&error["details"][name], value, "{error}");
        }
    }
    let fine = platform.acme.call("alice", SIGNALS, "emit", &json!({"topic": "ping", "times": 3})).await;
    assert_eq!(fine["status"], "completed", "{fine}");
    platform.end().await;
}

#[tokio::test]
async fn a_receiver_that_wants_it_hears_what_addons_announce() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    let receiver = Receiver::content().await;
    let events = json!(["addon.emitted", "job.completed"]);
    let params = json!({"topic": "weather.changed", "payload": {"sky": "blue"}, "times": 2});
    let body =
        json!({"params": params, "webhookUrl": receiver.url(), "webhookEvents": events, "metadata": {"order": 7}});
    let job = platform.acme.leave("alice", SIGNALS, "emit", &body).await.expect(202).json();
    let arrived = receiver.arrived_at_least(3).await;
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 3);
    let mut numbers = Vec::new();
    for said in arrived.iter().filter(|arrived| arrived.event() == "addon.emitted") {
        let data = said.json()["data"].clone();
        assert_eq!((&data["topic"], &data["payload"]), (&json!("weather.changed"), &json!({"sky": "blue"})), "{data}");
        assert_eq!((&data["addonId"], &data["userId"]), (&json!(SIGNALS), &json!("alice")), "{data}");
        assert_eq!((&data["jobId"], &data["metadata"]), (&job["jobId"], &json!({"order": 7})), "{data}");
        numbers.push((data["sequence"].as_u64(), said.header("webhook-id").to_owned()));
    }
    numbers.sort();
    assert_eq!(numbers.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_ne!(numbers[0].1, numbers[1].1, "two events are two deliveries");
    platform.end().await;
}

#[tokio::test]
async fn an_addon_hears_how_jobs_end_and_nobodys_name() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.give("alice", MISBEHAVE).await;
    platform.drained().await;
    let before = heard(&platform, "alice", SIGNALS).await.len();
    let fine = platform.acme.call("alice", MISBEHAVE, "echo", &json!({"n": 1})).await;
    let bad = platform.acme.call("alice", MISBEHAVE, "fail", &json!({"kind": "permanent"})).await;
    let job_of = |event: &Value| event["payload"]["jobId"].as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    until("both ends are heard", async || {
        all = heard(&platform, "alice", SIGNALS).await;
        [&fine, &bad].iter().all(|job| all.iter().any(|event| job_of(event) == id_of(job)))
    })
    .await;
    for (job, topic, code) in [(&fine, "job.completed", Value::Null), (&bad, "job.failed", json!("ADDON_FAILED"))] {
        let told: Vec<&Value> = all.iter().filter(|event| job_of(event) == id_of(job)).collect();
        assert_eq!(told.len(), 1, "once: {told:?}");
        let (payload, said) = (&told[0]["payload"], told[0]["payload"].to_string());
        assert_eq!((&told[0]["topic"], &payload["code"]), (&json!(topic), &code), "{payload}");
        assert_eq!((&payload["kind"], &payload["addonId"]), (&json!("invoke"), &json!(MISBEHAVE)), "{payload}");
        assert!(!said.contains("alice"), "a guest never learns who its user is: {said}");
    }
    assert!(before >= 1, "it heard that the other addon was loaded");
    // Jobs of a user without such an addon have no dispatch.
    platform.acme.enable_well("bob", MISBEHAVE, &json!({})).await;
    platform.drained().await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Webhooks).await.expect("a paused queue");
    platform.acme.call("bob", MISBEHAVE, "echo", &json!({})).await;
    assert_eq!(producer.depth(Lane::Webhooks).await.expect("a depth").waiting, 0);
    producer.resume(Lane::Webhooks).await.expect("a resumed queue");
    platform.end().await;
}

#[tokio::test]
async fn a_job_that_was_cancelled_in_its_queue_is_heard_of_too() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.give("alice", MISBEHAVE).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::AddonCalls).await.expect("a paused queue");
    let job = platform.acme.leave("alice", MISBEHAVE, "echo", &json!({"params": {}})).await.expect(202).json();
    platform.acme.post(&format!("/api/v1/jobs/{}/cancel", id_of(&job)), &json!({})).await;
    producer.resume(Lane::AddonCalls).await.expect("a resumed queue");
    platform.acme.reaches(&id_of(&job), "cancelled").await;
    until("it is heard", async || {
        let all = heard(&platform, "alice", SIGNALS).await;
        all.iter().any(|event| event["topic"] == "job.cancelled" && event["payload"]["jobId"] == job["jobId"])
    })
    .await;
    platform.end().await;
}

#[tokio::test]
async fn what_is_told_to_an_addon_that_is_off_by_then_is_not_heard_and_says_so() {
    let platform = two(&["ping"]).await;
    let producer = platform.app.services.work.producer().clone();
    platform.acme.call("alice", SIGNALS, "emit", &json!({"topic": "ping", "payload": 1})).await;
    until("it was told", async || !jobs(&platform, "handle").await.is_empty()).await;
    platform.drained().await;
    producer.pause(Lane::AddonCalls).await.expect("a paused queue");
    let body = json!({"params": {"topic": "ping", "payload": 2}});
    platform.acme.leave("alice", SIGNALS, "emit", &body).await.expect(202);
    platform.acme.disable("alice", ECHO, false).await;
    producer.resume(Lane::AddonCalls).await.expect("a resumed queue");
    platform.drained().await;
    let told = jobs(&platform, "handle").await;
    assert_eq!(told.len(), 1, "who is off is not told: {told:?}");
    platform.acme.enable_well("alice", ECHO, &json!({})).await;
    assert_eq!(heard(&platform, "alice", ECHO).await.len(), 1);
    platform.end().await;
}

#[tokio::test]
async fn an_addon_that_does_not_listen_is_never_told() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(MISBEHAVE)).await;
    platform.admin.publish_well(listening(ECHO, &["ping"])).await;
    for addon in [MISBEHAVE, ECHO] {
        platform.acme.enable_well("alice", addon, &json!({})).await;
    }
    platform.acme.call("alice", MISBEHAVE, "echo", &json!({})).await;
    platform.drained().await;
    assert!(jobs(&platform, "handle").await.is_empty());
    platform.end().await;
}
