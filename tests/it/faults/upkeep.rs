//! What dead workers and outages leave half done is brought to its end, once.

use chrono::{TimeDelta, Utc};
use semantest::config::queues::QueueSettings;
use semantest::model::event::{EventType, WebhookTarget};
use semantest::model::id::{ClientId, JobId};
use semantest::model::job::{JobKind, Outcome};
use semantest::queue::tickets::upkeep::Upkeep;
use semantest::queue::{AddOptions, Lane, Producer, QueuedState};
use semantest::store::jobs::{Begun, Finished, Jobs, NewJob};
use serde_json::json;

use super::platform::{Platform, id_of, job, reaches};
use super::receiver::Receiver;
use crate::support::http::Http;
use crate::support::redis::TestRedis;
use crate::support::until;

fn target(receiver: &Receiver) -> WebhookTarget {
    WebhookTarget { url: receiver.url().to_owned(), events: EventType::TERMINAL.to_vec() }
}

async fn producer(platform: &Platform) -> Producer {
    Producer::connect(platform.redis.settings(), &QueueSettings::default()).await.expect("a producer")
}

async fn jobs(platform: &Platform) -> Jobs {
    Jobs::new(platform.redis.store().await)
}

/// A job of `acme` that was asked for some time ago.
fn old_job(id: &JobId, lane: Lane) -> NewJob {
    let client = ClientId::parse("acme").expect("a client");
    let facts = NewJob::of(JobKind::Message, id.clone(), client, lane.name());
    NewJob { created_at: Utc::now() - TimeDelta::minutes(5), ..facts }
}

#[tokio::test]
async fn a_finished_job_that_the_queue_still_has_is_not_done_again() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let receiver = Receiver::start().await;
    let body = json!({"prompt": "hello", "webhookUrl": receiver.url()});
    let id = id_of(&client.post("/api/v1/chat/new", &body).await.expect(202).json());
    let job_id = JobId::parse(&id).expect("an id");
    // What a worker does before it dies between our record's end and the queue's.
    let records = jobs(&platform).await;
    assert!(matches!(records.begin(&job_id, 1).await, Ok(Begun::Run(_))));
    let outcome = Outcome::Completed(json!({"by": "the dead worker"}));
    assert!(matches!(records.finish(&job_id, &outcome).await, Ok(Finished::Written)));
    let _worker = platform.worker().await;
    let producer = producer(&platform).await;
    until("the queue heard", async || {
        producer.state(Lane::AddonCalls, &id).await.is_ok_and(|state| state == QueuedState::Completed)
    })
    .await;
    let told = producer.peek(Lane::AddonCalls, &id).await.expect("the queue").expect("the job");
    assert_eq!(told.return_value, Some(json!({"by": "the dead worker"})));
    let job = job(&client, &id).await;
    assert_eq!((&job["result"]["by"], &job["attempts"]["made"]), (&json!("the dead worker"), &json!(1)), "{job}");
    until("the end is told", async || receiver.end_of(&id).is_some()).await;
    assert_eq!(receiver.end_of(&id).as_deref(), Some("job.completed"));
}

#[tokio::test]
async fn the_dispatch_that_a_dead_worker_owed_for_a_foreign_job_is_left() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let receiver = Receiver::start().await;
    let records = jobs(&platform).await;
    let id = JobId::foreign(Lane::AddonCalls.name(), "7");
    let facts = NewJob { is_foreign: true, webhook: Some(target(&receiver)), ..old_job(&id, Lane::AddonCalls) };
    records.adopt(&facts).await.expect("a record");
    assert!(matches!(records.begin(&id, 1).await, Ok(Begun::Run(_))));
    records.finish(&id, &Outcome::Completed(json!(42))).await.expect("an end");
    assert!(records.is_owed(&id).await.expect("an answer"));
    let _worker = platform.worker().await;
    sweep(&platform, "one").await;
    until("the end is told", async || receiver.end_of(id.as_str()).is_some()).await;
    sweep(&platform, "two").await;
    assert_eq!(receiver.end_of(id.as_str()).as_deref(), Some("job.completed"));
    assert!(!records.is_owed(&id).await.expect("an answer"));
    drop(client);
}

