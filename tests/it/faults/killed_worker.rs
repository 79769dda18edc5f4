//! A worker is killed in the middle of a job.

use serde_json::json;

use super::platform::{Platform, enable, id_of, reaches};
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
    let mut attempts = Vec::new();
    for id in &jobs {
        let job = reaches(&client, id, "completed").await;
        assert_eq!(job["result"]["output"], json!(NAP_MS), "{job}");
        attempts.push(job["attempts"]["made"].as_u64());
    }
    assert!(attempts.contains(&Some(1)), "the other worker's own job was not disturbed: {attempts:?}");
    for id in &jobs {
        until("the end is told", async || receiver.end_of(id).is_some()).await;
        assert_eq!(receiver.end_of(id).as_deref(), Some("job.completed"));
    }
    drop((second, api));
}
