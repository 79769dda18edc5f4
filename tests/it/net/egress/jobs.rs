//! Requests through the whole platform: the three keys, what the job says, and what an admin changes meanwhile.

use semantest::config::egress::EgressSection;
use semantest::host::section;
use semantest::model::manifest::Manifest;
use semantest::model::network::Network;
use serde_json::{Value, json};

use super::ADDON;
use super::server::Server;
use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::tenant::id_of;

const IN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nin";

/// A platform whose operator lets addons reach the loopback network.
async fn open_platform() -> Platform {
    Platform::with(|config| {
        let allow = vec![Network::v4([127, 0, 0, 0], 8)];
        config.egress.guests = EgressSection { allow, ..EgressSection::default() };
    })
    .await
}

/// The fixture, asking for other hosts than its own manifest does.
fn asking(hosts: &Value) -> bytes::Bytes {
    let component = built(ADDON);
    let manifest = section::read(&component).and_then(|manifest| Ok(manifest.to_json()?)).expect("a manifest");
    let mut manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    manifest["capabilities"][0]["hosts"] = hosts.clone();
    let manifest = Manifest::from_value(manifest).expect("a good manifest");
    section::embed(&component, &manifest).expect("a packed component").into()
}

async fn fetch(platform: &Platform, url: &str, method: &str) -> Value {
    platform.acme.call("alice", ADDON, "fetch", &json!({ "url": url, "method": method })).await
}

#[tokio::test]
async fn the_key_that_denies_a_request_is_on_the_job_and_in_its_log() {
    let platform = open_platform().await;
    let (server, other) = (Server::saying(IN).await.expect("a server"), Server::saying(IN).await.expect("a server"));
    let (here, there) = (server.url("/v1/x").to_string(), other.url("/v1/x").to_string());
    let (place, other_place) = (super::place(&server.url("/")), super::place(&other.url("/")));
    platform.admin.publish_well(asking(&json!([place, "http://127.0.0.1:1"]))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    let done = fetch(&platform, &here, "GET").await;
    assert_eq!((&done["status"], &done["result"]["value"]["body"]), (&json!("completed"), &json!("in")), "{done}");

    let methods = json!({ "http": { "methods": ["GET"] } });
    let prefix = json!({ "http": { "pathPrefix": "/v2" } });
    let elsewhere = json!([{ "kind": "http", "hosts": ["http://127.0.0.1:1"] }]);
    for (what, ceilings, grants, url, method, key) in [
        ("another server", json!({}), json!("requested"), &there, "GET", "manifest"),
        ("another method", methods, json!("requested"), &here, "POST", "ceiling"),
        ("another path", prefix, json!("requested"), &here, "GET", "ceiling"),
        ("a narrower grant", json!({}), elsewhere, &here, "GET", "grant"),
    ] {
        platform.admin.bound(&ceilings, &json!({})).await;
        platform.acme.change("alice", ADDON, &json!({ "grants": grants })).await.expect(200);
        let before = server.heads().len();
        let failed = fetch(&platform, url, method).await;
        assert_eq!(failed["error"]["code"], "EGRESS_DENIED", "{what}: {failed}");
        assert_eq!(failed["error"]["addonCode"], "http-denied", "{what}: the guest heard it too: {failed}");
        assert_eq!(failed["error"]["retryable"], false, "{what}: {failed}");
        let details = &failed["error"]["details"];
        assert_eq!((&details["capability"], &details["key"]), (&json!("http"), &json!(key)), "{what}: {failed}");
        let rule = details["rule"].as_str().unwrap_or_default();
        let log = platform.acme.log(&id_of(&failed)).await;
        assert!(log.contains("http: may not send") && log.contains(&format!("key={key} rule={rule}")), "{what}: {log}");
        let query = format!("capability=http&url={url}&method={method}");
        let explained = platform.acme.explain("alice", ADDON, &query).await;
        assert_eq!(
            (&explained["allowed"], &explained["deniedBy"]),
            (&json!(false), &json!(key)),
            "{what}: {explained}"
        );
        assert_eq!(server.heads().len(), before, "{what}: nothing was sent");
    }
    assert_eq!(other.connections(), 0, "{other_place} was never asked");
    platform.end().await;
}

#[tokio::test]
async fn a_guest_that_breaks_over_a_refusal_fails_for_the_refusal() {
    let platform = open_platform().await;
    let server = Server::saying(IN).await.expect("a server");
    platform.admin.publish_well(asking(&json!([super::place(&server.url("/")), "https://10.0.0.1"]))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    let failed = platform.acme.call("alice", ADDON, "panic", &json!({ "url": "https://10.0.0.1/" })).await;
    assert_eq!(failed["error"]["code"], "EGRESS_DENIED", "{failed}");
    let expected =
        json!({ "capability": "http", "key": "platform", "rule": "the address 10.0.0.1 is not allowed: private" });
    assert_eq!(failed["error"]["details"], expected);
    // Whoever copes with a refusal has not failed because of it.
    let urls = json!(["https://10.0.0.1/", server.url("/")]);
    let coped = platform.acme.call("alice", ADDON, "try-all", &json!({ "urls": urls })).await;
    assert_eq!(coped["status"], "completed", "{coped}");
    platform.end().await;
}

#[tokio::test]
async fn without_the_operators_word_no_addon_reaches_the_inside() {
    let platform = Platform::with_mode(false, |_| {}).await;
    let server = Server::saying(IN).await.expect("a server");
    platform.admin.publish_well(asking(&json!([super::place(&server.url("/"))]))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    let failed = fetch(&platform, server.url("/").as_str(), "GET").await;
    assert_eq!(failed["error"]["code"], "EGRESS_DENIED", "{failed}");
    assert_eq!(server.connections(), 0);
    platform.end().await;
}
