//! `semantest addon publish`, run as authors run it against a running platform and a registry.

use std::process::Output;

use bytes::Bytes;
use semantest::model::digest::Digest;
use semantest::store::keys::{KeyScope, NewKey};
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::app::new_key;
use crate::support::components::{manifest, packed};
use crate::support::platform::Platform;
use crate::support::program::Program;
use crate::support::registry::{Door, Registry};

struct Author {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    component: Bytes,
}

impl Author {
    /// An author of `acme` with a component in a file.
    async fn of(platform: &Platform) -> Self {
        let publisher = NewKey { namespaces: vec![String::from("acme")], ..new_key("maker", &[KeyScope::Publisher]) };
        let key = platform.app.key(&publisher).await;
        let folder = tempfile::tempdir().expect("a folder");
        let component = packed(&Guest::doing(""), &manifest("acme.first"));
        std::fs::write(folder.path().join("addon.wasm"), &component).expect("a written file");
        std::fs::write(folder.path().join("password"), "secret\n").expect("a written file");
        std::fs::write(folder.path().join("addon.sig"), "a signature\n").expect("a written file");
        let variables = vec![
            (String::from("SEMANTEST_SERVER"), platform.app.base().to_owned()),
            (String::from("SEMANTEST_KEY"), key),
        ];
        Self { folder, variables, component }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    async fn publishes(&self, words: &[&str]) -> Output {
        let mut all: Vec<String> = ["addon", "publish"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        all.push(String::from("--json"));
        let variables = self.variables.clone();
        let running = tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = all.iter().map(String::as_str).collect();
            Program::run(&words, &variables)
        });
        running.await.expect("the program runs")
    }

    async fn publishes_well(&self, words: &[&str]) -> Value {
        let output = self.publishes(words).await;
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn an_author_uploads_a_component_and_hears_how_it_went() {
    let platform = Platform::start().await;
    let author = Author::of(&platform).await;
    let job = author.publishes_well(&[&author.file("addon.wasm")]).await;
    assert_eq!((&job["status"], &job["result"]["addonId"]), (&json!("completed"), &json!("acme.first")), "{job}");
    let again = author.publishes_well(&[&author.file("addon.wasm")]).await;
    assert_eq!((&again["id"], &again["version"]), (&json!("acme.first"), &json!("1.0.0")), "{again}");
    let nonsense = author.publishes(&[&author.file("password")]).await;
    let job: Value = serde_json::from_slice(&nonsense.stdout).expect("the job");
    assert_eq!((nonsense.status.code(), &job["error"]["code"]), (Some(1), &json!("NOT_A_COMPONENT")), "{job}");
    let refused = author.publishes(&[&author.file("addon.wasm"), "--key", "sk_wrong"]).await;
    assert!(said(&refused).contains("refuses with 401"), "{}", said(&refused));
    assert!(said(&author.publishes(&[]).await).contains("name a FILE"));
    platform.end().await;
}

#[tokio::test]
async fn an_author_publishes_through_a_registry_by_what_was_pushed_and_not_by_its_tag() {
    let platform = Platform::start().await;
    let author = Author::of(&platform).await;
    let registry = Registry::start().await;
    let place = registry.place("acme/first:1.0.0");
    let job = author.publishes_well(&[&author.file("addon.wasm"), "--oci", &place]).await;
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(job["result"]["digest"], Digest::of(&author.component).to_string());
    let reference = job["steps"][0]["detail"]["reference"].as_str().unwrap_or_default();
    assert!(reference.contains("acme/first:1.0.0@sha256:"), "{job}");
    let uploads = || registry.seen().iter().filter(|line| line.starts_with("POST")).count();
    let before = uploads();
    let again = author.publishes_well(&["--oci", &place]).await;
    assert_eq!((&again["status"], uploads()), (&json!("completed"), before), "{again}");
    let missing = author.publishes(&["--oci", &registry.place("acme/first:9")]).await;
    let job: Value = serde_json::from_slice(&missing.stdout).expect("the job");
    assert_eq!(job["error"]["code"], "ADDON_FETCH_FAILED", "{job}");
    platform.end().await;
}

#[tokio::test]
async fn an_author_signs_in_to_a_registry_and_pushes_the_signature_as_a_second_layer() {
    // `robot:secret`
    let registry = Registry::behind(Door::Bearer(Some("Basic cm9ib3Q6c2VjcmV0"))).await;
    let platform = Platform::start().await;
    let author = Author::of(&platform).await;
    let place = registry.place("acme/first:1.0.0");
    let (component, signature) = (author.file("addon.wasm"), author.file("addon.sig"));
    let words = [component.as_str(), "--oci", &place, "--push-only", "--signature", &signature];
    let refused = author.publishes(&words).await;
    assert!(said(&refused).contains("the registry refuses us"), "{}", said(&refused));
    let password = author.file("password");
    let signed_in = [words.as_slice(), &["--username", "robot", "--password-file", &password]].concat();
    let pushed = author.publishes_well(&signed_in).await;
    assert_eq!(pushed["digest"], Digest::of(&author.component).to_string());
    let manifest = registry.shown("/v2/acme/first/manifests/1.0.0");
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
    let types: Vec<&str> =
        manifest["layers"].as_array().into_iter().flatten().filter_map(|layer| layer["mediaType"].as_str()).collect();
    assert_eq!(types, ["application/wasm", semantest::net::oci::SIGNATURE_MEDIA_TYPE], "{manifest}");
    let bytes = registry.shown(&format!("/v2/acme/first/blobs/{}", Digest::of(b"a signature\n")));
    assert_eq!(bytes, "a signature\n");
    platform.end().await;
}
