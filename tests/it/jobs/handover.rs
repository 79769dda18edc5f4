//! A process that stops in order hands its jobs back, and another one finishes them.

use semantest::app::Roles;
use semantest::config::addons::{ApprovalMode, ConsentMode};
use semantest::model::units::Span;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;

const FIXTURE: &str = "semantest.fixture-misbehave";

#[tokio::test]
async fn a_job_of_a_process_that_stops_is_finished_by_another_and_costs_no_attempt() {
    let first = Platform::with(|config| config.server.grace = Span::millis(100)).await;
    first.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    let body = json!({"params": {"milliseconds": 4000}, "webhookUrl": receiver.url()});
    let id = id_of(&first.acme.leave("alice", FIXTURE, "sleep", &body).await.expect(202).json());
    first.acme.reaches(&id, "processing").await;
    let remains = first.app.stop().await;

    let second = Platform::after(remains).await;
    let job = second.acme.reaches(&id, "completed").await;
    assert_eq!(job["result"]["value"], 4000, "{job}");
    assert_eq!(job["attempts"], json!({"made": 1, "max": 3}), "{job}");
    receiver.first("job.completed").await;
    second.drained().await;
    assert_eq!((receiver.arrived().len(), receiver.ends()), (1, 1));
    second.end().await;
}

#[tokio::test]
async fn keys_enablements_and_data_are_there_after_a_restart() {
    let first = Platform::start().await;
    first.give("alice", "semantest.notes").await;
    first.acme.call("alice", "semantest.notes", "add", &json!({"text": "keep me"})).await;
    let second = Platform::after(first.end().await).await;
    let notes = second.acme.call("alice", "semantest.notes", "list", &json!({})).await;
    assert_eq!(notes["result"]["value"]["notes"][0]["text"], "keep me", "{notes}");
    second.end().await;
}

#[tokio::test]
async fn an_api_alone_and_a_worker_alone_are_a_platform_together() {
    let whole = Platform::start().await;
    whole.give("alice", "semantest.notes").await;
    let remains = whole.end().await;
    // The same records, read by a process that works on nothing.
    let api = crate::support::app::TestApp::start_on(remains, Roles { api: true, lanes: Vec::new() }, |config| {
        config.addons.consent = ConsentMode::Implied;
        config.addons.approval = ApprovalMode::Auto;
    })
    .await;
    let client = api.client().await;
    let job = client.leave("alice", "semantest.notes", "list", &json!({"params": {}})).await.expect(202).json();
    let id = id_of(&job);
    assert_eq!(client.job(&id).await["status"], "queued");
    let whole = Platform::after(api.stop().await).await;
    whole.acme.reaches(&id, "completed").await;
    whole.end().await;
}
