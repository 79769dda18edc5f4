//! Where components come from: each source, and each way in which it can be wrong.

use std::sync::Arc;

use bytes::Bytes;
use semantest::config::ceilings::NamespaceSettings;
use semantest::model::digest::Digest;
use semantest::model::network::Network;
use semantest::model::units::{ByteSize, Span};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::host::guest::Guest;
use crate::net::peer::{Peer, Script, redirect};
use crate::support::components::{manifest, packed};
use crate::support::http::Http;
use crate::support::platform::Platform;
use crate::support::registry::{Door, Registry, Reply, manifest_of};
use crate::support::tenant::{failed_step, id_of, steps};
use crate::support::until;

const ADDONS: &str = "/api/v1/addons";

fn addon(version: &str) -> Bytes {
    let mut wish = manifest("acme.first");
    wish["version"] = json!(version);
    packed(&Guest::doing(""), &wish)
}

/// A component that is larger than `kib`.
fn padded(id: &str, kib: usize) -> Bytes {
    let mut bytes = packed(&Guest::doing(""), &manifest(id)).to_vec();
    let length = kib * 1024;
    bytes.push(0);
    // A custom section's length as five digits of seven bits, then a name of one letter.
    let mut left = length + 2;
    for last in [false, false, false, false, true] {
        let digit = u8::try_from(left & 0x7f).expect("seven bits");
        bytes.push(if last { digit } else { digit | 0x80 });
        left >>= 7;
    }
    bytes.extend_from_slice(&[1, b'x']);
    bytes.resize(bytes.len() + length, 7);
    bytes.into()
}

async fn published(caller: &Http, source: &Value) -> Value {
    caller.done(ADDONS, &json!({ "source": source })).await
}

fn failed(job: &Value) -> (String, String) {
    assert_eq!(job["status"], "failed", "{job}");
    failed_step(job)
}

