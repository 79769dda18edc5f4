//! A role is told to stop while a job runs.

use serde_json::json;

use super::platform::{Platform, enable, id_of, reaches};
use crate::support::http::Http;
use crate::support::program::Program;
use crate::support::redis::TestRedis;
use crate::support::until;

/// Starts a platform whose worker naps on one job for so long.
async fn napping(milliseconds: u64) -> (Platform, Program, Program, Http, String) {
    let platform = Platform::over(TestRedis::start());
    let (api, client) = platform.api().await;
    let worker = platform.worker().await;
    enable(&client, "semantest.fixture-misbehave").await;
    let path = "/api/v1/users/alice/addons/semantest.fixture-misbehave/actions/sleep";
    let body = json!({"params": {"milliseconds": milliseconds}});
    let id = id_of(&client.post(path, &body).await.expect(202).json());
    reaches(&client, &id, "processing").await;
    (platform, api, worker, client, id)
}

#[tokio::test]
async fn a_running_job_ends_within_the_grace_and_the_worker_exits_well() {
    let (_platform, mut api, mut worker, client, id) = napping(1500).await;
    worker.signal("TERM");
    let status = worker.ended().await;
    assert_eq!(status.code(), Some(0), "{}", worker.log());
    // Nobody else works, so what is done now was done before the worker ended.
    let job = client.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(job["attempts"]["made"], 1);
    api.signal("TERM");
    assert_eq!(api.ended().await.code(), Some(0), "{}", api.log());
}

#[tokio::test]
async fn a_second_signal_exits_at_once_and_the_job_is_done_by_another_worker() {
    let (platform, _api, mut worker, client, id) = napping(4000).await;
    worker.signal("TERM");
    until("the first signal is heard", async || worker.log().contains("a second signal exits at once")).await;
    worker.signal("INT");
    assert_eq!(worker.ended().await.code(), Some(130), "{}", worker.log());
    let job = client.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json();
    assert_eq!(job["status"], "processing", "it did not wait for the job: {job}");
    let _another = platform.worker().await;
    reaches(&client, &id, "completed").await;
}
