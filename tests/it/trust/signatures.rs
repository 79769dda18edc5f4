//! Signatures: which are believed, at publish and again at every load, and what the policy makes of the others.

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use semantest::config::signatures::SignatureMode;
use semantest::model::signature::{SignedStatement, Statement};
use serde_json::{Value, json};

use super::signing::{addon, decide, key, publish_signed, register, signed, statement, step};
use crate::support::platform::Platform;
use crate::support::tenant::failed_step;

async fn strict() -> Platform {
    Platform::with(|config| config.addons.signatures = SignatureMode::Require).await
}

fn refused(job: &Value, code: &str, reason: &str) {
    assert_eq!(failed_step(job), (String::from("signature"), code.to_owned()), "{job}");
    assert_eq!(job["error"]["details"]["reason"].as_str().unwrap_or_default(), reason, "{job}");
}

#[tokio::test]
async fn a_signed_version_is_published_and_loaded_with_its_key_as_evidence() {
    let platform = strict().await;
    let id = register(&platform, &key(1)).await;
    let component = addon("acme.signed", "1.0.0");
    let job = publish_signed(&platform.publisher, &component, &signed(&component, &key(1))).await;
    assert_eq!(job["status"], "completed", "{job}");
    let load = platform.acme.enable("alice", "acme.signed", &json!({})).await.expect(200).json();
    for job in [&job, &load] {
        let detail = &step(job, "signature")["detail"];
        assert_eq!((&detail["state"], &detail["mode"]), (&json!("verified"), &json!("require")), "{job}");
        assert_eq!((&detail["keyId"], &detail["keyState"]), (&json!(id), &json!("active")), "{job}");
    }
    let shown = platform.acme.get("/api/v1/addons/acme.signed/versions/1.0.0").await.expect(200).json();
    assert_eq!((&shown["signature"], &shown["signingKey"]), (&json!("verified"), &json!(id)), "{shown}");
    platform.end().await;
}

