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

#[tokio::test]
async fn after_an_engine_upgrade_upkeep_compiles_what_somebody_has_enabled() {
    let platform = Platform::start().await;
    platform.give("alice", "semantest.notes").await;
    let cache = platform.app.folder().join("cache");
    let remains = platform.end().await;
    // As an older engine leaves it, beside code that nothing names any more.
    let [path] = &compiled(&cache)[..] else { panic!("one component is compiled") };
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let older = name.split_once('-').map(|(digest, _)| format!("{digest}-00c0ffee.cwasm")).expect("digest and engine");
    let unnamed = cache.join(format!("{}-00c0ffee.cwasm", "0".repeat(64)));
    std::fs::copy(path, &unnamed).expect("code of a component that is gone");
    std::fs::rename(path, cache.join(older)).expect("code of an older engine");

    let platform = Platform::after(remains).await;
    let producer = platform.app.services.work.producer().clone();
    producer.add("upkeep-ahead", &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
    until("it is compiled for this engine", async || path.exists()).await;
    until("the other code is gone", async || !unnamed.exists()).await;
    platform.end().await;
}

/// The files of compiled code.
fn compiled(cache: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(cache).expect("the cache's folder").filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect()
}
