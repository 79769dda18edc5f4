//! `reconfigure`: new settings are held against the schema, shown to the addon, and then rule the very next call.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::http::Answer;
use crate::support::platform::Platform;

const HOOKS: &str = "semantest.fixture-hooks";
const STYLES: &str = "semantest.prompt-styles";

async fn change(platform: &Platform, addon: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/users/alice/addons/{addon}");
    platform.acme.send(platform.acme.request(Method::PATCH, &path).json(body)).await
}

#[tokio::test]
async fn new_settings_rule_the_next_call() {
    let platform = Platform::start().await;
    platform.give_with("alice", HOOKS, &json!({"beforePrompt": "reply", "mark": "first"})).await;
    let chat = json!({"userId": "alice", "prompt": "hello"});
    for mark in ["second", "third"] {
        let changed = change(&platform, HOOKS, &json!({"config": {"beforePrompt": "reply", "mark": mark}})).await;
        assert_eq!(changed.expect(200).json()["config"]["mark"], mark);
        let job = platform.acme.done("/api/v1/chat/new", &chat).await;
        assert_eq!(job["result"]["reply"]["text"], mark, "{job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn settings_that_do_not_fit_or_that_the_addon_refuses_change_nothing() {
    let platform = Platform::start().await;
    platform.give_with("alice", HOOKS, &json!({"mark": "first"})).await;
    let unfit = change(&platform, HOOKS, &json!({"config": {"mark": 7}})).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(unfit.pointers(), ["/config/mark"]);
    for behaviour in ["refuse", "trap"] {
        let body = json!({"config": {"mark": "second", "reconfigure": behaviour}});
        let refused = change(&platform, HOOKS, &body).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(refused.pointers(), ["/config"], "{behaviour}");
    }
    let kept = platform.acme.enablement("alice", HOOKS).await.expect(200).json();
    assert_eq!((&kept["config"]["mark"], &kept["state"]), (&json!("first"), &json!("enabled")), "{kept}");
    platform.end().await;
}

#[tokio::test]
async fn an_addon_without_a_handler_takes_whatever_fits_its_schema() {
    let platform = Platform::start().await;
    platform.give("alice", STYLES).await;
    let changed =
        change(&platform, STYLES, &json!({"config": {"style": "photo"}, "order": 7})).await.expect(200).json();
    assert_eq!((&changed["config"]["style"], &changed["order"]), (&json!("photo"), &json!(7)), "{changed}");
    platform.acme.disable("alice", STYLES, true).await;
    change(&platform, STYLES, &json!({"order": 1})).await.expect(404);
    platform.end().await;
}
