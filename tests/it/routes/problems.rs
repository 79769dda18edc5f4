//! Answers that are not success: whole, stable, all faults at once.

use reqwest::Method;
use semantest::api::problem::ProblemCode;
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn all_faults_of_a_body_come_at_once() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({
        "prompt": " ", "userId": "a/b", "sesionId": "x", "priority": "urgent", "webhookUrl": "http://169.254.169.254/",
        "imageGeneration": {"enabled": "yes", "count": 9, "size": "big", "image": "art_1", "priority": "low"},
        "chatContext": {"previousMessages": [{"role": "king", "content": 1}]},
    });
    let answer = client.post("/api/v1/chat/new", &body).await.expect_problem(422, "VALIDATION_ERROR");
    let expected = [
        "/chatContext/previousMessages/0/content",
        "/chatContext/previousMessages/0/role",
        "/imageGeneration/count",
        "/imageGeneration/enabled",
        "/imageGeneration/image",
        "/imageGeneration/priority",
        "/imageGeneration/size",
        "/priority",
        "/prompt",
        "/sesionId",
        "/userId",
        "/webhookUrl",
    ];
    assert_eq!(answer.pointers(), expected);
    assert!(String::from_utf8_lossy(&answer.bytes).contains("did you mean `sessionId`"));
}

#[tokio::test]
async fn what_is_no_json_of_the_right_kind_is_told_apart() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let post = |kind: &str, body: String| {
        client.request(Method::POST, "/api/v1/images/generate").header("content-type", kind).body(body)
    };
    client.send(post("application/json", String::from("{\"prompt\":"))).await.expect_problem(400, "MALFORMED_JSON");
    client.send(post("application/json", String::new())).await.expect_problem(400, "MALFORMED_JSON");
    client.send(post("text/plain", String::from("{}"))).await.expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let large = format!("{{\"prompt\":\"{}\"}}", "x".repeat(1024 * 1024));
    client.send(post("application/json", large)).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    let deep = format!("{{\"prompt\":\"x\",\"extra\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    client.send(post("application/json", deep)).await.expect_problem(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_path_and_a_query_are_read_whole_too() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let answer = client.get("/api/v1/users/%2F/addons/Nope").await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/addonId", "/userId"]);
    assert_eq!(answer.json()["errors"][0]["in"], "path");
    let answer =
        client.get("/api/v1/jobs?limit=0&status=done&colour=red").await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/colour", "/limit", "/status"]);
    client.get("/api/v1/jobs?cursor=forged").await.expect_problem(422, "VALIDATION_ERROR");
    client.get("/api/v1/jobs/no-such-job").await.expect_problem(404, "JOB_NOT_FOUND");
    client.get("/api/v1/addons/nobody.nothing").await.expect_problem(404, "ADDON_NOT_FOUND");
    let user = "alice%40example.com";
    client.get(&format!("/api/v1/users/{user}/addons")).await.expect(200);
}

#[tokio::test]
async fn wrong_roads_are_problems_too() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    client.get("/api/v1/nowhere").await.expect_problem(404, "NOT_FOUND");
    let answer = client.send(client.request(Method::PUT, "/api/v1/chat/new")).await;
    assert_eq!(answer.header("allow"), "POST");
    answer.expect_problem(405, "METHOD_NOT_ALLOWED");
    let html = client.request(Method::GET, "/api/v1/jobs").header("accept", "text/html");
    client.send(html).await.expect_problem(406, "NOT_ACCEPTABLE");
}

#[tokio::test]
async fn every_problem_has_its_page() {
    let app = TestApp::api_only().await;
    let stranger = app.stranger();
    for code in ProblemCode::ALL {
        let page = stranger.get(&format!("/problems/{}", code.slug())).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(String::from_utf8_lossy(&page.bytes).contains(code.as_str()));
    }
    stranger.get("/problems").await.expect(200);
    stranger.get("/problems/none").await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_request_keeps_its_own_id_where_it_is_harmless() {
    let app = TestApp::api_only().await;
    let stranger = app.stranger();
    let kept = stranger.request(Method::GET, "/api/v1/jobs").header("x-request-id", "order-17");
    let answer = stranger.send(kept).await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(answer.header("x-request-id"), "order-17");
    let replaced = stranger.request(Method::GET, "/api/v1/jobs").header("x-request-id", "a b\"c");
    assert!(stranger.send(replaced).await.header("x-request-id").starts_with("req_"));
}
