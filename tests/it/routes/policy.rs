//! The policy as an admin sees and changes it.

use reqwest::Method;
use semantest::store::keys::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Answer, Http};

const POLICY: &str = "/api/v1/admin/policy";

async fn put(admin: &Http, tag: &str, body: &Value) -> Answer {
    admin.send(admin.request(Method::PUT, POLICY).header("if-match", tag).json(body)).await
}

#[tokio::test]
async fn the_policy_begins_with_the_settings() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let answer = admin.get(POLICY).await.expect(200);
    assert_eq!(answer.header("etag"), "\"0\"");
    let expected = json!({
        "revision": 0, "source": "settings", "approval": "manual", "signatures": "warn", "namespaces": {},
        "ceilings": {
            "kv": { "allowed": true, "maxBytes": 67_108_864 }, "kv-shared": { "allowed": true, "maxBytes": 67_108_864 },
        },
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn two_admins_do_not_overwrite_each_other() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let first = json!({
        "approval": "auto", "ceilings": { "secrets-reveal": { "allowed": false } },
        "namespaces": { "acme": { "approval": "manual", "ceilings": { "http": { "hosts": ["https://*"] } } } },
    });
    let without = admin.put(POLICY, &first).await.expect_problem(412, "PRECONDITION_FAILED").json();
    assert!(without["detail"].as_str().is_some_and(|text| text.contains("If-Match")), "{without}");
    put(&admin, "nonsense", &first).await.expect_problem(412, "PRECONDITION_FAILED");
    let stored = put(&admin, "\"0\"", &first).await.expect(200);
    assert_eq!(stored.header("etag"), "\"1\"");
    let mut seen = admin.get(POLICY).await.expect(200).json();
    assert!(seen["updatedAt"].is_string(), "{seen}");
    seen["updatedAt"].take();
    let acme = json!({ "approval": "manual", "ceilings": { "http": { "allowed": true, "hosts": ["https://*"] } } });
    let expected = json!({
        "revision": 1, "source": "stored", "updatedAt": null, "approval": "auto", "namespaces": { "acme": acme },
        "ceilings": { "secrets-reveal": { "allowed": false } },
    });
    assert_eq!(seen, expected);
    let second = json!({ "approval": "manual", "ceilings": {} });
    put(&admin, "\"0\"", &second).await.expect_problem(412, "PRECONDITION_FAILED");
    put(&admin, "\"1\"", &second).await.expect(200);
    put(&admin, "*", &first).await.expect(200);
    assert_eq!(admin.get(POLICY).await.expect(200).header("etag"), "\"3\"");
}

#[tokio::test]
async fn every_fault_of_a_policy_is_told() {
    let app = TestApp::api_only().await;
    let admin = app.caller("platform", &[KeyScope::Admin]).await;
    let wrong = json!({
        "approval": "sometimes",
        "ceilings": {
            "kv": { "maxBytes": -1, "hosts": ["https://a.example"] },
            "http": { "hosts": ["a.example"], "methods": [] },
            "telepathy": {},
        },
        "namespaces": { "Not A Name": {}, "acme": { "ceilings": { "events": { "emits": ["a b"] } }, "colour": "red" } },
    });
    let answer = put(&admin, "*", &wrong).await.expect_problem(422, "VALIDATION_ERROR");
    let expected = [
        "/approval",
        "/ceilings/http/hosts/0",
        "/ceilings/http/methods",
        "/ceilings/kv/hosts",
        "/ceilings/kv/maxBytes",
        "/ceilings/telepathy",
        "/namespaces/Not A Name",
        "/namespaces/acme/ceilings/events/emits/0",
        "/namespaces/acme/colour",
    ];
    assert_eq!(answer.pointers(), expected);
    put(&admin, "*", &json!({})).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(admin.get(POLICY).await.expect(200).header("etag"), "\"0\"");
}

#[tokio::test]
async fn only_an_admin_sees_the_policy() {
    let app = TestApp::api_only().await;
    for scope in [KeyScope::Client, KeyScope::Publisher] {
        app.caller("acme", &[scope]).await.get(POLICY).await.expect_problem(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_told_so() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    for (query, expected) in [
        ("", vec!["/capability"]),
        ("capability=telepathy", vec!["/capability"]),
        ("capability=kv&url=https://a.example&bytes=x", vec!["/bytes", "/url"]),
        ("capability=http&method=GET", vec!["/method"]),
        ("capability=http&url=ftp://a.example", vec!["/url"]),
        ("capability=http&url=https://a.example&method=get", vec!["/method"]),
        ("capability=secrets&url=https://a.example", vec!["/url"]),
        ("capability=jobs&colour=red", vec!["/colour"]),
    ] {
        let answer = client.get(&format!("/api/v1/users/alice/addons/acme.art/explain?{query}")).await;
        assert_eq!(answer.expect_problem(422, "VALIDATION_ERROR").pointers(), expected, "{query}");
    }
    let path = "/api/v1/users/alice/addons/acme.art/explain?capability=kv";
    client.get(path).await.expect_problem(404, "ADDON_NOT_FOUND");
}