/// Runs one sweep to its end.
async fn sweep(platform: &Platform, name: &str) {
    let producer = producer(platform).await;
    let id = format!("upkeep_{name}");
    producer.add(&id, &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
    until("the sweep is over", async || {
        let state = producer.state(Lane::Upkeep, &id).await.expect("the queue");
        assert_ne!(state, QueuedState::Failed, "{:?}", producer.peek(Lane::Upkeep, &id).await);
        state == QueuedState::Completed
    })
    .await;
}

#[tokio::test]
async fn a_job_that_the_queue_never_heard_of_ends_and_its_receiver_is_told() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let receiver = Receiver::start().await;
    let records = jobs(&platform).await;
    let (lost, waiting, fresh) = (JobId::fresh("msg_"), JobId::fresh("msg_"), JobId::fresh("msg_"));
    let webhook = Some(target(&receiver));
    records.create(&NewJob { webhook, ..old_job(&lost, Lane::AddonCalls) }).await.expect("a record");
    records.create(&NewJob { created_at: Utc::now(), ..old_job(&fresh, Lane::AddonCalls) }).await.expect("a record");
    records.create(&old_job(&waiting, Lane::AddonCalls)).await.expect("a record");
    // It waits in a queue that nobody works, so it is not lost.
    let noop = semantest::queue::tickets::noop::Noop::default();
    producer(&platform).await.add(waiting.as_str(), &noop, &AddOptions::default()).await.expect("a ticket");
    let worker = platform.start(&["worker", "--queues", "webhooks,upkeep"]);
    worker.running().await;
    sweep(&platform, "one").await;
    let ended = job(&client, lost.as_str()).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("WORKER_LOST")), "{ended}");
    assert_eq!(ended["error"]["retryable"], true);
    until("its end is told", async || receiver.end_of(lost.as_str()).is_some()).await;
    assert_eq!(receiver.end_of(lost.as_str()).as_deref(), Some("job.failed"));
    for id in [&waiting, &fresh] {
        assert_eq!(job(&client, id.as_str()).await["status"], "queued");
    }
}

/// Asks under an idempotency key.
async fn ask(client: &Http, status: u16) -> serde_json::Value {
    let body = json!({"prompt": "once"});
    client.post_with("/api/v1/chat/new", &body, "idempotency-key", "\"order-7\"").await.expect(status).json()
}

#[tokio::test]
async fn a_repeat_under_the_same_key_brings_back_what_the_queue_lost() {
    let platform = Platform::over(TestRedis::start());
    let (_api, client) = platform.api().await;
    let id = id_of(&ask(&client, 202).await);
    // As if Redis had gone away between record and ticket: the ticket is not there.
    let producer = producer(&platform).await;
    producer.remove(Lane::AddonCalls, &id).await.expect("the queue");
    assert_eq!(producer.state(Lane::AddonCalls, &id).await.expect("the queue"), QueuedState::Absent);
    assert_eq!(id_of(&ask(&client, 202).await), id);
    assert_eq!(producer.state(Lane::AddonCalls, &id).await.expect("the queue"), QueuedState::Waiting);
    // And as if upkeep had given it up before the repeat came.
    producer.remove(Lane::AddonCalls, &id).await.expect("the queue");
    let job_id = JobId::parse(&id).expect("an id");
    let lost = semantest::model::job::Failure::transient(semantest::model::code::JobCode::WorkerLost, "lost");
    jobs(&platform).await.finish(&job_id, &Outcome::Failed(lost)).await.expect("an end");
    assert_eq!(id_of(&ask(&client, 202).await), id);
    let _worker = platform.worker().await;
    reaches(&client, &id, "completed").await;
}
