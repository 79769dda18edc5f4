//! Redis is away: nothing is accepted, and the answer says when to come back.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::until;

#[tokio::test]
async fn without_redis_the_answer_is_503_and_after_its_return_202() {
    let mut app = TestApp::api_only().await;
    let client = app.client().await;
    let body = json!({"prompt": "hello"});
    client.post("/api/v1/chat/new", &body).await.expect(202);
    app.redis.kill();
    let answer = client.post("/api/v1/chat/new", &body).await.expect_problem(503, "QUEUE_UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["retryable"], true);
    app.stranger().get("/readyz").await.expect(503);
    app.operator().get("/readyz").await.expect(503);
    app.stranger().get("/livez").await.expect(200);
    assert_eq!(app.stranger().get("/health").await.expect(503).json()["status"], "unhealthy");
    app.redis.restart();
    // This Redis kept nothing in memory, the key neither: a cached one is dropped, so a new one is asked for.
    until("the service is ready again", async || app.stranger().get("/readyz").await.status == 200).await;
    app.client().await.post("/api/v1/chat/new", &body).await.expect(202);
}
