//! Who may call what.

use reqwest::Method;
use semantest::store::keys::{KeyScope, Keys, NewKey};
use serde_json::json;

use crate::support::app::{TestApp, a_while_ago, new_key};
use crate::support::until;

const JOBS: &str = "/api/v1/jobs";

#[tokio::test]
async fn a_key_that_opens_nothing_says_why() {
    let app = TestApp::api_only().await;
    let stranger = app.stranger();
    let good = app.key(&new_key("acme", &[KeyScope::Client])).await;
    let over = app.key(&NewKey { expires_at: Some(a_while_ago()), ..new_key("acme", &[KeyScope::Client]) }).await;
    let mut mistyped = good.clone();
    let last = mistyped.pop().expect("a character");
    mistyped.push(if last == 'a' { 'b' } else { 'a' });
    let foreign = TestApp::api_only().await.key(&new_key("acme", &[KeyScope::Client])).await;
    let revoked = app.key(&new_key("acme", &[KeyScope::Client])).await;
    let keys = Keys::new(app.redis.store().await);
    assert!(keys.revoke(revoked.split('_').nth(2).expect("an id")).await.expect("a revocation"));
    for (key, why) in [
        ("nonsense", "this is no key"),
        ("sk_test_x", "this is no key"),
        (&mistyped, "mistyped"),
        (&foreign, "no such key"),
        (&revoked, "revoked"),
        (&over, "expired"),
    ] {
        let answer = stranger.with_key(key).get(JOBS).await.expect_problem(401, "UNAUTHENTICATED");
        let body = answer.json();
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{why}: {body}");
        assert!(!body.to_string().contains(key), "the key does not come back: {body}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    stranger.get(JOBS).await.expect_problem(401, "UNAUTHENTICATED");
    let basic = stranger.request(Method::GET, JOBS).header("authorization", "Basic YTpi");
    stranger.send(basic).await.expect_problem(401, "UNAUTHENTICATED");
    stranger.with_key(&good).get(JOBS).await.expect(200);
    let other_header = stranger.request(Method::GET, JOBS).header("x-api-key", &good);
    stranger.send(other_header).await.expect(200);
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_although_it_was_cached() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let wish = json!({"client": "acme", "scopes": ["client"], "expiresInDays": 1});
    let made = admin.post("/api/v1/admin/keys", &wish).await.expect(201).json();
    let client = app.stranger().with_key(made["key"].as_str().expect("a key"));
    client.get(JOBS).await.expect(200);
    let id = made["id"].as_str().expect("an id");
    let listed = admin.get("/api/v1/admin/keys?client=acme").await.expect(200).json();
    assert_eq!(listed["data"][0]["id"], id);
    assert!(listed["data"][0].get("key").is_none(), "a key is shown once");
    admin.post(&format!("/api/v1/admin/keys/{id}/revoke"), &json!({})).await.expect(204);
    client.get(JOBS).await.expect_problem(401, "UNAUTHENTICATED");
    admin.post("/api/v1/admin/keys/nobody/revoke", &json!({})).await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_revocation_elsewhere_arrives_over_the_control_channel() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    client.get(JOBS).await.expect(200);
    let keys = semantest::store::keys::Keys::new(app.redis.store().await);
    let acme = new_key("acme", &[]).client;
    let id = keys.list(&acme).await.expect("keys").first().expect("the key").id.clone();
    assert!(keys.revoke(&id).await.expect("a revocation"));
    until("the key is forgotten", async || client.get(JOBS).await.status == 401).await;
}

#[tokio::test]
async fn each_door_needs_its_scope() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let publisher = app.caller("acme", &[KeyScope::Publisher]).await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let chat = json!({"prompt": "hello"});
    for (caller, name, may_chat, may_publish, may_administer) in [
        (&client, "client", true, false, false),
        (&publisher, "publisher", false, true, false),
        (&admin, "admin", false, true, true),
    ] {
        let status = |is_allowed: bool, else_status: u16| if is_allowed { else_status } else { 403 };
        assert_eq!(caller.post("/api/v1/chat/new", &chat).await.status, status(may_chat, 202), "{name}");
        assert_eq!(caller.post("/api/v1/addons", &json!({})).await.status, status(may_publish, 422), "{name}");
        assert_eq!(caller.get("/api/v1/admin/queues").await.status, status(may_administer, 200), "{name}");
        assert_eq!(caller.get("/api/v1/users/alice/addons").await.status, status(may_chat, 200), "{name}");
        assert_eq!(caller.get("/api/v1/addons").await.status, 200, "{name}");
        assert_eq!(caller.get(JOBS).await.status, 200, "{name}");
    }
    let refused = client.get("/api/v1/admin/keys").await.expect_problem(403, "FORBIDDEN");
    assert!(refused.json()["detail"].as_str().unwrap_or("").contains("admin"));
}

#[tokio::test]
async fn another_clients_job_is_not_there() {
    let app = TestApp::api_only().await;
    let (acme, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
    let job = acme.post("/api/v1/chat/new", &json!({"prompt": "hello"})).await.expect(202).json();
    let path = job["statusUrl"].as_str().expect("a link");
    acme.get(path).await.expect(200);
    for (method, path) in [
        (Method::GET, path.to_owned()),
        (Method::GET, format!("{path}/logs")),
        (Method::GET, format!("{path}/events")),
        (Method::POST, format!("{path}/cancel")),
        (Method::POST, format!("{path}/retry")),
    ] {
        other.send(other.request(method, &path)).await.expect_problem(404, "JOB_NOT_FOUND");
    }
    assert_eq!(other.get(JOBS).await.json()["data"], json!([]));
}
