//! Two clients and every route: what belongs to one is not there for the other, and no door opens without the right key.
//!
//! The routes come from the description of the API. A route whose path names something that has no value here, or that is about a user
//! and says nothing of what another client gets to see, fails: whoever adds one says it here.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use semantest::model::id::ArtifactId;
use semantest::store::keys::{KeyScope, Keys, NewKey};
use serde_json::{Value, json};

use crate::support::app::{a_while_ago, new_key};
use crate::support::components::built;
use crate::support::http::{Answer, Http};
use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::id_of;

const NOTES: &str = "semantest.notes";
const SECRETIVE: &str = "semantest.fixture-secretive";

/// An operation of the description.
#[derive(Debug)]
struct Operation {
    name: String,
    method: Method,
    path: String,
    /// The names in the path.
    names: Vec<String>,
    /// Whether it can do without a key.
    is_open: bool,
}

fn operations() -> Vec<Operation> {
    let text = semantest::api::openapi_json().expect("a description");
    let description: Value = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let security = operation["security"].as_array();
            all.push(Operation {
                name: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
                path: path.clone(),
                names: path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect(),
                is_open: security.is_none_or(|ways| ways.is_empty() || ways.contains(&json!({}))),
            });
        }
    }
    all
}

/// Names in paths that are a client's own records: they answer 404 to everybody else.
const RECORDS: [&str; 5] = ["jobId", "artifactId", "webhookId", "deliveryId", "batchId"];

/// What another client gets where it asks about a user of the same name.
enum Sees {
    /// There is no such addon for its user.
    NotFound,
    /// An empty list.
    Nothing,
    /// It changes what its own user has, and only that.
    Its,
}

/// What another client gets of each operation on users.
fn of_users(name: &str) -> Option<Sees> {
    Some(match name {
        "listUserAddons" => Sees::Nothing,
        "disableUser" | "enableAddon" => Sees::Its,
        "getUserAddon" | "disableAddon" | "changeUserAddon" | "invokeAction" | "exportUserAddon"
        | "eraseUserAddonData" | "explainUserAddon" | "resumeAddon" | "rollBackAddon" | "listUserSecrets"
        | "setUserSecret" | "removeUserSecret" => Sees::NotFound,
        _ => return None,
    })
}

/// Bodies of the operations that would break rules without one.
fn body(name: &str) -> Value {
    match name {
        "newChat" | "generateImages" => json!({ "prompt": "hello" }),
        "generateImageBatch" => json!({ "jobs": [{ "prompt": "hello", "size": "64x64" }] }),
        "changeUserAddon" => json!({ "order": 1 }),
        "setUserSecret" | "setClientSecret" | "setDefaultSecret" => json!({ "value": "hush" }),
        "changeWebhook" => json!({ "events": ["job.failed"] }),
        "findAddonUpdates" => json!([{ "id": NOTES, "version": "0.0.1" }]),
        "createWebhook" => json!({ "url": "http://127.0.0.1:9/" }),
        _ => json!({}),
    }
}

/// Query strings of the operations that would break rules without one.
fn query(name: &str) -> &'static str {
    match name {
        "explainUserAddon" => "?capability=kv",
        "getSpend" => "?clientId=acme",
        "replayWebhook" => "?since=2026-01-01T00:00:00Z",
        _ => "",
    }
}

/// What acme has.
struct Belongings {
    names: BTreeMap<&'static str, String>,
}

impl Belongings {
    /// A job, a picture, an endpoint with a delivery, and a user with two addons.
    async fn make(platform: &Platform, receiver: &Receiver) -> Self {
        platform.give("alice", NOTES).await;
        platform.admin.publish_well(built(SECRETIVE)).await;
        let acme = &platform.acme;
        acme.call("alice", NOTES, "add", &json!({ "text": "mine" })).await;
        let picture = acme.done("/api/v1/images/generate", &json!({ "prompt": "a cat", "size": "256x256" })).await;
        let batch = json!({ "jobs": [{ "prompt": "a cat", "size": "64x64" }] });
        let batch = acme.post("/api/v1/images/batch", &batch).await.expect(202).json();
        let wish = json!({ "url": receiver.url(), "events": ["job.failed"] });
        let endpoint = acme.post("/api/v1/webhooks", &wish).await.expect(201).json();
        let endpoint = endpoint["id"].as_str().expect("an id").to_owned();
        let delivery = acme.post(&format!("/api/v1/webhooks/{endpoint}/test"), &json!({})).await.json();
        let delivery = delivery["id"].as_str().or(delivery["deliveryId"].as_str()).expect("a delivery").to_owned();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let names = BTreeMap::from([
            ("jobId", id_of(&picture)),
            ("artifactId", text(&picture["result"]["images"][0]["id"])),
            ("batchId", text(&batch["batchId"])),
            ("webhookId", endpoint),
            ("deliveryId", delivery),
            ("userId", String::from("alice")),
            ("addonId", String::from(NOTES)),
            ("action", String::from("list")),
            ("name", String::from("key")),
            ("version", String::from("0.0.1")),
            ("keyId", String::from("nobody")),
            ("publisher", String::from("acme")),
            ("blockId", String::from("none")),
            ("queue", String::from("webhooks")),
            ("client", String::from("acme")),
            ("slug", String::from("not-found")),
        ]);
        Self { names }
    }