fn said(step: &str, code: &str) -> (String, String) {
    (step.to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_tag_is_asked_once_and_the_version_keeps_its_digest_when_the_tag_moves() {
    let platform = Platform::start().await;
    let registry = Registry::start().await;
    let first = addon("1.0.0");
    let found = registry.hold("acme/first", "stable", &first);
    let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:stable") })).await;
    assert_eq!(job["status"], "completed", "{job}");
    let all = ["resolve", "fetch", "digest", "manifest", "inspect", "register"];
    assert!(all.iter().all(|name| steps(&job).get(*name).is_some_and(|state| state == "completed")), "{job}");
    assert_eq!(job["steps"][0]["detail"]["manifest"], found.to_string(), "{job}");
    registry.hold("acme/first", "stable", &addon("2.0.0"));
    let before = registry.seen().len();
    platform.acme.enable_well("ada", "acme.first", &json!({})).await;
    let enablement = platform.acme.enablement("ada", "acme.first").await.expect(200).json();
    assert_eq!(enablement["digest"], Digest::of(&first).to_string(), "{enablement}");
    assert_eq!(registry.seen().len(), before, "no registry is asked at run time");
    let place = registry.place("acme/first:stable").replace("oci://", "oci ");
    assert_eq!(job["steps"][1]["detail"]["source"], format!("{place}@{found}"), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_digest_names_the_manifest_or_the_component_and_both_are_held_to() {
    let platform = Platform::start().await;
    let registry = Registry::start().await;
    let bytes = addon("1.0.0");
    let found = registry.hold("acme/first", "1.0.0", &bytes);
    let wrong = json!({ "source": { "oci": registry.place("acme/first:1.0.0") }, "digest": Digest::of(b"x") });
    let job = platform.publisher.done(ADDONS, &wrong).await;
    assert_eq!(failed(&job), said("resolve", "DIGEST_MISMATCH"), "{job}");
    assert_eq!(registry.fetches(&bytes), 0);
    let place = registry.place(&format!("acme/first@{found}"));
    let right = json!({ "source": { "oci": place }, "digest": Digest::of(&bytes) });
    let job = platform.publisher.done(ADDONS, &right).await;
    assert_eq!(job["status"], "completed", "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_registry_that_lies_about_digests_publishes_nothing() {
    let platform = Platform::start().await;
    let registry = Registry::start().await;
    let (bytes, other) = (addon("1.0.0"), addon("2.0.0"));
    let found = registry.hold("acme/first", "1.0.0", &bytes);
    let source = json!({ "oci": registry.place("acme/first:1.0.0") });
    let layer = format!("/v2/acme/first/blobs/{}", Digest::of(&bytes));
    // Other bytes of the same length under the layer's name, and the header says that all is well.
    assert_eq!(bytes.len(), other.len());
    registry.put(&layer, Reply::Bytes("application/wasm", other, Digest::of(&bytes)));
    let job = published(&platform.publisher, &source).await;
    assert_eq!(failed(&job), said("fetch", "DIGEST_MISMATCH"), "{job}");
    // More bytes than the manifest says.
    registry.put(&layer, Reply::Bytes("application/wasm", vec![0; bytes.len() + 1].into(), Digest::of(&bytes)));
    let job = published(&platform.publisher, &source).await;
    assert_eq!(failed(&job), said("fetch", "ADDON_FETCH_FAILED"), "{job}");
    // Another manifest than the one that was asked for, and one that the registry itself calls differently.
    let text = Bytes::from(manifest_of(&json!([])).to_string());
    let (kind, own) = ("application/vnd.oci.image.manifest.v1+json", Digest::of(&text));
    for (version, announced) in [(found.to_string(), own), (String::from("1.0.0"), found)] {
        registry.put(&format!("/v2/acme/first/manifests/{version}"), Reply::Bytes(kind, text.clone(), announced));
        let separator = if version.starts_with("sha256") { '@' } else { ':' };
        let source = json!({ "oci": registry.place(&format!("acme/first{separator}{version}")) });
        let job = published(&platform.publisher, &source).await;
        assert_eq!(failed(&job), said("resolve", "DIGEST_MISMATCH"), "{job}");
    }
    assert_eq!(platform.components().len(), 0);
    platform.end().await;
}

#[tokio::test]
async fn what_is_no_component_is_refused_by_its_manifest() {
    let platform = Platform::start().await;
    let registry = Registry::start().await;
    let tar = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": Digest::of(b"x"), "size": 1,
    });
    registry.hold_manifest("acme/first", "1.0.0", &manifest_of(&json!([tar])));
    let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:1.0.0") })).await;
    assert_eq!(failed(&job), said("resolve", "NOT_A_COMPONENT"), "{job}");
    let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:2.0.0") })).await;
    assert_eq!(failed(&job), said("resolve", "ADDON_FETCH_FAILED"), "{job}");
    for place in ["acme/first:1.0.0", "ghcr.io/acme/first", "ftp://a.example/first:1"] {
        let body = json!({ "source": { "oci": place } });
        let answer = platform.publisher.post(ADDONS, &body).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(answer.pointers(), ["/source/oci"], "{place}");
    }
    platform.end().await;
}

#[tokio::test]
async fn registries_are_signed_in_to_as_they_ask() {
    // `robot:secret`
    const BASIC: &str = "Basic cm9ib3Q6c2VjcmV0";
    let bytes = addon("1.0.0");
    for (door, login, outcome) in [
        (Door::Bearer(None), json!({}), "completed"),
        (Door::Bearer(Some(BASIC)), json!({ "username": "robot", "password": "secret" }), "completed"),
        (Door::Bearer(Some(BASIC)), json!({ "username": "robot", "password": "wrong" }), "failed"),
        (Door::Basic(BASIC), json!({ "username": "robot", "password": "secret" }), "completed"),
        (Door::Basic(BASIC), json!({}), "failed"),
        (Door::Basic("Bearer given"), json!({ "token": "given" }), "completed"),
    ] {
        let registry = Registry::behind(door).await;
        registry.hold("acme/first", "1.0.0", &bytes);
        let name = registry.place("").replace("oci://", "").replace('/', "");
        let settings = serde_json::from_value(login.clone()).expect("settings");
        let platform = Platform::with(|config| {
            config.addons.registries.insert(name, settings);
        })
        .await;
        let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:1.0.0") })).await;
        assert_eq!(job["status"], outcome, "{login}: {job}");
        assert!(!job.to_string().contains("secret") && !job.to_string().contains("let-me-in"), "{job}");
        platform.end().await;
    }
}

#[tokio::test]
async fn a_registry_without_tls_is_asked_only_where_an_operator_listed_it() {
    let registry = Registry::start().await;
    registry.hold("acme/first", "1.0.0", &addon("1.0.0"));
    let name = registry.place("").replace("oci://", "").replace('/', "");
    let body = json!({ "source": { "oci": registry.place("acme/first:1.0.0") } });
    let closed = Platform::with_mode(false, |_| {}).await;
    closed.publisher.post(ADDONS, &body).await.expect_problem(422, "VALIDATION_ERROR");
    closed.end().await;
    let listed = Platform::with_mode(false, |config| {
        config.egress.sources.allow = vec![Network::v4([127, 0, 0, 1], 32)];
        config.addons.registries.entry(name).or_default().plain_http = true;
    })
    .await;
    let job = listed.publisher.done(ADDONS, &body).await;
    assert_eq!(job["status"], "completed", "{job}");
    listed.end().await;
}

#[tokio::test]
async fn a_source_that_leads_to_a_private_address_is_not_followed() {
    let platform = Platform::with_mode(false, |config| {
        config.egress.sources.allow = vec![Network::v4([127, 0, 0, 1], 32)];
    })
    .await;
    let secret = Peer::start_on([127, 0, 0, 2].into(), vec![Script::Reset]).await.expect("a free port");
    let inside = secret.url("/secret").expect("an address").to_string();
    for target in [inside.as_str(), "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/"] {
        let peer = Peer::start(vec![redirect(302, target)]).await.expect("a free port");
        let url = peer.url("/addon.wasm").expect("an address").to_string();
        let body = json!({ "source": { "url": url }, "digest": Digest::of(b"x") });
        let job = platform.publisher.done(ADDONS, &body).await;
        assert_eq!(failed(&job), said("fetch", "ADDON_FETCH_FAILED"), "{job}");
        let text = job["error"]["message"].as_str().unwrap_or_default();
        assert!(text.ends_with(semantest::net::UNREACHABLE), "{text}");
    }
    assert_eq!(secret.connections(), 0);
    platform.end().await;
}

#[tokio::test]
async fn a_layer_may_lie_elsewhere_and_the_login_stays_at_home() {
    let bytes = addon("1.0.0");
    let registry = Registry::behind(Door::Bearer(None)).await;
    registry.hold("acme/first", "1.0.0", &bytes);
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).into_bytes();
    answer.extend_from_slice(&bytes);
    let store = Peer::start(vec![Script::Say(answer)]).await.expect("a free port");
    let elsewhere = store.url("/bucket").expect("an address").to_string();
    registry.put(&format!("/v2/acme/first/blobs/{}", Digest::of(&bytes)), Reply::Redirect(elsewhere));
    let platform = Platform::start().await;
    let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:1.0.0") })).await;
    assert_eq!(job["status"], "completed", "{job}");
    let seen = store.seen();
    assert_eq!(seen.first().map(|seen| seen.header("authorization")), Some(None));
    platform.end().await;
}

#[tokio::test]
async fn a_registry_that_says_nothing_is_given_up_after_the_settings_time() {
    let platform = Platform::with(|config| config.addons.fetch_timeout = Span::millis(200)).await;
    let registry = Registry::start().await;
    registry.put("/v2/acme/first/manifests/1.0.0", Reply::Silence);
    let job = published(&platform.publisher, &json!({ "oci": registry.place("acme/first:1.0.0") })).await;
    assert_eq!(failed(&job), said("resolve", "ADDON_FETCH_FAILED"), "{job}");
    assert_eq!(job["error"]["retryable"], true, "{job}");
    assert!(registry.seen().len() > 1, "it was tried again: {:?}", registry.seen());
    platform.end().await;
}

#[tokio::test]
async fn the_same_bytes_are_fetched_once_for_everybody_who_waits() {
    let platform = Platform::start().await;
    let registry = Registry::start().await;
    let bytes = addon("1.0.0");
    registry.hold("acme/first", "1.0.0", &bytes);
    let gate = Arc::new(Semaphore::new(0));
    let layer = format!("/v2/acme/first/blobs/{}", Digest::of(&bytes));
    registry.put(&layer, Reply::Gated(Arc::clone(&gate), bytes.clone()));
    let body = json!({ "source": { "oci": registry.place("acme/first:1.0.0") } });
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(id_of(&platform.publisher.post(ADDONS, &body).await.expect(202).json()));
    }
    until("every job asked what the tag stands for", async || {
        registry.seen().iter().filter(|line| line.contains("/manifests/")).count() == jobs.len()
    })
    .await;
    gate.add_permits(1);
    for job in &jobs {
        platform.publisher.reaches(job, "completed").await;
    }
    assert_eq!(registry.fetches(&bytes), 1);
    platform.end().await;
}

#[tokio::test]
async fn a_fetch_that_its_worker_did_not_live_to_end_is_done_by_the_next_one() {
    let platform = Platform::with(|config| config.server.grace = Span::millis(50)).await;
    let registry = Registry::start().await;
    let bytes = addon("1.0.0");
    registry.hold("acme/first", "1.0.0", &bytes);
    let gate = Arc::new(Semaphore::new(0));
    let layer = format!("/v2/acme/first/blobs/{}", Digest::of(&bytes));
    registry.put(&layer, Reply::Gated(Arc::clone(&gate), bytes.clone()));
    let body = json!({ "source": { "oci": registry.place("acme/first:1.0.0") } });
    let job = id_of(&platform.publisher.post(ADDONS, &body).await.expect(202).json());
    until("the bytes were asked for", async || registry.fetches(&bytes) == 1).await;
    let blobs = platform.app.folder().join("blobs");
    let remains = platform.app.stop().await;
    gate.add_permits(8);
    let platform = Platform::after(remains).await;
    let maker = platform.publisher.clone();
    let ended = maker.reaches(&job, "completed").await;
    assert_eq!(ended["result"]["digest"], Digest::of(&bytes).to_string(), "{ended}");
    assert_eq!(platform.components().len(), 1);
    assert_eq!(std::fs::read_dir(blobs.join("staging")).map(Iterator::count).unwrap_or(0), 0);
    platform.end().await;
}

#[tokio::test]
async fn a_namespace_has_room_for_its_toolchain_and_no_component_can_ask_for_more() {
    let platform = Platform::with(|config| {
        config.addons.component_limit = ByteSize::kib(64);
        let snake = NamespaceSettings { component_limit: Some(ByteSize::kib(512)), ..NamespaceSettings::default() };
        config.addons.namespaces.insert(String::from("snake"), snake);
    })
    .await;
    let (large, roomy, huge) = (padded("acme.first", 100), padded("snake.first", 100), padded("snake.first", 600));
    platform.publisher.publish(large.clone()).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    platform.publisher.publish(huge.clone()).await.expect_problem(413, "PAYLOAD_TOO_LARGE");
    let registry = Registry::start().await;
    registry.hold("a/large", "1", &large);
    registry.hold("a/huge", "1", &huge);
    let job = published(&platform.publisher, &json!({ "oci": registry.place("a/huge:1") })).await;
    assert_eq!(failed(&job), said("fetch", "TOO_LARGE"), "{job}");
    assert_eq!(registry.fetches(&huge), 0, "the manifest says enough");
    let job = published(&platform.publisher, &json!({ "oci": registry.place("a/large:1") })).await;
    assert_eq!(failed(&job), said("inspect", "TOO_LARGE"), "{job}");
    platform.publisher.publish_well(roomy).await;
    platform.end().await;
}
