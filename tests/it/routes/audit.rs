//! Every change that an admin makes leaves an entry on the trail. The routes come from the description of the API: one without a case
//! here fails.

use reqwest::Method;
use semantest::store::keys::KeyScope;
use serde_json::{Value, json};

use crate::support::app::new_key;
use crate::support::components::built;
use crate::support::http::{Answer, Http};
use crate::support::platform::Platform;

const AUDIT: &str = "/api/v1/admin/audit";
const ADDON: &str = "semantest.fixture-secretive";
/// A public key of the test vectors of RFC 8032.
const PUBLIC_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// The writes of admins in an order in which each can be done, with their path and body.
fn writes(names: &Names) -> Vec<(&'static str, String, Value)> {
    let publisher = "/api/v1/admin/publishers/acme/keys";
    let Names { key, version, publisher_key } = names;
    vec![
        ("createClient", "/api/v1/admin/clients".into(), json!({ "id": "fresh" })),
        ("changeClient", "/api/v1/admin/clients/fresh".into(), json!({ "name": "Fresh" })),
        ("createKey", "/api/v1/admin/keys".into(), json!({ "client": "fresh", "scopes": ["client"] })),
        ("rotateKey", format!("/api/v1/admin/keys/{key}/rotate"), json!({})),
        ("revokeKey", format!("/api/v1/admin/keys/{key}/revoke"), json!({})),
        ("replacePolicy", "/api/v1/admin/policy".into(), json!({ "approval": "auto", "ceilings": {} })),
        ("approveAddonVersion", format!("/api/v1/admin/addons/{ADDON}/versions/{version}/approve"), json!({})),
        ("setDefaultSecret", format!("/api/v1/admin/addons/{ADDON}/secrets/key"), json!({ "value": "hush" })),
        ("removeDefaultSecret", format!("/api/v1/admin/addons/{ADDON}/secrets/key"), Value::Null),
        ("createBlock", "/api/v1/admin/blocks".into(), json!({ "addon": "acme.bad", "reason": "it steals" })),
        ("removeBlock", "/api/v1/admin/blocks/{blockId}".into(), Value::Null),
        ("registerPublisherKey", publisher.into(), json!({ "publicKey": PUBLIC_KEY })),
        ("retirePublisherKey", format!("{publisher}/{publisher_key}/retire"), json!({})),
        ("revokePublisherKey", format!("{publisher}/{publisher_key}/revoke"), json!({ "reason": "lost" })),
        ("pauseQueue", "/api/v1/admin/queues/webhooks/pause".into(), json!({})),
        ("resumeQueue", "/api/v1/admin/queues/webhooks/resume".into(), json!({})),
        ("retryJobs", "/api/v1/admin/jobs/retry".into(), json!({})),
    ]
}

struct Names {
    key: String,
    version: String,
    publisher_key: String,
}

/// The writes below /admin that the description has: their names and methods.
fn described() -> Vec<(String, String, Method)> {
    let text = semantest::api::openapi_json().expect("a description");
    let description: Value = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            if path.starts_with("/api/v1/admin/") && method != "get" {
                let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                all.push((name, path.clone(), method));
            }
        }
    }
    all
}

async fn send(admin: &Http, method: Method, path: &str, body: &Value) -> Answer {
    let request = admin.request(method, path).header("if-match", "*");
    admin.send(if body.is_null() { request } else { request.json(body) }).await
}

async fn newest(admin: &Http) -> Value {
    let page = admin.get(&format!("{AUDIT}?action=admin.write&limit=1")).await.expect(200).json();
    page["data"][0].clone()
}

