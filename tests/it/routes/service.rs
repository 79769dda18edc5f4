//! What belongs to no client: health, welcome, the operators' listener, header fields.

use semantest::store::keys::KeyScope;

use crate::support::app::TestApp;

#[tokio::test]
async fn both_listeners_tell_how_it_stands() {
    let app = TestApp::api_only().await;
    for path in ["/livez", "/readyz"] {
        app.stranger().get(path).await.expect(200);
    }
    for path in ["/livez", "/readyz", "/startupz", "/metrics"] {
        app.operator().get(path).await.expect(200);
    }
    app.operator().get("/api/v1/jobs").await.expect_problem(404, "NOT_FOUND");
    app.stranger().get("/metrics").await.expect_problem(404, "NOT_FOUND");
    let health = app.stranger().get("/health").await.expect(200).json();
    assert_eq!((health["status"].as_str(), health["services"]["redis"].as_str()), (Some("healthy"), Some("healthy")));
    assert_eq!(app.stranger().get("/").await.expect(200).json()["api"], format!("{}/api/v1", app.base()));
}

#[tokio::test]
async fn every_answer_keeps_browsers_modest() {
    let app = TestApp::api_only().await;
    for path in ["/", "/api/v1/jobs", "/nowhere", "/problems"] {
        let answer = app.stranger().get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn an_admin_sees_the_queues_fill() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    client.post("/api/v1/images/generate", &serde_json::json!({"prompt": "a cat"})).await.expect(202);
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let queues = admin.get("/api/v1/admin/queues").await.expect(200).json();
    let images = queues["data"]
        .as_array()
        .and_then(|all| all.iter().find(|queue| queue["queue"] == "image-generation").cloned());
    assert_eq!(images.map(|queue| queue["prioritized"].clone()), Some(1.into()));
}

#[tokio::test]
async fn each_client_has_its_own_webhook_secret() {
    let app = TestApp::api_only().await;
    let path = "/api/v1/webhooks/default-secret";
    let of = async |tenant: &str| {
        let client = app.caller(tenant, &[KeyScope::Client]).await;
        client.get(path).await.expect(200).json()["secret"].as_str().unwrap_or("").to_owned()
    };
    let (acme, again, other) = (of("acme").await, of("acme").await, of("other").await);
    assert!(acme.starts_with("whsec_"));
    assert_eq!(acme, again);
    assert_ne!(acme, other);
}
