//! A worker is killed in the middle of a job.

use std::time::Instant;

use serde_json::json;

use super::platform::{Platform, enable, id_of, job, reaches, report};
use super::provider::Provider;
use super::receiver::Receiver;
use crate::support::redis::TestRedis;
use crate::support::until;

/// Long enough for the test to see that the job runs and to kill its worker.
const NAP_MS: u64 = 3000;

#[tokio::test]
async fn another_worker_finishes_the_job_and_one_end_is_told() {
    let mut platform = Platform::over(TestRedis::start_durable());
    // One job each, so that two running jobs are two workers'.
    platform.set("SEMANTEST_QUEUES__ADDON_CALLS__CONCURRENCY", "1");
    let (api, client) = platform.api().await;
    let (first, second) = (platform.worker().await, platform.worker().await);
    let receiver = Receiver::start().await;
    enable(&client, "semantest.fixture-misbehave").await;
    let path = "/api/v1/users/alice/addons/semantest.fixture-misbehave/actions/sleep";
    let body = json!({"params": {"milliseconds": NAP_MS}, "webhookUrl": receiver.url()});
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(id_of(&client.post(path, &body).await.expect(202).json()));
    }
    for id in &jobs {
        reaches(&client, id, "processing").await;
    }
    first.kill();
    let killed = Instant::now();
    let mut attempts = Vec::new();
    for id in &jobs {
        let job = reaches(&client, id, "completed").await;
        assert_eq!(job["result"]["value"], json!(NAP_MS), "{job}");
        attempts.push(job["attempts"]["made"].as_u64());
    }
    assert!(attempts.contains(&Some(1)), "the other worker's own job was not disturbed: {attempts:?}");
    for id in &jobs {
        until("the end is told", async || receiver.end_of(id).is_some()).await;
        assert_eq!(receiver.end_of(id).as_deref(), Some("job.completed"));
    }
    report("worker killed during an action", &json!({"jobs": jobs.len(), "doneMs": killed.elapsed().as_millis()}));
    drop((second, api));
}

#[tokio::test]
async fn another_worker_finishes_the_picture_and_one_end_is_told() {
    let provider = Provider::start().await;
    let mut platform = Platform::over(TestRedis::start_durable());
    platform.set("SEMANTEST_QUEUES__IMAGE_GENERATION__CONCURRENCY", "1");
    platform.set("SEMANTEST_IMAGING__PROVIDERS__OPENAI__BASE_URL", provider.base_url());
    platform.set("SEMANTEST_IMAGING__PROVIDERS__OPENAI__API_KEY", "sk-for-a-test");
    let (api, client) = platform.api().await;
    let (first, second) = (platform.worker().await, platform.worker().await);
    let receiver = Receiver::start().await;
    let body = json!({"prompt": "a serene garden", "provider": "openai", "webhookUrl": receiver.url()});
    let mut jobs = Vec::new();
    for _ in 0..2 {
        jobs.push(id_of(&client.post("/api/v1/images/generate", &body).await.expect(202).json()));
    }
    // Both workers are in the middle of a picture: each waits for the provider.
    until("both workers asked", async || {
        for id in &jobs {
            let job = job(&client, id).await;
            assert!(job["status"] != "failed" && job["status"] != "completed", "{job}");
        }
        provider.asked() == 2
    })
    .await;
    first.kill();
    let killed = Instant::now();
    provider.answer_from_now_on();
    for id in &jobs {
        let job = reaches(&client, id, "completed").await;
        assert_eq!(job["result"]["images"].as_array().map(Vec::len), Some(1), "{job}");
        until("the end is told", async || receiver.end_of(id).is_some()).await;
        assert_eq!(receiver.end_of(id).as_deref(), Some("job.completed"));
    }
    assert_eq!(provider.asked(), 3, "only the dead worker's picture was asked for again");
    report("worker killed during a picture", &json!({"jobs": jobs.len(), "doneMs": killed.elapsed().as_millis()}));
    drop((second, api));
}
