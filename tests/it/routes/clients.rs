//! Clients and their keys, as admins see and change them, at every server.

use std::time::{Duration, Instant};

use reqwest::Method;
use semantest::store::keys::KeyScope;
use serde_json::{Value, json};

use super::api_alone;
use crate::support::app::{TestApp, new_key};
use crate::support::http::{Answer, Http};
use crate::support::until;

const CLIENTS: &str = "/api/v1/admin/clients";
const JOBS: &str = "/api/v1/jobs";
/// What a revocation may take to arrive everywhere: the promise is a time, so the time is measured.
const SOON: Duration = Duration::from_secs(2);

async fn change(admin: &Http, client: &str, body: &Value) -> Answer {
    admin.send(admin.request(Method::PATCH, &format!("{CLIENTS}/{client}")).json(body)).await
}

async fn rotate(admin: &Http, id: &str, body: &Value) -> Answer {
    admin.post(&format!("/api/v1/admin/keys/{id}/rotate"), body).await
}

fn id_of(key: &str) -> &str {
    key.split('_').nth(2).expect("an id")
}

#[tokio::test]
async fn clients_are_made_listed_read_and_changed() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let wish = json!({ "id": "acme", "name": "Acme", "limits": { "chat": 100, "imagesPerUser": 3 } });
    let made = admin.post(CLIENTS, &wish).await.expect(201).json();
    assert_eq!((&made["state"], &made["limits"]), (&json!("active"), &wish["limits"]), "{made}");
    admin.post(CLIENTS, &wish).await.expect_problem(409, "CONFLICT");
    let changed = change(&admin, "acme", &json!({ "name": null, "limits": { "chat": null, "jobs": 9 } }))
        .await
        .expect(200)
        .json();
    assert_eq!(changed["limits"], json!({ "imagesPerUser": 3, "jobs": 9 }), "{changed}");
    assert_eq!(changed["name"], Value::Null);
    assert_eq!(admin.get(&format!("{CLIENTS}/acme")).await.expect(200).json(), changed);
    for name in ["beta", "gamma"] {
        app.key(&new_key(name, &[KeyScope::Client])).await;
    }
    let mut names = Vec::new();
    let mut path = format!("{CLIENTS}?limit=2");
    loop {
        let page = admin.get(&path).await.expect(200).json();
        names.extend(page["data"].as_array().into_iter().flatten().map(|client| client["id"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("{CLIENTS}?limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["acme", "beta", "gamma", "platform"]);
    let wrong = change(&admin, "beta", &json!({ "limits": { "chat": 0, "chats": 1 }, "state": "gone" })).await;
    assert_eq!(wrong.expect_problem(422, "VALIDATION_ERROR").pointers(), ["/limits/chat", "/limits/chats", "/state"]);
    for path in ["nobody", "Not-A-Name"] {
        change(&admin, path, &json!({})).await.expect_problem(404, "NOT_FOUND");
        admin.get(&format!("{CLIENTS}/{path}")).await.expect_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_suspended_client_is_refused_at_every_server_and_comes_back() {
    let app = TestApp::api_only().await;
    let twin = app.twin(true, |_| {}).await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let key = app.key(&new_key("acme", &[KeyScope::Client, KeyScope::Publisher])).await;
    let (here, there) = (app.stranger().with_key(&key), twin.stranger().with_key(&key));
    for server in [&here, &there] {
        server.get(JOBS).await.expect(200);
    }
    change(&admin, "acme", &json!({ "state": "suspended" })).await.expect(200);
    until("the other server refuses", async || there.get(JOBS).await.status == 403).await;
    for server in [&here, &there] {
        let refused = server.get(JOBS).await.expect_problem(403, "FORBIDDEN").json();
        assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("suspended")), "{refused}");
        server.post("/api/v1/chat/new", &json!({ "prompt": "hello" })).await.expect_problem(403, "FORBIDDEN");
        server.post("/api/v1/addons", &json!({})).await.expect_problem(403, "FORBIDDEN");
    }
    change(&admin, "acme", &json!({ "state": "active" })).await.expect(200);
    until("the other server lets it in", async || there.get(JOBS).await.status == 200).await;
    here.get(JOBS).await.expect(200);
    change(&admin, "platform", &json!({ "state": "suspended" })).await.expect_problem(409, "CONFLICT");
}

#[tokio::test]
async fn a_revocation_at_one_server_is_seen_at_the_other_within_two_seconds() {
    let app = TestApp::api_only().await;
    let twin = app.twin(true, |_| {}).await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    for _ in 0..5 {
        let key = app.key(&new_key("acme", &[KeyScope::Client])).await;
        let there = twin.stranger().with_key(&key);
        there.get(JOBS).await.expect(200);
        admin.post(&format!("/api/v1/admin/keys/{}/revoke", id_of(&key)), &json!({})).await.expect(204);
        let since = Instant::now();
        until("the other server refuses", async || there.get(JOBS).await.status == 401).await;
        assert!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn a_revocation_is_seen_although_the_control_channel_is_cut() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let key = app.key(&new_key("acme", &[KeyScope::Client])).await;
    let twin = app.twin(true, |_| {}).await;
    let there = twin.stranger().with_key(&key);
    there.get(JOBS).await.expect(200);
    // Nobody may subscribe any more, and those who did are thrown out: no message arrives anywhere.
    app.redis.command(&["ACL", "SETUSER", "default", "-subscribe"]).await;
    app.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    admin.post(&format!("/api/v1/admin/keys/{}/revoke", id_of(&key)), &json!({})).await.expect(204);
    // What was read of a key is believed for a minute, so only a cache that knows that it hears nothing asks again.
    until("the other server refuses", async || there.get(JOBS).await.status == 401).await;
}

#[tokio::test]
async fn a_rotated_key_goes_on_for_its_overlap_and_the_new_one_works_at_once() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let old = app.key(&new_key("acme", &[KeyScope::Client])).await;
    let before = app.stranger().with_key(&old);
    let answer = rotate(&admin, id_of(&old), &json!({ "overlapSecs": 3600 })).await.expect(201).json();
    let fresh = answer["key"].as_str().expect("a key");
    assert_eq!(
        (&answer["replaces"], &answer["client"], &answer["scopes"]),
        (&json!(id_of(&old)), &json!("acme"), &json!(["client"])),
        "{answer}"
    );
    let after = app.stranger().with_key(fresh);
    for client in [&before, &after] {
        client.get(JOBS).await.expect(200);
    }
    let keys = admin.get("/api/v1/admin/keys?client=acme").await.expect(200).json();
    let listed = keys["data"].as_array().and_then(|keys| keys.iter().find(|key| key["id"] == id_of(&old))).cloned();
    let listed = listed.expect("the old key");
    assert_eq!(listed["replacedBy"], answer["id"], "{listed}");
    assert_eq!(listed["expiresAt"], answer["oldKeyEndsAt"], "{listed}");
    rotate(&admin, id_of(&old), &json!({})).await.expect_problem(409, "CONFLICT");
    let last = rotate(&admin, id_of(fresh), &json!({ "overlapSecs": 0 })).await.expect(201).json();
    let refused = after.get(JOBS).await.expect_problem(401, "UNAUTHENTICATED").json();
    assert!(refused["detail"].as_str().is_some_and(|detail| detail.contains("expired")), "{refused}");
    app.stranger().with_key(last["key"].as_str().expect("a key")).get(JOBS).await.expect(200);
    rotate(&admin, "nobody", &json!({})).await.expect_problem(404, "NOT_FOUND");
    let revoked = app.key(&new_key("acme", &[KeyScope::Client])).await;
    admin.post(&format!("/api/v1/admin/keys/{}/revoke", id_of(&revoked)), &json!({})).await.expect(204);
    rotate(&admin, id_of(&revoked), &json!({})).await.expect_problem(409, "CONFLICT");
}

#[tokio::test]
async fn a_key_without_any_scope_opens_nothing() {
    let app = TestApp::start(api_alone(), |_| {}).await;
    let nothing = app.caller("acme", &[]).await;
    for path in [JOBS, "/api/v1/addons", "/api/v1/users/alice/addons", "/api/v1/admin/keys"] {
        nothing.get(path).await.expect_problem(403, "FORBIDDEN");
    }
}
