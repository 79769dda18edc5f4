//! `message`: a chat goes through the user's addons.

use serde_json::json;

use crate::support::platform::Platform;

const NOTES: &str = "semantest.notes";
const HOOKS: &str = "semantest.fixture-hooks";
const CHAT: &str = "/api/v1/chat/new";

#[tokio::test]
async fn notes_answers_what_starts_with_its_word_and_nothing_else() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    let job = platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": "/note buy milk"})).await;
    assert_eq!(job["kind"], "message", "{job}");
    let reply = &job["result"]["reply"];
    assert_eq!((&reply["role"], &reply["addonId"]), (&json!("assistant"), &json!(NOTES)), "{job}");
    assert!(reply["text"].as_str().is_some_and(|text| !text.is_empty()), "{job}");
    assert_eq!(job["result"]["hooks"][0]["verdict"], "reply", "{job}");
    let notes = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(notes["result"]["value"]["notes"][0]["text"], "buy milk", "{notes}");
    let silent = platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": "hello"})).await;
    assert_eq!((&silent["status"], &silent["result"]["reply"]), (&json!("completed"), &json!(null)), "{silent}");
    let stranger = platform.acme.done(CHAT, &json!({"userId": "bob", "prompt": "/note mine"})).await;
    assert_eq!(stranger["result"], json!({"reply": null, "context": [], "hooks": []}), "{stranger}");
    platform.end().await;
}

#[tokio::test]
async fn a_hook_that_breaks_is_passed_by_and_one_that_blocks_ends_the_job() {
    let platform = Platform::start().await;
    platform.give_with("alice", HOOKS, &json!({"beforePrompt": "trap"})).await;
    let passed = platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": "hello"})).await;
    assert_eq!((&passed["status"], &passed["result"]["hooks"][0]["verdict"]), (&json!("completed"), &json!("failed")));
    platform.acme.enable_well("alice", HOOKS, &json!({"beforePrompt": "block"})).await;
    let blocked = platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": "hello"})).await;
    assert_eq!(blocked["error"]["code"], "BLOCKED_BY_ADDON", "{blocked}");
    assert_eq!(blocked["error"]["addonCode"], "fixture-blocked", "{blocked}");
    platform.end().await;
}
