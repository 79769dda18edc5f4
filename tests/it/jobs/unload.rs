//! `unload`: an addon is switched off, and erased where that was asked for.

use serde_json::json;

use crate::support::platform::Platform;

const NOTES: &str = "semantest.notes";

#[tokio::test]
async fn an_addon_goes_from_published_to_enabled_to_called_to_disabled() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    let added = platform.acme.call("alice", NOTES, "add", &json!({"text": "buy milk"})).await;
    assert_eq!(added["result"]["value"], json!({"id": 1, "count": 1}), "{added}");
    let job = platform.acme.disable("alice", NOTES, false).await;
    assert_eq!((&job["status"], &job["result"]["state"]), (&json!("completed"), &json!("disabled")), "{job}");
    assert_eq!(platform.acme.enablement("alice", NOTES).await.expect(200).json()["state"], "disabled");
    let call = platform.acme.leave("alice", NOTES, "list", &json!({"params": {}})).await;
    call.expect_problem(409, "ADDON_NOT_ENABLED");
    platform.end().await;
}

#[tokio::test]
async fn what_a_disabled_addon_kept_is_there_when_it_comes_back_and_gone_when_it_was_erased() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    platform.acme.call("alice", NOTES, "add", &json!({"text": "buy milk"})).await;
    platform.acme.disable("alice", NOTES, false).await;
    platform.acme.enable_well("alice", NOTES, &json!({})).await;
    let kept = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(kept["result"]["value"]["count"], 1, "{kept}");
    let erased = platform.acme.disable("alice", NOTES, true).await;
    assert_eq!(erased["result"]["state"], "erased", "{erased}");
    platform.acme.enablement("alice", NOTES).await.expect(404);
    platform.acme.leave("alice", NOTES, "list", &json!({"params": {}})).await.expect(404);
    platform.acme.enable_well("alice", NOTES, &json!({})).await;
    let empty = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(empty["result"]["value"], json!({"count": 0, "notes": []}), "{empty}");
    platform.end().await;
}

#[tokio::test]
async fn a_goodbye_that_goes_wrong_does_not_keep_an_addon_on() {
    let platform = Platform::start().await;
    platform.give("alice", "semantest.fixture-hooks").await;
    let job = platform.acme.disable("alice", "semantest.fixture-hooks", false).await;
    assert_eq!(job["result"]["state"], "disabled", "{job}");
    let log = platform.acme.log(job["jobId"].as_str().unwrap_or_default()).await;
    assert!(log.contains("deactivated"), "{log}");
    platform.end().await;
}
