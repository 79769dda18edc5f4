//! A publisher at its desk: a key, a component, a signature.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::Method;
use semantest::host::section;
use semantest::model::contract::ContractRange;
use semantest::model::digest::Digest;
use semantest::model::signature::{SecretKey, SignedStatement, Statement};
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{manifest, packed};
use crate::support::http::Http;
use crate::support::platform::Platform;

/// A key of a test; another number is another key.
pub(super) fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32])
}

/// A good little addon whose action `run` ends at once.
pub(super) fn addon(id: &str, version: &str) -> Bytes {
    let mut wish = manifest(id);
    wish["version"] = json!(version);
    packed(&Guest::doing(""), &wish)
}

/// What a publisher says of a component, as `semantest addon sign` says it.
pub(super) fn statement(component: &Bytes, created: DateTime<Utc>) -> Statement {
    let manifest = section::read(component).expect("a manifest");
    Statement {
        addon: manifest.id.clone(),
        version: manifest.version.clone(),
        component: Digest::of(component),
        manifest: Digest::of(&section::contents(component).expect("a manifest's bytes")),
        publisher: manifest.id.publisher().to_owned(),
        created,
        contract: ContractRange::parse(">=1.0, <2").expect("a range"),
    }
}

/// The header's value for a component, signed now.
pub(super) fn signed(component: &Bytes, key: &SecretKey) -> String {
    SignedStatement::sign(statement(component, Utc::now()), key).to_string()
}

/// Registers a key for `acme`, and answers its id.
pub(super) async fn register(platform: &Platform, key: &SecretKey) -> String {
    let body = json!({"publicKey": key.public().to_string(), "note": "of a test"});
    let path = "/api/v1/admin/publishers/acme/keys";
    let registered = platform.admin.post(path, &body).await.expect(201).json();
    registered["keyId"].as_str().expect("a key id").to_owned()
}

/// Decides how strictly signatures are asked for; everything else is as tests have it.
pub(super) async fn decide(admin: &Http, signatures: Value) -> Value {
    let mut policy = signatures;
    policy["approval"] = json!("auto");
    policy["ceilings"] = json!({});
    let request = admin.request(Method::PUT, "/api/v1/admin/policy").header("if-match", "*");
    admin.send(request.json(&policy)).await.expect(200).json()
}

/// Uploads a component with a signature and answers the job when it is over.
pub(super) async fn publish_signed(caller: &Http, component: &Bytes, signature: &str) -> Value {
    let request = caller.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm");
    let request = request.header("semantest-signature", signature).header("prefer", "wait=15");
    caller.send(request.body(component.clone())).await.expect(200).json()
}

/// The step of a job called `name`.
pub(super) fn step(job: &Value, name: &str) -> Value {
    let mut steps = job["steps"].as_array().into_iter().flatten();
    steps.rfind(|step| step["name"] == name).cloned().unwrap_or(Value::Null)
}
