//! `upkeep`: what a worker that died for good left undone is done by somebody else.

use chrono::TimeDelta;
use semantest::model::event::{EventType, WebhookTarget};
use semantest::model::id::{ClientId, JobId};
use semantest::model::job::{JobKind, Outcome};
use semantest::queue::tickets::upkeep::Upkeep;
use semantest::queue::{AddOptions, Lane};
use semantest::store::jobs::NewJob;
use serde_json::json;

use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::until;

#[tokio::test]
async fn the_end_of_a_foreign_job_whose_worker_died_is_announced_by_upkeep() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    let records = platform.app.services.work.records();
    let id = JobId::foreign(Lane::ImageGeneration.name(), "42");
    let acme = ClientId::parse("acme").expect("a client");
    // As a worker leaves it that dies between the record's end and the dispatch that it owes.
    let job = NewJob {
        created_at: chrono::Utc::now() - TimeDelta::minutes(10),
        webhook: Some(WebhookTarget { url: receiver.url(), events: EventType::TERMINAL.to_vec() }),
        is_foreign: true,
        ..NewJob::of(JobKind::Generate, id.clone(), acme, Lane::ImageGeneration.name())
    };
    records.adopt(&job).await.expect("an adopted job");
    records.begin(&id, 1).await.expect("a beginning");
    records.finish(&id, &Outcome::Completed(json!({"images": []}))).await.expect("an end");
    let producer = platform.app.services.work.producer().clone();
    for turn in ["first", "second"] {
        producer.add(&format!("upkeep-{turn}"), &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
        receiver.first("job.completed").await;
        until("the sweep is over", async || {
            producer.depth(Lane::Upkeep).await.is_ok_and(|depth| depth.active + depth.waiting == 0)
        })
        .await;
    }
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 1, "told once, however often upkeep sweeps");
    platform.end().await;
}
