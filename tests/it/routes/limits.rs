//! What one client may ask: how often, how many streams, how large a head.

use std::sync::Arc;

use reqwest::Method;
use semantest::config::Config;
use semantest::config::limits::Enforcement;
use semantest::queue::Lane;
use semantest::store::keys::KeyScope;
use serde_json::json;
use tokio::task::JoinSet;

use super::api_alone;
use crate::support::app::{TestApp, new_key};
use crate::support::http::{Answer, Http};
use crate::support::platform::Platform;
use crate::support::until;

const CHAT: &str = "/api/v1/chat/new";
const JOBS: &str = "/api/v1/jobs";

/// A server outside of `dev`, with changed limits. Limits are so low that nothing comes back within a test's time.
async fn strict(change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::start_as(false, api_alone(), change).await
}

async fn chat(client: &Http, user: &str) -> Answer {
    client.post(CHAT, &json!({ "prompt": "hello", "userId": user })).await
}

async fn waiting(app: &TestApp) -> u64 {
    let depth = app.services.work.producer().depth(Lane::AddonCalls).await.expect("a depth");
    depth.waiting + depth.prioritized
}

/// How many of the limit's requests are left, by the answer's own word.
fn left(answer: &Answer, limit: &str) -> String {
    let item = answer
        .header("ratelimit")
        .split(", ")
        .find(|item| item.starts_with(&format!("\"{limit}\";")))
        .map(str::to_owned);
    item.and_then(|item| item.split(';').find_map(|part| part.strip_prefix("r=").map(str::to_owned)))
        .unwrap_or_default()
}

#[tokio::test]
async fn the_eleventh_message_of_a_user_in_a_minute_is_refused_and_another_user_is_not() {
    let app = strict(|_| {}).await;
    let client = app.client().await;
    for number in 0..10_u32 {
        let answer = chat(&client, "alice").await.expect(202);
        assert_eq!(answer.header("ratelimit-policy"), "\"chat\";q=600;w=60, \"chat-per-user\";q=10;w=60");
        assert_eq!(left(&answer, "chat-per-user"), (9 - number).to_string(), "{}", answer.header("ratelimit"));
    }
    let refused = chat(&client, "alice").await.expect_problem(429, "RATE_LIMITED");
    let body = refused.json();
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("10 requests a minute")), "{body}");
    assert_eq!(body["retryable"], true);
    let again: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=6).contains(&again), "one of ten comes back every six seconds: {again}");
    assert_eq!(left(&refused, "chat-per-user"), "0");
    assert_eq!(waiting(&app).await, 10, "what is refused is not enqueued");
    let jobs = client.get("/api/v1/jobs?limit=200").await.expect(200).json();
    assert_eq!(jobs["data"].as_array().map(Vec::len), Some(10), "and has no record");
    chat(&client, "bob").await.expect(202);
    chat(&app.caller("other", &[KeyScope::Client]).await, "alice").await.expect(202);
}

#[tokio::test]
async fn a_crowd_at_two_servers_is_one_limit() {
    let limited = |config: &mut Config| (config.limits.rates.images, config.limits.rates.images_per_user) = (5, 0);
    let app = strict(limited).await;
    let twin = app.twin(false, limited).await;
    let key = app.key(&new_key("acme", &[KeyScope::Client])).await;
    let servers = [Arc::new(app.stranger().with_key(&key)), Arc::new(twin.stranger().with_key(&key))];
    let mut crowd = JoinSet::new();
    for number in 0..40_usize {
        let server = Arc::clone(&servers[number % 2]);
        crowd.spawn(async move {
            let body = json!({ "prompt": "a cat", "userId": format!("user-{number}") });
            server.post("/api/v1/images/generate", &body).await.status.as_u16()
        });
    }
    let answers = crowd.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 5, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 35, "{answers:?}");
}

#[tokio::test]
async fn a_clients_own_limit_wins_over_the_platforms_and_holds_at_once() {
    let app = strict(|config| config.limits.rates.jobs = 3).await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let (acme, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
    let own = json!({ "limits": { "jobs": 1000 } });
    admin.send(admin.request(Method::PATCH, "/api/v1/admin/clients/acme").json(&own)).await.expect(200);
    for _ in 0..10 {
        let answer = acme.get(JOBS).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"jobs\";q=1000;w=60");
    }
    for _ in 0..3 {
        other.get(JOBS).await.expect(200);
    }
    other.get(JOBS).await.expect_problem(429, "RATE_LIMITED");
    let back = json!({ "limits": { "jobs": null } });
    admin.send(admin.request(Method::PATCH, "/api/v1/admin/clients/acme").json(&back)).await.expect(200);
    assert_eq!(acme.get(JOBS).await.header("ratelimit-policy"), "\"jobs\";q=3;w=60");
}

