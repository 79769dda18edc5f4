//! Secrets over real guests: who sets them, who waits for them, where they may go, and where they are never seen.

mod api;
mod keys;
mod nowhere;
mod requests;

use bytes::Bytes;
use reqwest::Method;
use semantest::host::section;
use semantest::model::manifest::Manifest;
use serde_json::{Value, json};

use crate::support::components::built;
use crate::support::http::{Answer, Http};

/// The fixture that uses secrets in every way that there is.
const ADDON: &str = "semantest.fixture-secretive";

/// The fixture's manifest.
fn manifest() -> Value {
    let manifest = section::read(&built(ADDON)).expect("a manifest");
    serde_json::to_value(manifest).expect("JSON")
}

/// The fixture with another manifest.
fn with_manifest(manifest: &Value) -> Bytes {
    let manifest = Manifest::from_value(manifest.clone()).expect("a good manifest");
    section::embed(&built(ADDON), &manifest).expect("a packed component").into()
}

/// The fixture as it is bound to one server and may also speak to another.
fn bound_to(bound: &str, other: &str) -> Bytes {
    let mut manifest = manifest();
    for capability in manifest["capabilities"].as_array_mut().expect("capabilities") {
        if capability["kind"] == "http" {
            capability["hosts"] = json!([bound, other]);
        }
        for secret in secrets_of(capability) {
            secret["origins"] = json!([bound]);
        }
    }
    with_manifest(&manifest)
}

/// The secrets that a capability names.
fn secrets_of(capability: &mut Value) -> impl Iterator<Item = &mut Value> {
    capability.get_mut("secrets").and_then(Value::as_array_mut).into_iter().flatten()
}

/// Where the secrets of a user are.
fn of_user(user: &str) -> String {
    format!("/api/v1/users/{user}/addons/{ADDON}/secrets")
}

/// Sets a secret below `path`.
async fn set(caller: &Http, path: &str, name: &str, value: &str) -> Answer {
    let request = caller.request(Method::PUT, &format!("{path}/{name}"));
    caller.send(request.json(&json!({ "value": value }))).await
}
