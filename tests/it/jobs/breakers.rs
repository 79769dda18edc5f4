//! A hook that breaks again and again is left alone for a while, and comes back when it works.

use semantest::config::hooks::HookSettings;
use semantest::model::units::Span;
use serde_json::{Value, json};

use crate::support::components::hooking;
use crate::support::platform::Platform;
use crate::support::until;

const GUARD: &str = "acme.guard";
const CHAT: &str = "/api/v1/chat/new";

async fn platform(pause: Span) -> Platform {
    let hooks = HookSettings { breaker_failures: 2, breaker_pause: pause, ..HookSettings::default() };
    Platform::with(|config| config.addons.hooks = hooks).await
}

async fn give(platform: &Platform, failure: &str, behaviour: &str) {
    let hooks = json!([{"point": "before-prompt", "onFailure": failure}]);
    platform.publisher.publish_well(hooking(GUARD, &hooks)).await;
    set(platform, behaviour).await;
}

async fn set(platform: &Platform, behaviour: &str) {
    platform.acme.enable_well("alice", GUARD, &json!({"beforePrompt": behaviour})).await;
}

async fn chat(platform: &Platform) -> Value {
    platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": "hello"})).await
}

/// The only line of the trace, wherever the job shows it.
fn line(job: &Value) -> &Value {
    if job["status"] == "completed" { &job["result"]["hooks"][0] } else { &job["error"]["details"]["hooks"][0] }
}

async fn breaker(platform: &Platform) -> Value {
    platform.acme.enablement("alice", GUARD).await.expect(200).json()["breakers"][0].clone()
}

#[tokio::test]
async fn a_fail_open_hook_is_skipped_while_its_breaker_is_open() {
    let platform = platform(Span::secs(600)).await;
    give(&platform, "open", "fail").await;
    assert_eq!(breaker(&platform).await, Value::Null);
    for failures in 1..=2 {
        assert_eq!(line(&chat(&platform).await)["verdict"], "failed");
        assert_eq!(breaker(&platform).await["failures"], failures);
    }
    let shown = breaker(&platform).await;
    assert_eq!(
        (&shown["state"], &shown["code"], &shown["point"]),
        (&json!("open"), &json!("ADDON_FAILED"), &json!("before-prompt"))
    );
    // It would work now, and is not asked.
    set(&platform, "reply").await;
    let job = chat(&platform).await;
    assert_eq!((&job["status"], &line(&job)["verdict"]), (&json!("completed"), &json!("skipped")), "{job}");
    assert_eq!(
        (&line(&job)["code"], &line(&job)["retryAt"]),
        (&json!("HOOK_UNAVAILABLE"), &shown["openUntil"]),
        "{job}"
    );
    assert_eq!(line(&job)["cpuMs"], Value::Null, "nothing ran: {job}");
    // Another user's hook of the same component is another enablement.
    platform.acme.enable_well("bob", GUARD, &json!({"beforePrompt": "reply"})).await;
    let other = platform.acme.done(CHAT, &json!({"userId": "bob", "prompt": "hello"})).await;
    assert_eq!(line(&other)["verdict"], "reply", "{other}");
    platform.end().await;
}

#[tokio::test]
async fn a_fail_closed_hook_with_an_open_breaker_fails_the_job_at_once_and_says_when() {
    let platform = platform(Span::secs(600)).await;
    give(&platform, "closed", "fail").await;
    for _ in 0..2 {
        assert_eq!(chat(&platform).await["error"]["code"], "ADDON_FAILED");
    }
    let job = chat(&platform).await;
    let error = &job["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("HOOK_UNAVAILABLE"), &json!(true)), "{job}");
    assert_eq!(error["retryAt"], breaker(&platform).await["openUntil"], "{job}");
    assert_eq!((&error["details"]["addonId"], &job["attempts"]["made"]), (&json!(GUARD), &json!(1)), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn one_trial_closes_the_breaker_or_opens_it_again() {
    let platform = platform(Span::millis(200)).await;
    give(&platform, "open", "fail").await;
    let half_open = async || {
        until("the breaker lets one try", async || breaker(&platform).await["state"] == "half-open").await;
        breaker(&platform).await["openUntil"].as_str().map(str::to_owned)
    };
    for _ in 0..2 {
        chat(&platform).await;
    }
    let first = half_open().await;
    assert_eq!(line(&chat(&platform).await)["verdict"], "failed", "the trial fails");
    let second = half_open().await;
    assert_ne!(second, first, "it opened again");
    set(&platform, "reply").await;
    half_open().await;
    assert_eq!(line(&chat(&platform).await)["verdict"], "reply", "the trial works");
    assert_eq!(breaker(&platform).await, Value::Null);
    set(&platform, "fail").await;
    assert_eq!(line(&chat(&platform).await)["verdict"], "failed");
    assert_eq!(
        (&breaker(&platform).await["state"], &breaker(&platform).await["failures"]),
        (&json!("closed"), &json!(1))
    );
    platform.end().await;
}

#[tokio::test]
async fn failures_count_in_a_row_and_refusals_do_not_count() {
    let platform = platform(Span::secs(600)).await;
    give(&platform, "open", "fail").await;
    chat(&platform).await;
    set(&platform, "pass").await;
    assert_eq!(line(&chat(&platform).await)["verdict"], "pass");
    assert_eq!(breaker(&platform).await, Value::Null, "it worked in between");
    set(&platform, "refuse").await;
    for _ in 0..3 {
        let job = chat(&platform).await;
        assert_eq!((&line(&job)["verdict"], &line(&job)["code"]), (&json!("failed"), &json!("ADDON_REFUSED")), "{job}");
    }
    assert_eq!(breaker(&platform).await, Value::Null, "to refuse is an answer");
    platform.end().await;
}

#[tokio::test]
async fn a_hook_that_breaks_a_limit_with_the_code_of_a_quota_counted_as_one_that_works() {
    let hooks = HookSettings { breaker_failures: 2, breaker_pause: Span::secs(600), ..HookSettings::default() };
    let platform = Platform::with(|config| {
        config.addons.hooks = hooks;
        config.addons.quarantine.user_crashes = 0;
        config.sandbox.ceiling.assets = 0;
    })
    .await;
    platform.publisher.publish_well(hooking(GUARD, &json!([{"point": "after-image"}]))).await;
    platform.acme.enable_well("alice", GUARD, &json!({"afterImage": "replace"})).await;
    let picture = json!({"userId": "alice", "prompt": "a garden", "provider": "sketch", "size": "64x64"});
    for failures in 1..=2 {
        let job = platform.acme.done("/api/v1/images/generate", &picture).await;
        assert_eq!(
            (&line(&job)["verdict"], &line(&job)["code"]),
            (&json!("failed"), &json!("QUOTA_EXCEEDED")),
            "{job}"
        );
        assert_eq!(breaker(&platform).await["failures"], failures);
    }
    let job = platform.acme.done("/api/v1/images/generate", &picture).await;
    assert_eq!(line(&job)["code"], "HOOK_UNAVAILABLE", "{job}");
    platform.end().await;
}
