//! `dispatch`: whoever listens to a job hears of it, and of its end exactly once.

use semantest::queue::Lane;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;

const FIXTURE: &str = "semantest.fixture-misbehave";

#[tokio::test]
async fn each_way_to_end_is_told_once_and_signed() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let secret = platform.acme.get("/api/v1/webhooks/default-secret").await.expect(200).json();
    let secret = secret["secret"].as_str().expect("a secret").to_owned();
    for (action, params, event) in [
        ("echo", json!({"n": 1}), "job.completed"),
        ("fail", json!({"kind": "permanent"}), "job.failed"),
        ("flaky", json!({"failures": 1, "how": "transient"}), "job.completed"),
    ] {
        let receiver = Receiver::content().await;
        let body = json!({"params": params, "webhookUrl": receiver.url(), "metadata": {"order": 17}});
        let job = platform.acme.leave("alice", FIXTURE, action, &body).await.expect(202).json();
        let arrived = receiver.first(event).await;
        platform.drained().await;
        assert_eq!((receiver.arrived().len(), receiver.ends()), (1, 1), "{action}");
        assert!(arrived.is_signed_with(&secret), "{action}");
        assert!(!arrived.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        let data = &arrived.json()["data"];
        assert_eq!((&data["jobId"], &data["metadata"]), (&job["jobId"], &json!({"order": 17})), "{data}");
        assert_eq!((&data["userId"], &data["addonId"]), (&json!("alice"), &json!(FIXTURE)), "{data}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_receiver_hears_only_the_events_it_asked_for() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    let events = json!(["job.queued", "job.started", "job.completed"]);
    let body = json!({"params": {}, "webhookUrl": receiver.url(), "webhookEvents": events});
    platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202);
    receiver.first("job.completed").await;
    platform.drained().await;
    let mut heard: Vec<_> = receiver.arrived().iter().map(crate::support::receiver::Arrived::event).collect();
    heard.sort();
    assert_eq!(heard, ["job.completed", "job.processing", "job.queued"]);
    let quiet = Receiver::content().await;
    let body = json!({"params": {}, "webhookUrl": quiet.url(), "webhookEvents": ["job.failed"]});
    let job = platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202).json();
    platform.acme.reaches(&id_of(&job), "completed").await;
    platform.drained().await;
    assert_eq!(quiet.arrived().len(), 0);
    platform.end().await;
}

#[tokio::test]
async fn a_beginning_that_is_told_late_is_still_a_beginning() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Webhooks).await.expect("a paused queue");
    let receiver = Receiver::content().await;
    let events = json!(["job.processing", "job.completed"]);
    let body = json!({"params": {}, "webhookUrl": receiver.url(), "webhookEvents": events});
    let job = platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202).json();
    platform.acme.reaches(&id_of(&job), "completed").await;
    producer.resume(Lane::Webhooks).await.expect("a resumed queue");
    receiver.first("job.processing").await;
    receiver.first("job.completed").await;
    platform.drained().await;
    assert_eq!((receiver.arrived().len(), receiver.ends()), (2, 1));
    platform.end().await;
}

#[tokio::test]
async fn a_large_result_is_a_link_in_the_webhook_and_whole_on_the_job() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    let body = json!({"params": {"bytes": 100_000}, "webhookUrl": receiver.url()});
    let job = platform.acme.leave("alice", FIXTURE, "big-return", &body).await.expect(202).json();
    let arrived = receiver.first("job.completed").await;
    assert!(arrived.bytes().len() < 20_000, "{} bytes", arrived.bytes().len());
    assert_eq!(arrived.json()["data"]["result"]["truncated"], true);
    let whole = platform.acme.job(&id_of(&job)).await;
    assert_eq!(whole["result"]["value"].as_str().map(str::len), Some(100_000));
    platform.end().await;
}
