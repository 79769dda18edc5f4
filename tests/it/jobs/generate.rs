//! `generate`: hooks, provider, hooks, and pictures that stay.

use serde_json::{Value, json};

use crate::support::platform::Platform;
use crate::support::tenant::steps;

const STYLES: &str = "semantest.prompt-styles";
const PALETTE: &str = "semantest.palette";
const CHAT: &str = "/api/v1/chat/new";

fn garden() -> Value {
    json!({"userId": "alice", "prompt": "A serene garden", "imageGeneration": {"enabled": true, "size": "256x256"}})
}

#[tokio::test]
async fn a_picture_is_styled_drawn_tagged_and_can_be_fetched() {
    let platform = Platform::start().await;
    platform.give_with("alice", STYLES, &json!({"style": "watercolour"})).await;
    platform.give("alice", PALETTE).await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!((&job["kind"], &job["status"]), (&json!("generate"), &json!("completed")), "{job}");
    let result = &job["result"];
    assert_eq!(result["provider"], "sketch", "{result}");
    let picture = &result["images"][0];
    assert!(picture["tags"][PALETTE].is_object(), "{picture}");
    let hooks: Vec<_> =
        result["hooks"].as_array().into_iter().flatten().map(|hook| (&hook["addonId"], &hook["verdict"])).collect();
    assert_eq!(hooks, [(&json!(STYLES), &json!("rewrite")), (&json!(PALETTE), &json!("keep"))]);
    let id = picture["id"].as_str().expect("an id");
    let bytes = platform.acme.get(&format!("/api/v1/artifacts/{id}")).await.expect(200);
    assert!(bytes.bytes.starts_with(b"\x89PNG"));
    assert_eq!(bytes.header("content-type"), "image/png");
    assert_eq!(picture["sizeBytes"], bytes.bytes.len());
    platform.end().await;
}

#[tokio::test]
async fn a_banned_word_blocks_before_any_provider_is_asked() {
    let platform = Platform::start().await;
    platform.give_with("alice", STYLES, &json!({"bannedWords": ["serene"]})).await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("BLOCKED_BY_ADDON")), "{job}");
    assert_eq!(job["error"]["addonCode"], "banned-word", "{job}");
    assert_eq!(job["error"]["details"]["addonId"], STYLES, "{job}");
    assert_eq!(job["attempts"]["made"], 1, "a refusal is not tried again: {job}");
    assert!(!steps(&job).contains_key("generate"), "no provider was asked: {job}");
    platform.acme.enable_well("alice", STYLES, &json!({"bannedWords": ["serene"], "onBannedWord": "remove"})).await;
    let cleaned = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(cleaned["status"], "completed", "{cleaned}");
    platform.end().await;
}

#[tokio::test]
async fn the_older_names_of_models_are_answered_here_and_say_so() {
    let platform = Platform::start().await;
    let body = json!({"prompt": "A cat", "provider": "dalle3", "size": "1792x1024", "quality": "hd"});
    let job = platform.acme.done("/api/v1/images/generate", &body).await;
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!((&job["result"]["requestedProvider"], &job["result"]["provider"]), (&json!("dalle3"), &json!("sketch")));
    assert!(job["result"]["notes"].as_array().is_some_and(|notes| !notes.is_empty()), "{job}");
    platform.end().await;
}
