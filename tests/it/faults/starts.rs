//! The worker of an addon that asked for a picture is killed, and the picture's worker with it.

use std::time::Instant;

use serde_json::json;

use super::platform::{Platform, enable, id_of, job, reaches, report};
use super::provider::Provider;
use crate::support::redis::TestRedis;
use crate::support::until;

const STARTS: &str = "semantest.fixture-starts";
/// Long enough for the test to see that both jobs run and to kill their worker.
const NAP_MS: u64 = 4000;

#[tokio::test]
async fn a_killed_worker_leaves_one_picture_and_one_action_that_follows() {
    let provider = Provider::start().await;
    let mut platform = Platform::over(TestRedis::start_durable());
    platform.set("SEMANTEST_IMAGING__PROVIDERS__OPENAI__BASE_URL", provider.base_url());
    platform.set("SEMANTEST_IMAGING__PROVIDERS__OPENAI__API_KEY", "sk-for-a-test");
    let (api, client) = platform.api().await;
    let first = platform.worker().await;
    enable(&client, STARTS).await;
    let body = json!({"params": {"provider": "openai", "then": "drawn", "napMs": NAP_MS}});
    let path = format!("/api/v1/users/alice/addons/{STARTS}/actions/submit");
    let call = id_of(&client.post(&path, &body).await.expect(202).json());
    until("the provider is asked", async || provider.asked() == 1).await;
    assert_eq!(job(&client, &call).await["status"], "processing", "the addon has asked and is not done");
    first.kill();
    let killed = Instant::now();
    provider.answer_from_now_on();
    let second = platform.worker().await;
    let done = reaches(&client, &call, "completed").await;
    let picture = done["result"]["value"][0]["ok"].as_str().expect("the picture's job").to_owned();
    let made = reaches(&client, &picture, "completed").await;
    assert_eq!(made["result"]["images"].as_array().map(Vec::len), Some(1), "{made}");
    let list = async |kind: &str| {
        let path = format!("/api/v1/jobs?userId=alice&kind={kind}&limit=100");
        client.get(&path).await.expect(200).json()["data"].as_array().expect("a list").clone()
    };
    let mut followers = Vec::new();
    until("the action that follows has run", async || {
        followers = list("invoke").await;
        followers.retain(|job| job["startedBy"]["follows"] == picture);
        followers.iter().any(|job| job["status"] == "completed")
    })
    .await;
    assert_eq!(followers.len(), 1, "{followers:?}");
    assert_eq!(followers[0]["result"]["value"]["opened"][0]["id"], made["result"]["images"][0]["id"]);
    assert_eq!(list("generate").await.len(), 1, "asked for twice, it is one picture");
    assert_eq!(provider.asked(), 2, "once by each worker");
    report("worker killed while an addon's picture was made", &json!({"doneMs": killed.elapsed().as_millis()}));
    drop((second, api));
}