#[tokio::test]
async fn no_signature_a_wrong_key_and_a_replay_are_refused_by_name() {
    let platform = strict().await;
    register(&platform, &key(1)).await;
    let component = addon("acme.signed", "1.0.0");
    let missing = platform.publisher.publish(component.clone()).await.expect(200).json();
    refused(&missing, "SIGNATURE_MISSING", "");
    let said = statement(&component, Utc::now());
    let sign = |statement: Statement| SignedStatement::sign(statement, &key(1)).to_string();
    let renamed =
        Statement { addon: semantest::model::id::AddonId::parse("acme.other").expect("an id"), ..said.clone() };
    let renumbered = Statement { version: semver::Version::new(2, 0, 0), ..said.clone() };
    let widened = Statement {
        contract: semantest::model::contract::ContractRange::parse(">=1.0, <3").expect("a range"),
        ..said.clone()
    };
    let foreign = Statement { publisher: String::from("other"), ..said.clone() };
    let early = Statement { created: Utc::now() + TimeDelta::hours(1), ..said };
    for (signature, reason) in [
        (signed(&component, &key(2)), "unknown-key"),
        (signed(&addon("acme.signed", "1.0.1"), &key(1)), "other-subject"),
        (signed(&addon("acme.other", "1.0.0"), &key(1)), "other-subject"),
        (sign(renamed), "other-subject"),
        (sign(renumbered), "other-subject"),
        (sign(foreign), "other-subject"),
        (sign(early), "from-the-future"),
    ] {
        refused(&publish_signed(&platform.publisher, &component, &signature).await, "SIGNATURE_INVALID", reason);
    }
    // Whoever changes a byte of the signature has none.
    let mut forged = signed(&component, &key(1));
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    refused(&publish_signed(&platform.publisher, &component, &forged).await, "SIGNATURE_INVALID", "forged");
    // The contract range is known only when the component was read.
    let job = publish_signed(&platform.publisher, &component, &sign(widened)).await;
    assert_eq!(failed_step(&job), (String::from("inspect"), String::from("SIGNATURE_INVALID")), "{job}");
    platform.acme.get("/api/v1/addons/acme.signed").await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn what_is_no_signature_is_a_fault_of_the_request() {
    let platform = strict().await;
    let component = addon("acme.signed", "1.0.0");
    let request = platform.publisher.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
    let answer = platform.publisher.send(request.header("semantest-signature", "v1.x").body(component)).await;
    answer.expect_problem(422, "VALIDATION_ERROR");
    platform.end().await;
}

#[tokio::test]
async fn a_retired_key_vouches_for_what_it_signed_before_and_for_nothing_after() {
    let platform = strict().await;
    let id = register(&platform, &key(1)).await;
    let (before, after) = (addon("acme.before", "1.0.0"), addon("acme.after", "1.0.0"));
    let early = SignedStatement::sign(statement(&before, Utc::now() - TimeDelta::hours(1)), &key(1)).to_string();
    let path = format!("/api/v1/admin/publishers/acme/keys/{id}/retire");
    let retired = platform.admin.post(&path, &json!({})).await.expect(200).json();
    assert_eq!(retired["state"], "retired", "{retired}");
    let job = publish_signed(&platform.publisher, &before, &early).await;
    assert_eq!(job["status"], "completed", "{job}");
    let late = SignedStatement::sign(statement(&after, Utc::now() + TimeDelta::seconds(2)), &key(1)).to_string();
    refused(&publish_signed(&platform.publisher, &after, &late).await, "SIGNATURE_INVALID", "key-retired");
    platform.end().await;
}

#[tokio::test]
async fn the_policy_decides_for_the_platform_and_for_single_namespaces_and_is_met_at_the_next_load() {
    let platform = strict().await;
    let component = addon("acme.plain", "1.0.0");
    let wrong = signed(&component, &key(9));
    for (mode, signature, state) in [
        ("warn", None, "unsigned"),
        ("off", None, "unsigned"),
        ("off", Some(&wrong), "not-checked"),
        ("warn", Some(&wrong), "invalid"),
    ] {
        decide(&platform.admin, json!({"namespaces": {"acme": {"signatures": mode}}})).await;
        let fresh = addon("acme.plain", &format!("1.0.0-{mode}-{state}"));
        let signature = signature.map(|_| signed(&fresh, &key(9)));
        let job = match signature {
            None => platform.publisher.publish(fresh).await.expect(200).json(),
            Some(signature) => publish_signed(&platform.publisher, &fresh, &signature).await,
        };
        assert_eq!(job["status"], "completed", "{mode}: {job}");
        let detail = &step(&job, "signature")["detail"];
        assert_eq!((&detail["state"], &detail["mode"]), (&json!(state), &json!(mode)), "{job}");
        let warned = detail["warning"].is_string();
        assert_eq!(warned, mode == "warn", "{job}");
    }
    platform.publisher.publish_well(component).await;
    platform.acme.enable_well("alice", "acme.plain", &json!({})).await;
    let policy = decide(&platform.admin, json!({})).await;
    assert_eq!(policy["signatures"], Value::Null, "what the settings say holds again: {policy}");
    let job = platform.acme.enable("bob", "acme.plain", &json!({})).await.expect(200).json();
    refused(&job, "SIGNATURE_MISSING", "");
    decide(&platform.admin, json!({"signatures": "off"})).await;
    platform.acme.enable_well("bob", "acme.plain", &json!({})).await;
    let bad =
        json!({"approval": "auto", "ceilings": {}, "signatures": "maybe", "namespaces": {"acme": {"signatures": 1}}});
    let request = platform.admin.request(Method::PUT, "/api/v1/admin/policy").header("if-match", "*");
    let answer = platform.admin.send(request.json(&bad)).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/namespaces/acme/signatures", "/signatures"]);
    platform.end().await;
}

#[tokio::test]
async fn an_unsigned_version_is_signed_afterwards_by_publishing_it_again() {
    let platform = Platform::start().await;
    register(&platform, &key(1)).await;
    let component = addon("acme.late", "1.0.0");
    platform.publisher.publish_well(component.clone()).await;
    decide(&platform.admin, json!({"signatures": "require"})).await;
    let job = platform.acme.enable("alice", "acme.late", &json!({})).await.expect(200).json();
    refused(&job, "SIGNATURE_MISSING", "");
    let signature = signed(&component, &key(1));
    let job = publish_signed(&platform.publisher, &component, &signature).await;
    assert_eq!(step(&job, "register")["detail"]["signature"], "replaced", "{job}");
    let again = publish_signed(&platform.publisher, &component, &signature).await;
    assert!(again["jobId"].is_null(), "nothing new makes no job: {again}");
    platform.acme.enable_well("alice", "acme.late", &json!({})).await;
    platform.end().await;
}

#[tokio::test]
async fn a_form_and_a_json_body_carry_the_signature_too() {
    let platform = Platform::with(|config| {
        config.addons.signatures = SignatureMode::Require;
        config.addons.path_roots = vec![std::env::temp_dir()];
    })
    .await;
    register(&platform, &key(1)).await;
    let component = addon("acme.form", "1.0.0");
    let head = "--form-of-a-test\r\nContent-Disposition: form-data; name=";
    let signature = signed(&component, &key(1));
    let mut form = format!("{head}\"signature\"\r\n\r\n{signature}\r\n{head}\"component\"\r\n\r\n").into_bytes();
    form.extend_from_slice(&component);
    form.extend_from_slice(b"\r\n--form-of-a-test--\r\n");
    let request = platform.publisher.request(Method::POST, "/api/v1/addons").header("prefer", "wait=15");
    let request = request.header("content-type", "multipart/form-data; boundary=form-of-a-test").body(form);
    let job = platform.publisher.send(request).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    let folder = tempfile::tempdir().expect("a folder");
    let (component, file) = (addon("acme.json", "1.0.0"), folder.path().join("addon.wasm"));
    std::fs::write(&file, &component).expect("a written file");
    let digest = semantest::model::digest::Digest::of(&component).to_string();
    let body = json!({"source": {"path": file}, "digest": digest, "signature": signed(&component, &key(1))});
    let job = platform.admin.done("/api/v1/addons", &body).await;
    assert_eq!(job["status"], "completed", "{job}");
    platform.end().await;
}

#[tokio::test]
async fn keys_are_listed_and_registered_once_and_a_weak_one_never() {
    let platform = strict().await;
    let id = register(&platform, &key(1)).await;
    assert_eq!(register(&platform, &key(1)).await, id);
    let path = "/api/v1/admin/publishers/acme/keys";
    let keys = platform.admin.get(path).await.expect(200).json();
    assert_eq!((keys["data"].as_array().map(Vec::len), &keys["data"][0]["state"]), (Some(1), &json!("active")));
    let all = platform.admin.get("/api/v1/admin/publishers").await.expect(200).json();
    assert_eq!((&all["data"][0]["publisher"], &all["data"][0]["signatures"]), (&json!("acme"), &json!("require")));
    // The identity: under it anybody can sign anything.
    let weak = json!({"publicKey": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="});
    platform.admin.post(path, &weak).await.expect_problem(422, "VALIDATION_ERROR");
    platform.publisher.post(path, &json!({"publicKey": "AA=="})).await.expect_problem(403, "FORBIDDEN");
    let unknown = format!("{path}/{}/retire", "0".repeat(32));
    platform.admin.post(&unknown, &json!({})).await.expect(404);
    platform.end().await;
}
