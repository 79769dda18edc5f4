//! What crashes again and again is paused, first for its user and then for everybody, until somebody lets it run again.

use semantest::config::addons::QuarantineSettings;
use semantest::model::units::Span;
use serde_json::{Value, json};

use crate::support::platform::Platform;

const FIXTURE: &str = "semantest.fixture-misbehave";

async fn with_rules(user_crashes: u32, everywhere_crashes: u32) -> Platform {
    let rules = QuarantineSettings { window: Span::secs(600), user_crashes, everywhere_crashes };
    let platform = Platform::with(|config| config.addons.quarantine = rules).await;
    platform.give("alice", FIXTURE).await;
    platform
}

async fn state(platform: &Platform, user: &str) -> Value {
    platform.acme.enablement(user, FIXTURE).await.expect(200).json()["state"].clone()
}

async fn fails_with(platform: &Platform, user: &str, action: &str, params: Value, code: &str) {
    let job = platform.acme.call(user, FIXTURE, action, &params).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{action}: {job}");
}

#[tokio::test]
async fn three_crashes_of_any_kind_pause_an_addon_for_its_user_and_resume_lets_it_run() {
    let platform = with_rules(3, 10).await;
    platform.acme.enable_well("bob", FIXTURE, &json!({})).await;
    fails_with(&platform, "alice", "trap", json!({}), "ADDON_TRAPPED").await;
    fails_with(&platform, "alice", "recurse", json!({}), "ADDON_TRAPPED").await;
    assert_eq!(state(&platform, "alice").await, "enabled");
    fails_with(&platform, "alice", "allocate", json!({"bytes": 1 << 20, "count": 4096}), "MEMORY_LIMIT").await;
    let paused = platform.acme.enablement("alice", FIXTURE).await.expect(200).json();
    assert_eq!((&paused["state"], &paused["error"]["code"]), (&json!("quarantined"), &json!("ADDON_QUARANTINED")));
    assert_eq!(paused["error"]["details"]["crashes"], 3, "{paused}");
    let refused = platform.acme.leave("alice", FIXTURE, "echo", &json!({})).await;
    refused.expect_problem(409, "ADDON_NOT_ENABLED");
    // Nobody else is touched.
    assert_eq!(platform.acme.call("bob", FIXTURE, "echo", &json!({})).await["status"], "completed");
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/resume");
    let resumed = platform.acme.post(&path, &json!({})).await.expect(200).json();
    assert_eq!((&resumed["state"], &resumed["error"]), (&json!("enabled"), &Value::Null), "{resumed}");
    assert_eq!(platform.acme.call("alice", FIXTURE, "echo", &json!({})).await["status"], "completed");
    fails_with(&platform, "alice", "trap", json!({}), "ADDON_TRAPPED").await;
    assert_eq!(state(&platform, "alice").await, "enabled", "counting began anew");
    platform.acme.post(&path, &json!({})).await.expect_problem(409, "CONFLICT");
    platform.other.post(&path, &json!({})).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.end().await;
}

#[tokio::test]
async fn refusals_bad_input_and_short_deadlines_are_no_crashes() {
    let platform = with_rules(1, 2).await;
    fails_with(&platform, "alice", "fail", json!({"kind": "refused"}), "ADDON_REFUSED").await;
    fails_with(&platform, "alice", "fail", json!({"kind": "bad-input"}), "ADDON_BAD_INPUT").await;
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/actions/sleep");
    let body = json!({"params": {"milliseconds": 60_000}, "timeoutMs": 100});
    let job = platform.acme.done(&path, &body).await;
    assert_eq!(job["error"]["code"], "DEADLINE_EXCEEDED", "{job}");
    assert_eq!(state(&platform, "alice").await, "enabled");
    platform.end().await;
}

#[tokio::test]
async fn crashes_for_several_users_pause_it_for_everybody_until_an_admin_says_otherwise() {
    let platform = with_rules(0, 4).await;
    for user in ["bob", "carol"] {
        platform.acme.enable_well(user, FIXTURE, &json!({})).await;
    }
    for _ in 0..5 {
        fails_with(&platform, "alice", "trap", json!({}), "ADDON_TRAPPED").await;
    }
    assert_eq!(state(&platform, "alice").await, "enabled", "one user's trouble is nobody else's");
    fails_with(&platform, "bob", "trap", json!({}), "ADDON_TRAPPED").await;
    crate::support::until("it is paused for everybody", async || state(&platform, "carol").await == "blocked").await;
    let list = platform.admin.get("/api/v1/admin/blocks").await.expect(200).json();
    assert_eq!((&list["data"][0]["cause"], &list["data"][1]), (&json!("quarantine"), &Value::Null), "{list}");
    let reason = list["data"][0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("6 times") && reason.contains("2 users"), "{reason}");
    platform.acme.leave("carol", FIXTURE, "echo", &json!({})).await.expect_problem(409, "ADDON_BLOCKED");
    let id = list["data"][0]["blockId"].as_str().expect("an id").to_owned();
    platform.admin.delete(&format!("/api/v1/admin/blocks/{id}")).await.expect(204);
    assert_eq!(state(&platform, "carol").await, "enabled");
    fails_with(&platform, "carol", "trap", json!({}), "ADDON_TRAPPED").await;
    assert_eq!(state(&platform, "carol").await, "enabled", "counting began anew");
    platform.end().await;
}
