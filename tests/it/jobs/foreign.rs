//! Jobs that somebody else's BullMQ producer put into our queues.

use semantest::queue::AddOptions;
use semantest::queue::tickets::invoke::Invoke;
use semantest::queue::tickets::load::Load;
use serde_json::{Value, json};

use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::until;

const NOTES: &str = "semantest.notes";
const STYLES: &str = "semantest.prompt-styles";

fn load(addon: &str, config: Option<Value>, version: Option<&str>) -> Load {
    Load {
        addon_id: addon.to_owned(),
        user_id: Some(String::from("alice")),
        config,
        version: version.map(str::to_owned),
        ..Load::default()
    }
}

/// Adds a job as any BullMQ producer does: the queue counts its ids itself.
async fn add_as_a_stranger(platform: &Platform, queue: &str, name: &str, data: &impl serde::Serialize) {
    let settings = platform.app.redis.settings();
    let connection = bullmq::options::RedisConnectionOptions::new().url(settings.url.clone());
    let options = bullmq::QueueOptions::new().connection(connection).prefix(settings.prefix.clone());
    let queue = bullmq::Queue::with_options(queue, options).await.expect("a queue");
    let data = serde_json::to_value(data).expect("JSON");
    queue.add(name, data).await.expect("an accepted job");
}

async fn ends(platform: &Platform, id: &str) -> Value {
    until(&format!("{id} is over"), async || {
        let answer = platform.acme.get(&format!("/api/v1/jobs/{id}")).await;
        ["completed", "failed", "cancelled"].contains(&answer.json()["status"].as_str().unwrap_or_default())
    })
    .await;
    platform.acme.job(id).await
}

#[tokio::test]
async fn a_foreign_job_is_adopted_shown_and_announced() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(NOTES)).await;
    let producer = platform.app.services.work.producer().clone();
    producer.add("order-7", &load(NOTES, None, None), &AddOptions::default()).await.expect("an accepted ticket");
    let loaded = ends(&platform, "ext_addons_order-7").await;
    assert_eq!((&loaded["kind"], &loaded["result"]["state"]), (&json!("load"), &json!("enabled")), "{loaded}");
    let receiver = Receiver::content().await;
    let call = Invoke {
        addon_id: NOTES.to_owned(),
        user_id: Some(String::from("alice")),
        action: String::from("add"),
        params: json!({"text": "from afar"}),
        webhook_url: Some(receiver.url()),
        metadata: Some(json!({"order": 17})),
        ..Invoke::default()
    };
    add_as_a_stranger(&platform, "addon-calls", "invoke", &call).await;
    let called = ends(&platform, "ext_addon-calls_1").await;
    assert_eq!((&called["userId"], &called["metadata"]), (&json!("alice"), &json!({"order": 17})), "{called}");
    assert_eq!(called["result"]["value"]["count"], 1, "{called}");
    let arrived = receiver.first("job.completed").await;
    assert_eq!(arrived.json()["data"]["jobId"], "ext_addon-calls_1");
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 1);
    platform.other.get("/api/v1/jobs/ext_addon-calls_1").await.expect_problem(404, "JOB_NOT_FOUND");
    platform.end().await;
}

#[tokio::test]
async fn a_foreign_load_that_does_not_fit_fails_with_the_code_of_its_step() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let producer = platform.app.services.work.producer().clone();
    for (id, ticket, code) in [
        ("bad-config", load(STYLES, Some(json!({"style": 7})), None), "CONFIG_INVALID"),
        ("no-version", load(STYLES, None, Some("9.9.9")), "ADDON_UNKNOWN"),
        ("no-addon", load("acme.nothing", None, None), "ADDON_UNKNOWN"),
    ] {
        producer.add(id, &ticket, &AddOptions::default()).await.expect("an accepted ticket");
        let job = ends(&platform, &format!("ext_addons_{id}")).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{id}: {job}");
        assert_eq!(job["attempts"]["made"], 1, "{id}: {job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_foreign_ticket_with_a_malformed_field_has_a_record_that_says_so_and_its_receiver_hears_it() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    let whole = json!({"addonId": NOTES, "userId": "alice", "action": "list", "webhookUrl": receiver.url()});
    let faults = [
        ("userId", json!("not a user"), "`not a user` is not a user id"),
        ("userId", json!(7), "userId: must be text"),
        ("addonId", json!("Not An Addon"), "is not an addon id"),
        ("clientId", json!("Not A Client"), "is not a client name"),
        ("webhookEvents", json!(["job.completed", "job.done"]), "one or more of job.queued"),
        ("webhookEvents", json!("job.completed"), "must be a list"),
        ("sessionId", json!({}), "sessionId: must be text"),
    ];
    for (number, (field, value, expected)) in faults.iter().enumerate() {
        let mut data = whole.clone();
        data[field] = value.clone();
        add_as_a_stranger(&platform, "addon-calls", "invoke", &data).await;
        let id = format!("ext_addon-calls_{}", number + 1);
        let job = ends(&platform, &id).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("TICKET_INVALID")), "{job}");
        let message = job["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.starts_with(&format!("{field}: ")) && message.contains(expected), "{message}");
        let told = |id: &str| receiver.arrived().iter().any(|arrived| arrived.json()["data"]["jobId"] == id);
        until(&format!("{id} is told"), async || told(&id)).await;
        let events = platform.acme.get(&format!("/api/v1/jobs/{id}/events")).await;
        assert!(String::from_utf8_lossy(&events.bytes).contains("job.failed"));
    }
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), faults.len());
    assert!(receiver.arrived().iter().all(|arrived| arrived.event() == "job.failed"));
    platform.end().await;
}

#[tokio::test]
async fn a_foreign_ticket_whose_receiver_makes_no_sense_has_a_record_and_no_webhook() {
    let platform = Platform::start().await;
    let ticket = json!({"addonId": NOTES, "webhookUrl": "call me", "userId": "not a user"});
    add_as_a_stranger(&platform, "addons", "load", &ticket).await;
    let job = ends(&platform, "ext_addons_1").await;
    assert_eq!((&job["error"]["code"], &job["addonId"]), (&json!("TICKET_INVALID"), &json!(NOTES)), "{job}");
    let message = job["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("userId: ") && message.contains("webhookUrl: "), "{message}");
    let lane = semantest::queue::Lane::Addons;
    let seen = platform.app.services.work.producer().peek(lane, "1").await.expect("a look").expect("the job");
    assert!(seen.failed_reason.is_some_and(|reason| reason.contains("TICKET_INVALID")));
    platform.end().await;
}
