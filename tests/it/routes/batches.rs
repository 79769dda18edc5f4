//! Batches: all of the jobs or none, and one event when all are over.

use semantest::queue::Lane;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::Answer;
use crate::support::platform::Platform;
use crate::support::receiver::{Arrived, Receiver};
use crate::support::until;

const PATH: &str = "/api/v1/images/batch";
const STYLES: &str = "semantest.prompt-styles";

fn three() -> Value {
    json!({
        "userId": "alice",
        "jobs": [
            {"prompt": "A garden", "size": "64x64"},
            {"prompt": "A harbour", "size": "64x64", "metadata": {"page": 2}},
            {"prompt": "A mountain", "size": "64x64", "seed": 7},
        ],
        "metadata": {"book": 9},
    })
}

fn path_of(answer: &Answer) -> String {
    answer.json()["statusUrl"].as_str().expect("a path").to_owned()
}

/// Waits for the end of a batch and answers it.
async fn over(platform: &Platform, path: &str) -> Value {
    let read = async || platform.acme.get(path).await.expect(200).json();
    until("the batch is over", async || read().await["status"] == "completed").await;
    read().await
}

#[tokio::test]
async fn every_job_of_a_batch_runs_and_the_batch_shows_how_they_stand() {
    let platform = Platform::start().await;
    let accepted = platform.acme.post(PATH, &three()).await.expect(202);
    let made = accepted.json();
    assert_eq!((made["totalJobs"].as_u64(), made["jobs"].as_array().map(Vec::len)), (Some(3), Some(3)), "{made}");
    assert_eq!(accepted.header("location"), path_of(&accepted));
    let batch = over(&platform, &path_of(&accepted)).await;
    assert_eq!((&batch["counts"]["completed"], &batch["progress"]), (&json!(3), &json!(100)), "{batch}");
    assert_eq!(batch["metadata"], json!({"book": 9}));
    assert!(batch["finishedAt"].is_string(), "{batch}");
    for (asked, shown) in made["jobs"].as_array().into_iter().flatten().zip(batch["jobs"].as_array().expect("jobs")) {
        assert_eq!(asked["jobId"], shown["jobId"], "in the order in which they were asked for");
        assert!(shown["images"][0]["url"].is_string(), "{shown}");
        let job = platform.acme.job(shown["jobId"].as_str().expect("an id")).await;
        assert_eq!((&job["userId"], &job["status"]), (&json!("alice"), &json!("completed")), "{job}");
    }
    assert_eq!(batch["jobs"][1]["metadata"], json!({"page": 2}));
    assert_eq!(batch["jobs"][0]["metadata"], json!({"book": 9}), "the batch's own where it has none");
    platform.other.get(&path_of(&accepted)).await.expect_problem(404, "NOT_FOUND");
    platform.acme.get("/api/v1/images/batches/bat_01KB2X6J5WZ5V0T8Q3M7N9PARS").await.expect_problem(404, "NOT_FOUND");
    platform.acme.get("/api/v1/images/batches/nothing").await.expect_problem(404, "NOT_FOUND");
    platform.end().await;
}

#[tokio::test]
async fn one_fault_refuses_the_whole_batch_and_every_fault_is_named() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({
        "jobs": [{"prompt": "fine"}, {"prompt": " "}, {"size": "big"}, {"prompt": "x", "count": 9, "userId": "bob"}],
        "webhookEvents": ["job.done"], "priority": "urgent",
    });
    let mut pointers = client.post(PATH, &body).await.expect_problem(422, "VALIDATION_ERROR").pointers();
    pointers.sort();
    assert_eq!(
        pointers,
        [
            "/jobs/1/prompt",
            "/jobs/2/prompt",
            "/jobs/2/size",
            "/jobs/3/count",
            "/jobs/3/userId",
            "/priority",
            "/webhookEvents",
            "/webhookEvents",
        ]
    );
    for (body, pointer) in [
        (json!({}), "/jobs"),
        (json!({"jobs": []}), "/jobs"),
        (json!({"jobs": vec![json!({"prompt": "x"}); 101]}), "/jobs"),
        (json!({"jobs": [{"prompt": "x"}, {"prompt": "y", "provider": "addon:acme.none"}]}), "/jobs/1/provider"),
    ] {
        let answer = client.post(PATH, &body).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(answer.pointers(), [pointer]);
    }
    let depth = app.services.work.producer().depth(Lane::ImageGeneration).await.expect("a depth");
    assert_eq!(depth.prioritized + depth.waiting, 0, "{depth:?}");
}

