//! `publish`: a component comes into the registry, by upload or from an address.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Method;
use semantest::config::addons::ApprovalMode;
use semantest::host::section;
use semantest::model::digest::Digest;
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::net::peer::{Peer, Script};
use crate::support::components::{built, manifest, packed};
use crate::support::platform::Platform;
use crate::support::tenant::{failed_step, steps};
use crate::support::until;

const ADDONS: &str = "/api/v1/addons";

/// A good little addon; `version` makes other bytes of it.
fn addon(id: &str, version: &str) -> Bytes {
    let mut wish = manifest(id);
    wish["version"] = json!(version);
    packed(&Guest::doing(""), &wish)
}

/// A server that has these bytes.
async fn shop(bytes: &Bytes) -> Peer {
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len()).into_bytes();
    answer.extend_from_slice(bytes);
    Peer::start(vec![Script::Say(answer)]).await.expect("a free port")
}

#[tokio::test]
async fn a_version_is_published_once_and_never_changes() {
    let platform = Platform::start().await;
    let bytes = addon("acme.first", "1.0.0");
    let job = platform.publisher.publish(bytes.clone()).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    let all = ["fetch", "digest", "revocation", "signature", "manifest", "inspect", "register"];
    assert_eq!(steps(&job), all.iter().map(|name| ((*name).to_owned(), String::from("completed"))).collect());
    assert_eq!(job["result"]["digest"], Digest::of(&bytes).to_string());
    let again = platform.publisher.publish(bytes.clone()).await.expect(200).json();
    assert!(again["jobId"].is_null(), "the same bytes make no job: {again}");
    let mut other = manifest("acme.first");
    other["name"] = json!("Another name");
    let other = packed(&Guest::doing(""), &other);
    platform.publisher.publish(other).await.expect_problem(409, "VERSION_EXISTS");
    platform.publisher.publish_well(addon("acme.first", "1.1.0")).await;
    let shown = platform.acme.get("/api/v1/addons/acme.first").await.expect(200).json();
    assert_eq!((&shown["latest"]["version"], shown["versions"].as_array().map(Vec::len)), (&json!("1.1.0"), Some(2)));
    let component = platform.acme.get("/api/v1/addons/acme.first/versions/1.0.0/component").await.expect(200);
    assert_eq!(component.bytes, bytes);
    assert_eq!(platform.components().len(), 2, "{:?}", platform.components());
    platform.end().await;
}

#[tokio::test]
async fn nobody_publishes_under_the_name_of_another() {
    let platform = Platform::start().await;
    platform.publisher.publish(built("semantest.notes")).await.expect_problem(403, "FORBIDDEN");
    platform.acme.publish(addon("acme.first", "1.0.0")).await.expect_problem(403, "FORBIDDEN");
    platform.app.stranger().publish(addon("acme.first", "1.0.0")).await.expect_problem(401, "UNAUTHENTICATED");
    assert_eq!(platform.components(), Vec::<std::path::PathBuf>::new());
    platform.end().await;
}

async fn from_address(platform: &Platform, url: &str, digest: &Digest) -> Value {
    let body = json!({"source": {"url": url}, "digest": digest.to_string()});
    let request = platform.publisher.request(Method::POST, ADDONS).header("prefer", "wait=15").json(&body);
    platform.publisher.send(request).await.expect(200).json()
}

#[tokio::test]
async fn a_component_is_fetched_from_an_address_when_it_is_the_one_that_was_pinned() {
    let platform = Platform::start().await;
    let bytes = addon("acme.fetched", "1.0.0");
    let peer = shop(&bytes).await;
    let url = peer.url("/addon.wasm").expect("an address").to_string();
    let unpinned = json!({"source": {"url": url}});
    let answer = platform.publisher.post(ADDONS, &unpinned).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/digest"]);
    let wrong = from_address(&platform, &url, &Digest::of(b"something else")).await;
    assert_eq!(wrong["status"], "failed", "{wrong}");
    assert_eq!(failed_step(&wrong), (String::from("fetch"), String::from("DIGEST_MISMATCH")), "{wrong}");
    assert_eq!(platform.components().len(), 0, "nothing is left behind: {:?}", platform.components());
    let right = from_address(&platform, &url, &Digest::of(&bytes)).await;
    assert_eq!(
        (&right["status"], &right["result"]["addonId"]),
        (&json!("completed"), &json!("acme.fetched")),
        "{right}"
    );
    platform.end().await;
}

#[tokio::test]
async fn an_address_that_has_nothing_fails_the_fetch_and_one_that_has_too_much_too() {
    let platform =
        Platform::with(|config| config.addons.component_limit = semantest::model::units::ByteSize::kib(8)).await;
    let nothing = Peer::start(vec![crate::net::peer::answer(404, "", "")]).await.expect("a free port");
    let url = nothing.url("/addon.wasm").expect("an address").to_string();
    let job = from_address(&platform, &url, &Digest::of(b"x")).await;
    assert_eq!(failed_step(&job), (String::from("fetch"), String::from("ADDON_FETCH_FAILED")), "{job}");
    let large = Bytes::from(vec![0_u8; 100_000]);
    let peer = shop(&large).await;
    let url = peer.url("/addon.wasm").expect("an address").to_string();
    let job = from_address(&platform, &url, &Digest::of(&large)).await;
    assert_eq!(failed_step(&job), (String::from("fetch"), String::from("TOO_LARGE")), "{job}");
    assert_eq!(platform.components().len(), 0);
    platform.end().await;
}

