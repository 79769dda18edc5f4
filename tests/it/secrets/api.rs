//! Secrets by REST: set, listed, waited for, inherited, removed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{ADDON, manifest, of_user, secrets_of, set, with_manifest};
use crate::support::http::Http;
use crate::support::platform::Platform;
use crate::support::tenant::steps;
use crate::support::{components::built, until};

const OF_CLIENT: &str = "/api/v1/addons/semantest.fixture-secretive/secrets";
const OF_ALL: &str = "/api/v1/admin/addons/semantest.fixture-secretive/secrets";

/// Whose value the guest works with, told by what it signs.
async fn signed(caller: &Http, user: &str) -> String {
    let job = caller.call(user, ADDON, "sign", &json!({ "message": "hello" })).await;
    job["result"]["value"].as_str().unwrap_or_else(|| panic!("no signature: {job}")).to_owned()
}

fn hmac(key: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key");
    mac.update(b"hello");
    hex::encode(mac.finalize().into_bytes())
}

async fn listed(caller: &Http, path: &str) -> Value {
    caller.get(path).await.expect(200).json()["data"].clone()
}

async fn state(caller: &Http, user: &str) -> Value {
    caller.enablement(user, ADDON).await.expect(200).json()["state"].clone()
}

#[tokio::test]
async fn a_load_waits_for_a_required_secret_and_goes_on_when_it_is_set() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(ADDON)).await;
    let job = platform.acme.enable("alice", ADDON, &json!({})).await.expect(200).json();
    assert_eq!((&job["status"], &job["result"]["state"]), (&json!("completed"), &json!("awaiting-secrets")), "{job}");
    assert_eq!(job["result"]["missingSecrets"], json!(["key"]));
    let steps = steps(&job);
    assert_eq!((steps["grants"].as_str(), steps["compile"].as_str()), ("completed", "skipped"), "{steps:?}");
    let waiting = platform.acme.enablement("alice", ADDON).await.expect(200).json();
    assert_eq!((&waiting["state"], &waiting["missingSecrets"]), (&json!("awaiting-secrets"), &json!(["key"])));
    let origins = json!(["https://api.example.com"]);
    let expected = json!([
        { "name": "key", "required": true, "set": false, "origins": origins },
        { "name": "spare", "required": false, "set": false, "origins": origins },
    ]);
    assert_eq!(listed(&platform.acme, &of_user("alice")).await, expected);
    let call = platform.acme.leave("alice", ADDON, "sign", &json!({ "params": {} })).await;
    assert_eq!(call.status.as_u16(), 409, "nothing runs meanwhile");

    // One that it can do without changes nothing.
    let spare = set(&platform.acme, &of_user("alice"), "spare", "spare value").await.expect(204);
    assert_eq!(spare.header("location"), "");
    assert_eq!(state(&platform.acme, "alice").await, "awaiting-secrets");
    let done = set(&platform.acme, &of_user("alice"), "key", "the value itself").await.expect(204);
    let job = done.header("location").trim_start_matches("/api/v1/jobs/").to_owned();
    let job = platform.acme.reaches(&job, "completed").await;
    assert_eq!(job["result"]["state"], "enabled", "{job}");
    assert_eq!(signed(&platform.acme, "alice").await, hmac("the value itself"));
    let views = listed(&platform.acme, &of_user("alice")).await;
    assert_eq!((&views[0]["set"], &views[0]["setBy"]), (&json!(true), &json!("user")));
    assert!(!views.to_string().contains("value itself"), "{views}");
    platform.end().await;
}

#[tokio::test]
async fn consent_that_was_given_before_secrets_were_asked_for_holds() {
    use semantest::config::addons::ConsentMode;
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    platform.admin.publish_well(built(ADDON)).await;
    let asked = platform.acme.enable("alice", ADDON, &json!({})).await.expect(200).json();
    assert_eq!(asked["result"]["state"], "awaiting-consent", "consent comes first: {asked}");
    let consent = asked["result"]["digest"].clone();
    let job = platform.acme.enable("alice", ADDON, &json!({ "consent": consent })).await.expect(200).json();
    assert_eq!(job["result"]["state"], "awaiting-secrets", "{job}");
    set(&platform.acme, &of_user("alice"), "key", "the value itself").await.expect(204);
    until("it is enabled", async || state(&platform.acme, "alice").await == "enabled").await;
    platform.end().await;
}

