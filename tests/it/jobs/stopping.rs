//! Jobs that are cancelled: in their queue, and while they run.

use std::time::{Duration, Instant};

use semantest::queue::Lane;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;

const FIXTURE: &str = "semantest.fixture-misbehave";

#[tokio::test]
async fn a_queued_job_is_cancelled_and_says_so_once() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::AddonCalls).await.expect("a paused queue");
    let receiver = Receiver::content().await;
    let body = json!({"params": {}, "webhookUrl": receiver.url()});
    let id = id_of(&platform.acme.leave("alice", FIXTURE, "echo", &body).await.expect(202).json());
    platform.acme.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.expect(200);
    producer.resume(Lane::AddonCalls).await.expect("a resumed queue");
    let job = platform.acme.job(&id).await;
    assert_eq!((&job["status"], &job["attempts"]["made"]), (&json!("cancelled"), &json!(0)), "{job}");
    receiver.first("job.cancelled").await;
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 1);
    platform.end().await;
}

#[tokio::test]
async fn a_running_job_is_cancelled_in_the_middle_and_says_so_once() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    for (action, params) in [
        ("sleep", json!({"milliseconds": 20_000})),
        ("sleep-until-cancelled", json!({"milliseconds": 20_000})),
        ("loop", json!({})),
    ] {
        let receiver = Receiver::content().await;
        let body = json!({"params": params, "webhookUrl": receiver.url()});
        let id = id_of(&platform.acme.leave("alice", FIXTURE, action, &body).await.expect(202).json());
        platform.acme.reaches(&id, "processing").await;
        let asked = Instant::now();
        let answer = platform.acme.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
        assert!(answer.status.is_success(), "{action}: {:?}", answer.json());
        let job = platform.acme.reaches(&id, "cancelled").await;
        assert!(asked.elapsed() < Duration::from_secs(8), "{action} took {:?}", asked.elapsed());
        assert_eq!(
            (&job["error"]["code"], &job["attempts"]["made"]),
            (&json!("CANCELLED"), &json!(1)),
            "{action}: {job}"
        );
        receiver.first("job.cancelled").await;
        platform.drained().await;
        assert_eq!((receiver.arrived().len(), receiver.ends()), (1, 1), "{action}");
        platform.acme.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.expect(200);
    }
    platform.end().await;
}