#[tokio::test]
async fn only_an_admin_publishes_from_a_path_and_only_from_an_allowed_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().to_owned();
    let platform = Platform::with(|config| config.addons.path_roots = vec![root]).await;
    let bytes = addon("acme.local", "1.0.0");
    let file = folder.path().join("addon.wasm");
    std::fs::write(&file, &bytes).expect("a written file");
    let digest = Digest::of(&bytes).to_string();
    let body = json!({"source": {"path": file}, "digest": digest});
    platform.publisher.post(ADDONS, &body).await.expect_problem(403, "FORBIDDEN");
    let outside = json!({"source": {"path": "/etc/hostname"}, "digest": digest});
    let job = platform.admin.done(ADDONS, &outside).await;
    assert_eq!(failed_step(&job), (String::from("fetch"), String::from("ADDON_FETCH_FAILED")), "{job}");
    let job = platform.admin.done(ADDONS, &body).await;
    assert_eq!(job["status"], "completed", "{job}");
    assert!(section::read(&bytes).is_ok());
    platform.end().await;
}

/// Makes every stored component look older than it is.
fn age(platform: &Platform, hours: u64) {
    let time = SystemTime::now() - Duration::from_secs(hours * 3600);
    for file in platform.components() {
        std::fs::File::options()
            .append(true)
            .open(file)
            .and_then(|file| file.set_modified(time))
            .expect("an older file");
    }
}

#[tokio::test]
async fn bytes_of_a_publication_that_came_to_nothing_go_when_they_are_old_and_no_version_loses_its_own() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(addon("acme.first", "1.0.0")).await;
    let nonsense = Bytes::from_static(b"no WebAssembly");
    let job = platform.publisher.publish(nonsense.clone()).await.expect(200).json();
    assert_eq!(job["status"], "failed", "{job}");
    let addons = &platform.app.services.addons;
    age(&platform, 23);
    assert_eq!(addons.sweep_components(10).await, Ok(0), "another publication may be on its way to them");
    age(&platform, 25);
    platform.publisher.publish(nonsense).await.expect(200);
    assert_eq!(addons.sweep_components(10).await, Ok(0), "they were uploaded again just now");
    age(&platform, 25);
    // The platform's own upkeep may have been quicker, so what counts is what is left.
    assert!(addons.sweep_components(10).await.is_ok());
    assert_eq!(platform.components().len(), 1);
    platform.acme.get("/api/v1/addons/acme.first/versions/1.0.0/component").await.expect(200);
    platform.publisher.publish_well(addon("acme.first", "1.1.0")).await;
    platform.end().await;
}

#[tokio::test]
async fn a_version_whose_bytes_were_lost_gets_them_back_from_its_publisher() {
    let platform = Platform::start().await;
    let bytes = addon("acme.first", "1.0.0");
    platform.publisher.publish_well(bytes.clone()).await;
    for file in platform.components() {
        std::fs::remove_file(file).expect("a removed file");
    }
    let again = platform.publisher.publish(bytes.clone()).await.expect(200).json();
    assert!(again["jobId"].is_null(), "{again}");
    let component = platform.acme.get("/api/v1/addons/acme.first/versions/1.0.0/component").await.expect(200);
    assert_eq!(component.bytes, bytes);
    platform.end().await;
}

#[tokio::test]
async fn a_publication_is_either_cancelled_or_done_and_never_both() {
    let platform = Platform::start().await;
    for round in 0..16_u32 {
        let bytes = addon("acme.first", &format!("1.{round}.0"));
        let request = platform.publisher.request(Method::POST, ADDONS).header("content-type", "application/wasm");
        let job = platform.publisher.send(request.body(bytes)).await.expect(202).json()["jobId"].clone();
        let path = format!("/api/v1/jobs/{}", job.as_str().unwrap_or_default());
        let due = u64::from(round % 4) * 30;
        until("the job got so far", async || {
            let job = platform.publisher.get(&path).await.json();
            job["progress"].as_u64() >= Some(due) || job["status"] != "processing"
        })
        .await;
        let cancel = platform.publisher.post(&format!("{path}/cancel"), &json!({})).await.status.as_u16();
        let mut status = Value::Null;
        until("the job is over", async || {
            status = platform.publisher.get(&path).await.json()["status"].clone();
            status == "completed" || status == "cancelled"
        })
        .await;
        let version = format!("/api/v1/addons/acme.first/versions/1.{round}.0");
        let is_there = platform.publisher.get(&version).await.status.is_success();
        match (cancel, status.as_str(), is_there) {
            (200 | 202, Some("cancelled"), false) | (409, Some("completed"), true) => {}
            all => panic!("round {round}: {all:?}"),
        }
    }
    platform.end().await;
}

#[tokio::test]
async fn who_wants_a_version_that_waits_for_approval_hears_that_it_does() {
    let platform = Platform::with(|config| config.addons.approval = ApprovalMode::Manual).await;
    platform.publisher.publish_well(addon("acme.first", "1.2.0")).await;
    let answer = platform.acme.enable("alice", "acme.first", &json!({})).await.expect_problem(404, "ADDON_NOT_FOUND");
    let detail = answer.json()["detail"].clone();
    assert!(detail.as_str().is_some_and(|text| text.contains("1.2.0 would fit and waits for an admin")), "{detail}");
    let other = json!({"version": "^2"});
    let answer = platform.acme.enable("alice", "acme.first", &other).await.expect_problem(404, "ADDON_NOT_FOUND");
    assert!(!answer.json()["detail"].to_string().contains("waits"), "{}", answer.json());
    platform.end().await;
}