    /// The path of an operation with what acme has in it.
    fn path(&self, operation: &Operation) -> String {
        operation.names.iter().fold(operation.path.clone() + query(&operation.name), |path, name| {
            let value = self.names.get(name.as_str());
            let value = value.unwrap_or_else(|| panic!("`{name}` of {} has no value in this test", operation.path));
            path.replace(&format!("{{{name}}}"), value)
        })
    }
}

async fn send(client: &Http, operation: &Operation, path: &str) -> Answer {
    let request = client.request(operation.method.clone(), path);
    let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(&operation.method);
    client.send(if has_body { request.json(&body(&operation.name)) } else { request }).await
}

#[tokio::test]
async fn what_belongs_to_one_client_is_not_there_for_another_on_any_route() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    let acme = Belongings::make(&platform, &receiver).await;
    let operations = operations();
    let mut tried = 0;
    for operation in &operations {
        let is_record = operation.names.iter().any(|name| RECORDS.contains(&name.as_str()));
        let is_user = operation.names.iter().any(|name| name == "userId");
        let path = acme.path(operation);
        if is_record {
            tried += 1;
            let answer = send(&platform.other, operation, &path).await;
            assert_eq!(answer.status, 404, "{operation:?}: {}", String::from_utf8_lossy(&answer.bytes));
            let nobody = send(&platform.app.stranger(), operation, &path).await;
            assert!([401, 404].contains(&nobody.status.as_u16()), "{operation:?}: {}", nobody.status);
        }
        if is_user {
            tried += 1;
            let sees = of_users(&operation.name);
            let sees = sees.unwrap_or_else(|| panic!("{}: say in `of_users` what another client gets", operation.name));
            let answer = send(&platform.other, operation, &path).await;
            match sees {
                Sees::NotFound => {
                    assert_eq!(answer.status, 404, "{operation:?}: {}", String::from_utf8_lossy(&answer.bytes));
                }
                Sees::Nothing => assert_eq!(answer.expect(200).json()["data"], json!([]), "{operation:?}"),
                Sees::Its => assert!(answer.status.is_success(), "{operation:?}: {}", answer.status),
            }
            if matches!(of_users(&operation.name), Some(Sees::Its)) {
                platform.drained().await;
                send(&platform.other, &the(&operations, "disableUser"), "/api/v1/users/alice?erase=true").await;
                platform.drained().await;
            }
        }
    }
    assert!(tried >= 30, "{tried} routes are about what belongs to a client");
    // None of that did anything to acme, who sees all of it.
    let count = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(count["result"]["value"]["count"], 1, "{count}");
    for operation in operations.iter().filter(|operation| operation.method == Method::GET) {
        if operation.names.iter().any(|name| RECORDS.contains(&name.as_str())) {
            let request = platform.acme.request(Method::GET, &acme.path(operation));
            let answer = request.send().await.expect("an answer");
            assert!(answer.status().is_success(), "{operation:?}: its own client sees it: {}", answer.status());
        }
    }
    for list in ["/api/v1/jobs", "/api/v1/webhooks", "/api/v1/users/alice/addons"] {
        let own = platform.acme.get(list).await.expect(200).json();
        assert!(own["data"].as_array().is_some_and(|data| !data.is_empty()), "{list}: {own}");
        let theirs = platform.other.get(list).await.expect(200).json().to_string();
        for name in ["jobId", "webhookId", "artifactId"] {
            assert!(!theirs.contains(&acme.names[name]), "{list} shows {name} to another client");
        }
    }
    platform.end().await;
}

/// The operation of this name, to be asked for another time.
fn the(operations: &[Operation], name: &str) -> Operation {
    let found = operations.iter().find(|operation| operation.name == name).expect("a described operation");
    Operation {
        name: found.name.clone(),
        method: found.method.clone(),
        path: found.path.clone(),
        names: found.names.clone(),
        is_open: found.is_open,
    }
}

