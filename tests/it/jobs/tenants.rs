//! Two clients' `alice` are two users, and neither client sees anything of the other.

use serde_json::json;

use crate::support::platform::Platform;
use crate::support::tenant::id_of;

const NOTES: &str = "semantest.notes";

#[tokio::test]
async fn jobs_enablements_data_and_pictures_stay_with_their_client() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    let note = platform.acme.call("alice", NOTES, "add", &json!({"text": "mine"})).await;
    let id = id_of(&note);
    for path in [format!("/api/v1/jobs/{id}"), format!("/api/v1/jobs/{id}/logs"), format!("/api/v1/jobs/{id}/events")] {
        platform.other.get(&path).await.expect_problem(404, "JOB_NOT_FOUND");
    }
    for path in [format!("/api/v1/jobs/{id}/cancel"), format!("/api/v1/jobs/{id}/retry")] {
        platform.other.post(&path, &json!({})).await.expect_problem(404, "JOB_NOT_FOUND");
    }
    let jobs = platform.other.get("/api/v1/jobs").await.expect(200).json();
    assert_eq!(jobs["data"], json!([]));
    platform.other.enablement("alice", NOTES).await.expect(404);
    let addons = platform.other.get("/api/v1/users/alice/addons").await.expect(200).json();
    assert_eq!(addons["data"], json!([]));
    platform.other.leave("alice", NOTES, "list", &json!({"params": {}})).await.expect(404);
    platform.other.enable_well("alice", NOTES, &json!({})).await;
    let theirs = platform.other.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(theirs["result"]["value"]["count"], 0, "{theirs}");
    let picture = platform.acme.done("/api/v1/images/generate", &json!({"prompt": "a cat", "size": "256x256"})).await;
    let picture = picture["result"]["images"][0]["id"].as_str().expect("a picture").to_owned();
    platform.acme.get(&format!("/api/v1/artifacts/{picture}")).await.expect(200);
    platform.other.get(&format!("/api/v1/artifacts/{picture}")).await.expect(404);
    platform.app.stranger().get(&format!("/api/v1/artifacts/{picture}")).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn users_of_one_client_do_not_share_notes() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    platform.acme.enable_well("alice:2", NOTES, &json!({})).await;
    platform.acme.call("alice", NOTES, "add", &json!({"text": "mine"})).await;
    let other = platform.acme.call("alice:2", NOTES, "list", &json!({})).await;
    assert_eq!(other["result"]["value"]["count"], 0, "{other}");
    platform.end().await;
}