#[tokio::test]
async fn the_same_batch_asked_for_twice_is_one() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let first = client.post_with(PATH, &three(), "idempotency-key", "order-17").await.expect(202);
    let again = client.post_with(PATH, &three(), "idempotency-key", "order-17").await.expect(202);
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(first.json(), again.json());
    let depth = app.services.work.producer().depth(Lane::ImageGeneration).await.expect("a depth");
    assert_eq!(depth.prioritized, 3);
    let other = json!({"jobs": [{"prompt": "x"}]});
    client.post_with(PATH, &other, "idempotency-key", "order-17").await.expect_problem(422, "IDEMPOTENCY_MISMATCH");
}

#[tokio::test]
async fn the_end_of_a_batch_is_told_once_however_its_jobs_ended() {
    let platform = Platform::start().await;
    platform.give_with("alice", STYLES, &json!({"bannedWords": ["serene"]})).await;
    let (receiver, standing) = (Receiver::content().await, Receiver::content().await);
    let endpoint = json!({"url": standing.url(), "events": ["batch.completed"]});
    platform.acme.post("/api/v1/webhooks", &endpoint).await.expect(201);
    let producer = platform.app.services.work.producer();
    producer.pause(Lane::ImageGeneration).await.expect("paused");
    let body = json!({
        "userId": "alice", "webhookUrl": receiver.url(), "metadata": {"order": 17},
        "jobs": [
            {"prompt": "A garden", "size": "64x64"},
            {"prompt": "A serene garden", "size": "64x64"},
            {"prompt": "A harbour", "size": "64x64"},
        ],
    });
    let accepted = platform.acme.post(PATH, &body).await.expect(202);
    let last = accepted.json()["jobs"][2]["jobId"].as_str().expect("an id").to_owned();
    platform.acme.post(&format!("/api/v1/jobs/{last}/cancel"), &json!({})).await.expect(200);
    assert_eq!(receiver.arrived().len(), 0);
    producer.resume(Lane::ImageGeneration).await.expect("resumed");
    let told = receiver.first("batch.completed").await.json();
    let data = &told["data"];
    assert_eq!((&data["kind"], &data["metadata"]), (&json!("batch"), &json!({"order": 17})), "{told}");
    assert_eq!(data["batchId"], accepted.json()["batchId"], "{told}");
    let counts = &data["result"]["counts"];
    assert_eq!(
        (&counts["completed"], &counts["failed"], &counts["cancelled"]),
        (&json!(1), &json!(1), &json!(1)),
        "{told}"
    );
    standing.first("batch.completed").await;
    let batch = over(&platform, &path_of(&accepted)).await;
    assert_eq!(batch["jobs"][1]["error"]["code"], "BLOCKED_BY_ADDON", "{batch}");
    platform.drained().await;
    for heard in [&receiver, &standing] {
        assert_eq!(heard.arrived().iter().map(Arrived::event).collect::<Vec<_>>(), ["batch.completed"]);
    }
    platform.end().await;
}

#[tokio::test]
async fn a_batch_tells_of_its_jobs_where_it_is_asked_to() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    let mut body = three();
    body["webhookUrl"] = json!(receiver.url());
    body["webhookEvents"] = json!(["batch.completed", "job.completed"]);
    platform.acme.post(PATH, &body).await.expect(202);
    receiver.first("batch.completed").await;
    platform.drained().await;
    let mut events: Vec<_> = receiver.arrived().iter().map(Arrived::event).collect();
    events.sort();
    assert_eq!(events, ["batch.completed", "job.completed", "job.completed", "job.completed"]);
    let single = json!({"prompt": "x", "webhookUrl": receiver.url(), "webhookEvents": ["batch.completed"]});
    let refused = platform.acme.post("/api/v1/images/generate", &single).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(refused.pointers(), ["/webhookEvents"], "a job alone has no batch");
    platform.end().await;
}
