//! How jobs end is heard by the addons that listen, whoever asked for the job and whatever became of it since.

use semantest::queue::AddOptions;
use semantest::queue::tickets::invoke::Invoke;
use semantest::queue::tickets::upkeep::Upkeep;
use serde_json::{Value, json};

use super::handle::heard;
use crate::support::platform::Platform;
use crate::support::tenant::id_of;
use crate::support::until;

const SIGNALS: &str = "semantest.fixture-signals";
const MISBEHAVE: &str = "semantest.fixture-misbehave";

/// A platform on which `alice` has an addon that listens and one that works.
async fn platform() -> Platform {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.give("alice", MISBEHAVE).await;
    platform.drained().await;
    platform
}

/// What was heard of one job.
async fn of(platform: &Platform, job: &str) -> Vec<Value> {
    let all = heard(platform, "alice", SIGNALS).await;
    all.into_iter().filter(|event| event["payload"]["jobId"] == job).collect()
}

#[tokio::test]
async fn the_end_of_a_foreign_job_is_heard_once() {
    let platform = platform().await;
    let call = Invoke {
        addon_id: MISBEHAVE.to_owned(),
        user_id: Some(String::from("alice")),
        action: String::from("echo"),
        params: json!({}),
        ..Invoke::default()
    };
    let producer = platform.app.services.work.producer().clone();
    producer.add("order-7", &call, &AddOptions::default()).await.expect("an accepted ticket");
    until("it is heard", async || !of(&platform, "ext_addon-calls_order-7").await.is_empty()).await;
    platform.drained().await;
    assert_eq!(of(&platform, "ext_addon-calls_order-7").await.len(), 1);
    platform.end().await;
}

#[tokio::test]
async fn a_job_that_fails_again_when_it_is_tried_again_is_heard_again() {
    let platform = platform().await;
    let job = platform.acme.call("alice", MISBEHAVE, "fail", &json!({"kind": "permanent"})).await;
    until("it is heard", async || of(&platform, &id_of(&job)).await.len() == 1).await;
    platform.acme.post(&format!("/api/v1/jobs/{}/retry", id_of(&job)), &json!({})).await.expect(202);
    until("it is heard again", async || of(&platform, &id_of(&job)).await.len() == 2).await;
    platform.drained().await;
    assert_eq!(of(&platform, &id_of(&job)).await.len(), 2);
    platform.end().await;
}

#[tokio::test]
async fn upkeep_lets_an_addon_listen_whose_writer_died_before_it_could() {
    let platform = platform().await;
    let prefix = platform.app.redis.settings().prefix.clone();
    // As a process leaves it that wrote the record and died.
    platform.app.redis.command(&["DEL", &format!("{prefix}:job-listeners:acme:alice")]).await;
    let unheard = platform.acme.call("alice", MISBEHAVE, "echo", &json!({})).await;
    let member = format!("acme:{SIGNALS}:alice");
    platform.app.redis.command(&["ZADD", &format!("{prefix}:signals-looked-after"), "0", &member]).await;
    let producer = platform.app.services.work.producer().clone();
    producer.add("upkeep-ahead", &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
    platform.drained().await;
    let job = platform.acme.call("alice", MISBEHAVE, "echo", &json!({})).await;
    until("it is heard", async || of(&platform, &id_of(&job)).await.len() == 1).await;
    assert!(of(&platform, &id_of(&unheard)).await.is_empty(), "nobody listened then");
    platform.end().await;
}

#[tokio::test]
async fn who_is_switched_off_or_erased_listens_no_more() {
    let platform = platform().await;
    for erase in [false, true] {
        platform.acme.disable("alice", SIGNALS, erase).await;
        platform.drained().await;
        let producer = platform.app.services.work.producer().clone();
        producer.pause(semantest::queue::Lane::Webhooks).await.expect("a paused queue");
        platform.acme.call("alice", MISBEHAVE, "echo", &json!({})).await;
        let depth = producer.depth(semantest::queue::Lane::Webhooks).await.expect("a depth");
        assert_eq!(depth.waiting, 0, "no dispatch is made for nobody");
        producer.resume(semantest::queue::Lane::Webhooks).await.expect("a resumed queue");
        platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    }
    platform.end().await;
}