#[tokio::test]
async fn every_write_of_an_admin_leaves_an_entry_and_a_refused_one_none() {
    let platform = Platform::start().await;
    let admin = &platform.admin;
    let published = admin.publish_well(built(ADDON)).await;
    let key = platform.app.key(&new_key("acme", &[KeyScope::Client])).await;
    let names = Names {
        key: key.split('_').nth(2).expect("an id").to_owned(),
        version: published["version"].as_str().expect("a version").to_owned(),
        publisher_key: semantest::model::signature::PublicKey::parse(PUBLIC_KEY).expect("a key").id().to_string(),
    };
    let (cases, described) = (writes(&names), described());
    for (name, path, _) in &described {
        assert!(
            cases.iter().any(|(case, ..)| case == name),
            "{path} changes something and has no case here: add `{name}`"
        );
    }
    let mut block = String::new();
    for (name, path, body) in cases {
        let (_, route, method) = described.iter().find(|(known, ..)| known == name).expect("a described operation");
        let path = path.replace("{blockId}", &block);
        let answer = send(admin, method.clone(), &path, &body).await;
        assert!(answer.status.is_success(), "{name}: {} {}", answer.status, String::from_utf8_lossy(&answer.bytes));
        if name == "createBlock" {
            block = answer.json()["block"]["blockId"].as_str().expect("an id").to_owned();
        }
        let entry = newest(admin).await;
        let request = &entry["request"];
        assert_eq!((&request["route"], &request["path"]), (&json!(route), &json!(path)), "{name}: {entry}");
        assert_eq!(request["id"], answer.header("x-request-id"), "{name}: {entry}");
        assert_eq!(entry["by"], "admin:operator", "{entry}");
        assert!(!entry.to_string().contains("hush"), "values are not written down: {entry}");
        let before = newest(admin).await;
        send(&platform.acme, method.clone(), &path, &body).await.expect(403);
        assert_eq!(newest(admin).await, before, "{name} of somebody who may not");
    }
    let last = newest(admin).await;
    admin.post("/api/v1/admin/keys", &json!({})).await.expect(422);
    admin.post("/api/v1/admin/keys/nobody/revoke", &json!({})).await.expect(404);
    admin.post("/api/v1/admin/jobs/retry", &json!({ "dryRun": true })).await.expect(200);
    admin.post("/api/v1/admin/blocks", &json!({ "addon": "acme.bad", "dryRun": true })).await.expect(200);
    assert_eq!(newest(admin).await, last, "what was refused, or only looked, changed nothing");
    platform.end().await;
}

#[tokio::test]
async fn the_trail_is_read_by_page_and_by_filter_and_by_admins_alone() {
    let platform = Platform::start().await;
    let admin = &platform.admin;
    admin.publish_well(built(ADDON)).await;
    for name in ["one", "two", "three"] {
        admin.post("/api/v1/admin/clients", &json!({ "id": name })).await.expect(201);
    }
    let secret = format!("/api/v1/admin/addons/{ADDON}/secrets/key");
    admin.put(&secret, &json!({ "value": "hush" })).await.expect(204);
    let mut seen = Vec::new();
    let mut path = format!("{AUDIT}?limit=2");
    loop {
        let page = admin.get(&path).await.expect(200).json();
        seen.extend(page["data"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("{AUDIT}?limit=2&cursor={cursor}");
    }
    let actions: Vec<_> = seen.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["secret.set", "admin.write", "admin.write", "admin.write", "admin.write"], "newest first");
    let of = async |query: &str| {
        let page = admin.get(&format!("{AUDIT}?{query}")).await.expect(200).json();
        page["data"].as_array().map(Vec::len).unwrap_or_default()
    };
    assert_eq!(of("action=secret.set").await, 1);
    assert_eq!(of(&format!("addonId={ADDON}")).await, 1);
    assert_eq!(of("by=admin:operator").await, 5);
    assert_eq!(of("by=admin:nobody").await, 0);
    assert_eq!(of("since=2099-01-01T00:00:00Z").await, 0);
    admin.get(&format!("{AUDIT}?action=nothing&cursor=x")).await.expect(422);
    platform.acme.get(AUDIT).await.expect_problem(403, "FORBIDDEN");
    platform.end().await;
}
