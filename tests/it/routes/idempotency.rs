//! One logical request, one job.

use serde_json::json;

use crate::support::app::TestApp;

const CHAT: &str = "/api/v1/chat/new";
const KEY: &str = "idempotency-key";

#[tokio::test]
async fn the_same_key_and_body_is_the_same_job_bare_or_quoted() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({"prompt": "hello"});
    let first = client.post_with(CHAT, &body, KEY, "order-1").await.expect(202);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = client.post_with(CHAT, &body, KEY, "\"order-1\"").await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), "true");
    for member in ["jobId", "createdAt", "sessionId", "messageId"] {
        assert_eq!(first.json()[member], again.json()[member], "{member}");
    }
    assert_eq!(client.get("/api/v1/jobs").await.json()["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn another_body_is_a_mistake_and_another_route_another_request() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    client.post_with(CHAT, &json!({"prompt": "hello"}), KEY, "order-1").await.expect(202);
    client.post_with(CHAT, &json!({"prompt": "bye"}), KEY, "order-1").await.expect_problem(422, "IDEMPOTENCY_MISMATCH");
    let images = "/api/v1/images/generate";
    let other = client.post_with(images, &json!({"prompt": "hello"}), KEY, "order-1").await.expect(202);
    assert_eq!(other.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn two_at_once_make_one_job() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({"prompt": "hello"});
    let all = futures::future::join_all((0..20).map(|_| client.post_with(CHAT, &body, KEY, "order-1"))).await;
    let mut ids: Vec<String> = Vec::new();
    for answer in all {
        match answer.status.as_u16() {
            202 => ids.push(answer.json()["jobId"].as_str().unwrap_or("").to_owned()),
            _ => {
                let busy = answer.expect_problem(409, "CONFLICT");
                assert_eq!(busy.header("retry-after"), "1");
                assert_eq!(busy.json()["retryable"], true);
            }
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(client.get("/api/v1/jobs").await.json()["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named_with_the_other_faults() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let answer =
        client.post_with(CHAT, &json!({}), KEY, &"k".repeat(256)).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/Idempotency-Key", "/prompt"]);
}
