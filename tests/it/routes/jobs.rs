//! Jobs that nobody works on: accepted, read, listed, cancelled.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn the_decision_records_own_body_is_accepted() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({"prompt": "A serene garden", "imageGeneration": {"enabled": true}});
    let answer = client.post("/api/v1/chat/new", &body).await.expect(202);
    let job = answer.json();
    let id = job["jobId"].as_str().expect("an id");
    assert!(id.starts_with("img_"), "{id}");
    assert_eq!(job["status"], "queued");
    assert_eq!(answer.header("location"), format!("/api/v1/jobs/{id}"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(job["statusUrl"], format!("/api/v1/jobs/{id}"));
    assert_eq!(job["eventsUrl"], format!("/api/v1/jobs/{id}/events"));
    assert_eq!(job["cancelUrl"], format!("/api/v1/jobs/{id}/cancel"));
    assert!(job["sessionId"].is_string() && job["messageId"].is_string() && job["createdAt"].is_string(), "{job}");
}

#[tokio::test]
async fn a_chat_without_images_is_a_message() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({"prompt": "hello", "userId": "alice", "sessionId": "s-1", "metadata": {"order": 17}});
    let answer = client.post("/api/v1/chat/new", &body).await.expect(202).json();
    assert_eq!(answer["sessionId"], "s-1");
    let job = client.get(answer["statusUrl"].as_str().expect("a link")).await.expect(200).json();
    assert_eq!(
        (&job["kind"], &job["userId"], &job["metadata"]),
        (&json!("message"), &json!("alice"), &json!({"order": 17}))
    );
}

#[tokio::test]
async fn a_job_that_has_not_changed_is_not_sent_again() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let job = client.post("/api/v1/images/generate", &json!({"prompt": "a cat"})).await.expect(202).json();
    let path = job["statusUrl"].as_str().expect("a link");
    let first = client.get(path).await.expect(200);
    let again = client.request(Method::GET, path).header("if-none-match", first.header("etag"));
    let again = client.send(again).await.expect(304);
    assert!(again.bytes.is_empty());
    client.post(&format!("{path}/cancel"), &json!({})).await.expect(200);
    let changed = client.request(Method::GET, path).header("if-none-match", first.header("etag"));
    client.send(changed).await.expect(200);
    let older = format!("/api/v1/images/status/{}", job["jobId"].as_str().unwrap_or(""));
    assert_eq!(client.get(&older).await.expect(200).json()["status"], "cancelled");
}

#[tokio::test]
async fn cancelling_may_be_repeated_and_retrying_needs_a_failure() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let job = client.post("/api/v1/images/generate", &json!({"prompt": "a cat"})).await.expect(202).json();
    let path = job["statusUrl"].as_str().expect("a link");
    client.post(&format!("{path}/retry"), &json!({})).await.expect_problem(409, "CONFLICT");
    for _ in 0..2 {
        let cancelled = client.post(&format!("{path}/cancel"), &json!({})).await.expect(200).json();
        assert_eq!(cancelled["status"], "cancelled");
    }
    client.post(&format!("{path}/retry"), &json!({})).await.expect_problem(409, "CONFLICT");
    let older = client.post("/api/v1/images/generate", &json!({"prompt": "a dog"})).await.json();
    let path = format!("/api/v1/images/cancel/{}", older["jobId"].as_str().unwrap_or(""));
    client.delete(&path).await.expect(204);
    client.delete(&path).await.expect_problem(409, "CONFLICT");
}

#[tokio::test]
async fn a_wait_ends_with_the_job_or_with_its_time() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let begun = Instant::now();
    let late =
        client.post_with("/api/v1/images/generate", &json!({"prompt": "a cat"}), "prefer", "wait=1").await.expect(202);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(late.header("preference-applied"), "");
    let dog = json!({"prompt": "a dog"});
    let waiting = client.post_with("/api/v1/images/generate", &dog, "prefer", "wait=15");
    let cancelling = async {
        loop {
            let jobs = client.get("/api/v1/jobs?status=queued").await.json();
            let newest = jobs["data"].as_array().cloned().unwrap_or_default();
            if newest.len() == 2 {
                let id = newest[0]["jobId"].as_str().unwrap_or("").to_owned();
                client.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await.expect(200);
                return;
            }
        }
    };
    let (answer, ()) = tokio::join!(waiting, cancelling);
    let answer = answer.expect(200);
    assert_eq!(answer.header("preference-applied"), "wait=15");
    assert_eq!(answer.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_list_comes_in_pages_and_by_filter() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    for user in ["alice", "bob", "alice"] {
        client.post("/api/v1/images/generate", &json!({"prompt": "a cat", "userId": user})).await.expect(202);
    }
    let all = client.get("/api/v1/jobs").await.expect(200).json();
    assert_eq!(all["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(all["nextCursor"], json!(null));
    let of_alice = client.get("/api/v1/jobs?userId=alice").await.json();
    assert_eq!(of_alice["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.get("/api/v1/jobs?status=failed").await.json()["data"], json!([]));
    let first = client.get("/api/v1/jobs?limit=2").await.json();
    let cursor = first["nextCursor"].as_str().expect("a cursor");
    let rest = client.get(&format!("/api/v1/jobs?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!(rest["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["nextCursor"], json!(null));
    let id = first["data"][0]["jobId"].as_str().expect("an id");
    let logs = client.get(&format!("/api/v1/jobs/{id}/logs")).await.expect(200).json();
    assert_eq!(logs, json!({"data": [], "nextCursor": null}));
}