#[tokio::test]
async fn what_breaks_rules_counts_too_and_a_refused_key_stays_free() {
    let app = strict(|config| (config.limits.rates.chat, config.limits.rates.chat_per_user) = (3, 0)).await;
    let client = app.client().await;
    for _ in 0..2 {
        let wrong = client.post(CHAT, &json!({ "prmopt": "hello" })).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(wrong.header("ratelimit-policy"), "\"chat\";q=3;w=60");
    }
    chat(&client, "alice").await.expect(202);
    let body = json!({ "prompt": "hello" });
    let keyed = async || client.post_with(CHAT, &body, "idempotency-key", "one").await;
    keyed().await.expect_problem(429, "RATE_LIMITED");
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let more = json!({ "limits": { "chat": 100_000 } });
    admin.send(admin.request(Method::PATCH, "/api/v1/admin/clients/acme").json(&more)).await.expect(200);
    let first = keyed().await.expect(202);
    assert_eq!(first.header("idempotency-replayed"), "", "the refused request reserved nothing");
    let repeat = keyed().await.expect(202);
    assert_eq!(repeat.header("idempotency-replayed"), "true");
    assert!(repeat.header("ratelimit").starts_with("\"chat\";r="), "a repeat counts: {}", repeat.header("ratelimit"));
}

#[tokio::test]
async fn calls_of_actions_are_counted_with_their_job() {
    let platform = Platform::with(|config| config.limits.enforce = Enforcement::Always).await;
    platform.give("alice", "semantest.notes").await;
    let own = json!({ "limits": { "addons": 2 } });
    let request = platform.admin.request(Method::PATCH, "/api/v1/admin/clients/acme").json(&own);
    platform.admin.send(request).await.expect(200);
    // What was asked before counts as little as it did under the higher limit.
    let list = json!({ "params": {} });
    platform.acme.leave("alice", "semantest.notes", "list", &list).await.expect(202);
    let mut refused = platform.acme.leave("alice", "semantest.notes", "list", &list).await;
    if refused.status == 202 {
        refused = platform.acme.leave("alice", "semantest.notes", "list", &list).await;
    }
    refused.expect_problem(429, "RATE_LIMITED");
    platform.end().await;
}

#[tokio::test]
async fn dev_counts_nothing_unless_asked() {
    let limited = |config: &mut Config| config.limits.rates.jobs = 1;
    let app = TestApp::start_as(true, api_alone(), limited).await;
    let client = app.client().await;
    for _ in 0..3 {
        assert_eq!(client.get(JOBS).await.expect(200).header("ratelimit"), "");
    }
    let asked = app.twin(true, |config| {
        limited(config);
        config.limits.enforce = Enforcement::Always;
    });
    let twin = asked.await;
    let client = twin.stranger().with_key(&app.key(&new_key("acme", &[KeyScope::Client])).await);
    client.get(JOBS).await.expect(200);
    client.get(JOBS).await.expect_problem(429, "RATE_LIMITED");
}

#[tokio::test]
async fn without_redis_nobody_is_let_in_uncounted() {
    let mut app = strict(|_| {}).await;
    let client = app.client().await;
    client.get("/api/v1/addons").await.expect(200);
    app.redis.kill();
    for path in ["/api/v1/addons", JOBS, "/api/v1/webhooks"] {
        let answer = client.get(path).await.expect_problem(503, "QUEUE_UNAVAILABLE");
        assert_eq!(answer.header("ratelimit"), "");
    }
    chat(&client, "alice").await.expect_problem(503, "QUEUE_UNAVAILABLE");
}

#[tokio::test]
async fn a_stream_too_many_is_refused_with_the_number_and_a_closed_one_makes_room() {
    let app = strict(|config| config.limits.streams = 2).await;
    let (client, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
    let events = async |client: &Http| {
        let job = chat(client, "alice").await.expect(202).json();
        client.request(Method::GET, job["eventsUrl"].as_str().expect("a link")).send().await.expect("an answer")
    };
    let first = events(&client).await;
    let _second = events(&client).await;
    assert_eq!(first.status(), 200);
    let third = events(&client).await;
    assert_eq!(third.status(), 429);
    let body = third.text().await.expect("a body");
    assert!(body.contains("2 event streams") && body.contains("2 may be"), "{body}");
    assert_eq!(events(&other).await.status(), 200, "another client has places of its own");
    drop(first);
    until("the closed stream's place is free", async || events(&client).await.status() == 200).await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_with_the_numbers() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let large = client.request(Method::GET, JOBS).header("x-large", "a".repeat(17_000));
    let body = client.send(large).await.expect_problem(431, "HEADERS_TOO_LARGE").json();
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("16KiB")), "{body}");
    let mut many = client.request(Method::GET, JOBS);
    for number in 0..70 {
        many = many.header(format!("x-{number}"), "a");
    }
    let body = client.send(many).await.expect_problem(431, "HEADERS_TOO_LARGE").json();
    assert!(body["detail"].as_str().is_some_and(|detail| detail.contains("may have 64")), "{body}");
}