#[tokio::test]
async fn an_idempotency_key_of_another_client_replays_nothing() {
    let platform = Platform::start().await;
    let body = json!({ "prompt": "hello", "userId": "alice" });
    let ask =
        async |client: &Http| client.post_with("/api/v1/chat/new", &body, "idempotency-key", "one").await.expect(202);
    let (mine, theirs) = (ask(&platform.acme).await, ask(&platform.other).await);
    assert_eq!(theirs.header("idempotency-replayed"), "");
    assert_ne!(id_of(&mine.json()), id_of(&theirs.json()));
    assert_eq!(ask(&platform.acme).await.header("idempotency-replayed"), "true");
    platform.end().await;
}

#[tokio::test]
async fn a_link_without_signature_or_after_its_time_opens_nothing() {
    let platform = Platform::start().await;
    let picture = platform.acme.done("/api/v1/images/generate", &json!({ "prompt": "a cat", "size": "256x256" })).await;
    let image = &picture["result"]["images"][0];
    let id = ArtifactId::parse(image["id"].as_str().expect("an id")).expect("an id");
    let links = platform.app.services.gallery.links();
    let stranger = platform.app.stranger();
    let path = |url: &str| url.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).expect("a path");
    let good = path(image["url"].as_str().expect("a link"));
    stranger.get(&good).await.expect(200);
    let (plain, query) = good.split_once('?').expect("a signature");
    let expired = path(&links.url(&id, Utc::now() - TimeDelta::seconds(1)));
    let later = query.replace("expires=", "expires=9");
    let other = path(&links.url(&ArtifactId::fresh(), Utc::now() + TimeDelta::hours(1)));
    let foreign = format!("{plain}?{}", other.split_once('?').expect("a signature").1);
    for path in [plain, &expired, &format!("{plain}?{later}"), &foreign, &other] {
        stranger.get(path).await.expect_problem(404, "NOT_FOUND");
    }
    platform.end().await;
}

/// The scopes that open an operation.
fn opened_by(operation: &Operation) -> &'static [KeyScope] {
    const ANY: &[KeyScope] = &KeyScope::ALL;
    let (path, name) = (operation.path.as_str(), operation.name.as_str());
    if path.starts_with("/api/v1/admin/") {
        &[KeyScope::Admin]
    } else if ["publishAddon", "yankAddonVersion"].contains(&name) {
        &[KeyScope::Publisher, KeyScope::Admin]
    } else if path.ends_with("/secrets") || path.contains("/secrets/") || path.starts_with("/api/v1/users/") {
        &[KeyScope::Client]
    } else if ["/api/v1/addons", "/api/v1/jobs"].iter().any(|start| path.starts_with(start))
        || ["getArtifact", "getThumbnail", "imageStatus", "cancelImage", "getImageBatch"].contains(&name)
    {
        ANY
    } else {
        &[KeyScope::Client]
    }
}

#[tokio::test]
async fn a_key_without_the_scope_is_refused_and_a_bad_one_is_nobodys_on_every_route() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    let acme = Belongings::make(&platform, &receiver).await;
    let stranger = platform.app.stranger();
    let text = async |new: NewKey| platform.app.key(&new).await;
    let revoked = text(new_key("acme", &KeyScope::ALL)).await;
    let keys = Keys::new(platform.app.redis.store().await);
    assert!(keys.revoke(revoked.split('_').nth(2).expect("an id")).await.expect("a revocation"));
    let mut mistyped = text(new_key("acme", &KeyScope::ALL)).await;
    let last = mistyped.pop();
    mistyped.push(if last == Some('a') { 'b' } else { 'a' });
    let bad = [
        revoked,
        text(NewKey { expires_at: Some(a_while_ago()), ..new_key("acme", &KeyScope::ALL) }).await,
        String::from("sk_test_malformed"),
        mistyped,
    ];
    let scoped: Vec<(KeyScope, Http)> = {
        let mut all = Vec::new();
        for scope in KeyScope::ALL {
            all.push((scope, stranger.with_key(&text(new_key("third", &[scope])).await)));
        }
        all
    };
    let nothing = stranger.with_key(&text(new_key("acme", &[])).await);
    let mut tried = 0;
    for operation in operations().iter().filter(|operation| !operation.is_open) {
        tried += 1;
        let path = acme.path(operation);
        send(&stranger, operation, &path).await.expect_problem(401, "UNAUTHENTICATED");
        for key in &bad {
            let answer = send(&stranger.with_key(key), operation, &path).await;
            assert_eq!(answer.status, 401, "{operation:?} with {key}");
        }
        let answer = send(&nothing, operation, &path).await;
        assert_eq!(answer.status, 403, "{operation:?} without any scope");
        for (scope, client) in &scoped {
            if !opened_by(operation).contains(scope) {
                let answer = send(client, operation, &path).await;
                assert_eq!(answer.status, 403, "{operation:?} with the scope {scope:?}");
            }
        }
    }
    assert!(tried >= 60, "{tried} routes need a key");
    platform.end().await;
}