#[tokio::test]
async fn a_users_value_wins_over_its_clients_and_that_one_over_the_publishers() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(ADDON)).await;
    for caller in [&platform.acme, &platform.other] {
        let job = caller.enable("alice", ADDON, &json!({})).await.expect(200).json();
        assert_eq!(job["result"]["state"], "awaiting-secrets");
    }
    // A value for one client's users lets those go on that wait, and nobody else's.
    set(&platform.acme, OF_CLIENT, "key", "of the client").await.expect(204);
    until("acme's alice goes on", async || state(&platform.acme, "alice").await == "enabled").await;
    assert_eq!(state(&platform.other, "alice").await, "awaiting-secrets");
    set(&platform.admin, OF_ALL, "key", "of the publisher").await.expect(204);
    until("the other alice goes on", async || state(&platform.other, "alice").await == "enabled").await;
    assert_eq!(signed(&platform.acme, "alice").await, hmac("of the client"));
    assert_eq!(signed(&platform.other, "alice").await, hmac("of the publisher"));
    set(&platform.acme, &of_user("alice"), "key", "of the user").await.expect(204);
    assert_eq!(signed(&platform.acme, "alice").await, hmac("of the user"));
    assert_eq!(signed(&platform.other, "alice").await, hmac("of the publisher"), "two clients' alice are two users");
    // Somebody new waits for nothing.
    platform.acme.enable_well("bob", ADDON, &json!({})).await;
    assert_eq!(signed(&platform.acme, "bob").await, hmac("of the client"));
    for (caller, path, expected) in [
        (&platform.acme, of_user("alice").as_str(), json!("user")),
        (&platform.acme, of_user("bob").as_str(), json!("client")),
        (&platform.acme, OF_CLIENT, json!("client")),
        (&platform.other, OF_CLIENT, json!("publisher")),
        (&platform.admin, OF_ALL, json!("publisher")),
    ] {
        assert_eq!(listed(caller, path).await[0]["setBy"], expected, "{path}");
    }
    // What is removed uncovers what lies below; twice is once.
    for _ in 0..2 {
        platform.acme.delete(&format!("{}/key", of_user("alice"))).await.expect(204);
    }
    assert_eq!(signed(&platform.acme, "alice").await, hmac("of the client"));
    platform.acme.delete(&format!("{OF_CLIENT}/key")).await.expect(204);
    assert_eq!(signed(&platform.acme, "alice").await, hmac("of the publisher"));
    platform.admin.delete(&format!("{OF_ALL}/key")).await.expect(204);
    let failed = platform.acme.call("alice", ADDON, "sign", &json!({})).await;
    assert_eq!(failed["error"]["code"], "SECRET_MISSING", "{failed}");
    assert_eq!(failed["error"]["details"], json!({ "secrets": ["key"] }));
    let message = failed["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(&format!("PUT /users/alice/addons/{ADDON}/secrets/key")), "{message}");
    platform.end().await;
}

#[tokio::test]
async fn what_is_no_secret_is_refused_without_being_repeated() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(ADDON)).await;
    let path = of_user("alice");
    let missing = set(&platform.acme, &path, "key", "hush hush").await.expect(404);
    assert_eq!(missing.json()["code"], "ADDON_NOT_FOUND", "the user never had it");
    platform.acme.enable("alice", ADDON, &json!({})).await.expect(200);
    for name in ["nothing", "KEY", "key%2Fmore", "..%2Fkey"] {
        let answer = set(&platform.acme, &path, name, "hush hush").await.expect(404).json();
        assert_eq!(answer["code"], "NOT_FOUND", "{answer}");
        platform.acme.delete(&format!("{path}/{name}")).await.expect(404);
        set(&platform.acme, OF_CLIENT, name, "hush hush").await.expect(404);
        set(&platform.admin, OF_ALL, name, "hush hush").await.expect(404);
    }
    let large = "h".repeat(16 * 1024 + 1);
    for (body, pointer) in [
        (json!({}), "/value"),
        (json!({ "value": "" }), "/value"),
        (json!({ "value": 7 }), "/value"),
        (json!({ "value": large }), "/value"),
        (json!({ "value": "hush hush", "encoding": "base64" }), "/value"),
        (json!({ "value": "hush hush", "encoding": "rot13" }), "/encoding"),
        (json!({ "value": "hush hush", "name": "key" }), "/name"),
    ] {
        let request = platform.acme.request(Method::PUT, &format!("{path}/key")).json(&body);
        let answer = platform.acme.send(request).await.expect(422).json();
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{answer}");
        assert!(!answer.to_string().contains("hush"), "{answer}");
    }
    let body = json!({ "value": "AAEC/w==", "encoding": "base64" });
    let request = platform.acme.request(Method::PUT, &format!("{path}/key")).json(&body);
    platform.acme.send(request).await.expect(204);
    platform.end().await;
}

#[tokio::test]
async fn nobody_else_sees_or_sets_a_users_secrets() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(ADDON)).await;
    platform.acme.enable("alice", ADDON, &json!({})).await.expect(200);
    set(&platform.acme, &of_user("alice"), "key", "the value itself").await.expect(204);
    platform.other.get(&of_user("alice")).await.expect(404);
    set(&platform.other, &of_user("alice"), "key", "another value").await.expect(404);
    platform.other.delete(&format!("{}/key", of_user("alice"))).await.expect(404);
    assert_eq!(listed(&platform.other, OF_CLIENT).await[0]["set"], false);
    for caller in [&platform.acme, &platform.publisher] {
        caller.get(OF_ALL).await.expect(403);
        set(caller, OF_ALL, "key", "another value").await.expect(403);
    }
    set(&platform.publisher, OF_CLIENT, "key", "another value").await.expect(403);
    set(&platform.app.stranger(), &of_user("alice"), "key", "another value").await.expect(401);
    until("it is enabled", async || state(&platform.acme, "alice").await == "enabled").await;
    assert_eq!(signed(&platform.acme, "alice").await, hmac("the value itself"));
    platform.end().await;
}

#[tokio::test]
async fn an_upgrade_that_needs_a_secret_waits_while_the_version_before_serves() {
    let platform = Platform::start().await;
    let mut before = manifest();
    for capability in before["capabilities"].as_array_mut().expect("capabilities") {
        for secret in secrets_of(capability) {
            secret["required"] = json!(false);
        }
    }
    platform.admin.publish_well(with_manifest(&before)).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    let mut after = manifest();
    after["version"] = json!("0.2.0");
    platform.admin.publish_well(with_manifest(&after)).await;
    let job = platform.acme.enable("alice", ADDON, &json!({ "version": "0.2.0" })).await.expect(200).json();
    assert_eq!((&job["result"]["state"], &job["result"]["version"]), (&json!("awaiting-secrets"), &json!("0.2.0")));
    let seen = platform.acme.enablement("alice", ADDON).await.expect(200).json();
    assert_eq!((&seen["state"], &seen["version"]), (&json!("enabled"), &json!("0.1.0")), "{seen}");
    let candidate = &seen["candidate"];
    assert_eq!((&candidate["state"], &candidate["missingSecrets"]), (&json!("awaiting-secrets"), &json!(["key"])));
    let unset = platform.acme.call("alice", ADDON, "sign", &json!({})).await;
    assert_eq!(unset["error"]["addonCode"], "secret-missing", "the version before goes on: {unset}");
    set(&platform.acme, &of_user("alice"), "key", "the value itself").await.expect(204);
    let version = async || platform.acme.enablement("alice", ADDON).await.expect(200).json()["version"].clone();
    until("it goes on to 0.2.0", async || version().await == "0.2.0").await;
    assert_eq!(signed(&platform.acme, "alice").await, hmac("the value itself"));
    platform.end().await;
}

#[tokio::test]
async fn an_export_names_secrets_and_an_erasure_takes_them() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(ADDON)).await;
    platform.acme.enable("alice", ADDON, &json!({})).await.expect(200);
    set(&platform.acme, &of_user("alice"), "key", "the value itself").await.expect(204);
    until("it is enabled", async || state(&platform.acme, "alice").await == "enabled").await;
    let data = platform.acme.get(&format!("/api/v1/users/alice/addons/{ADDON}/data")).await.expect(200);
    assert_eq!(data.json()["secrets"], json!(["key"]));
    assert!(!String::from_utf8_lossy(&data.bytes).contains("value itself"));
    // Switched off and on again it still has them; erased it does not.
    platform.acme.disable("alice", ADDON, false).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    platform.acme.disable("alice", ADDON, true).await;
    platform.acme.get(&of_user("alice")).await.expect(404);
    assert_eq!(platform.app.redis.hashes_with("secrets:*", "key").await, 0);
    let job = platform.acme.enable("alice", ADDON, &json!({})).await.expect(200).json();
    assert_eq!(job["result"]["state"], "awaiting-secrets", "{job}");
    platform.end().await;
}
