//! Addon versions, enablements, artifacts and blobs.

use bytes::Bytes;
use chrono::TimeDelta;
use semantest::clock;
use semantest::config::storage::StorageSettings;
use semantest::model::contract::ContractRange;
use semantest::model::digest::Digest;
use semantest::model::id::{AddonId, ArtifactId, ClientId, UserId};
use semantest::model::lifecycle::EnablementState;
use semantest::model::manifest::Manifest;
use semantest::store::addons::{AddonVersions, PutVersion, VersionRecord, VersionState};
use semantest::store::artifacts::{ArtifactRecord, Artifacts, RemovedArtifact};
use semantest::store::blobs::{BlobError, BlobKind, Blobs};
use semantest::store::enablements::{Enablement, Enablements, Put};
use semver::Version;
use serde_json::{Value, json};

use crate::support::redis::TestRedis;

fn addon(id: &str) -> AddonId {
    AddonId::parse(id).unwrap()
}

pub(super) fn version(id: &str, version: &str, bytes: &[u8]) -> VersionRecord {
    let manifest = json!({
        "id": id, "version": version, "name": "Notes", "description": "Keeps notes.", "actions": [{ "name": "list" }],
    });
    VersionRecord {
        id: addon(id),
        version: Version::parse(version).unwrap(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        manifest: Manifest::from_value(manifest).unwrap(),
        contract: ContractRange::parse(">=1.0, <2").unwrap(),
        state: VersionState::Pending,
        state_note: None,
        published_at: clock::from_ms(clock::now_ms()),
        publisher: String::from("acme"),
        source: String::from("upload"),
        signature: None,
        warnings: Vec::new(),
    }
}

#[tokio::test]
async fn a_version_is_immutable_but_for_its_state() {
    let redis = TestRedis::start();
    let versions = AddonVersions::new(redis.store().await);
    let first = version("acme.notes", "1.0.0", b"one");
    assert_eq!(versions.put_version(&first).await.unwrap(), PutVersion::Stored);
    assert_eq!(versions.put_version(&first).await.unwrap(), PutVersion::Same(Box::new(first.clone())));
    let other = version("acme.notes", "1.0.0", b"two");
    assert_eq!(versions.put_version(&other).await.unwrap(), PutVersion::Conflict(first.digest));
    let yanked = versions
        .set_state(&first.id, &first.version, (&[first.state], VersionState::Yanked), Some("security"))
        .await
        .unwrap();
    let expected =
        VersionRecord { state: VersionState::Yanked, state_note: Some(String::from("security")), ..first.clone() };
    assert_eq!(yanked, Some(expected.clone()));
    assert_eq!(versions.get(&first.id, &first.version).await.unwrap(), Some(expected));
    let nobody = addon("acme.nobody");
    assert_eq!(
        versions.set_state(&nobody, &first.version, (&[first.state], VersionState::Blocked), None).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn versions_are_listed_newest_first_and_addons_by_name() {
    let redis = TestRedis::start();
    let versions = AddonVersions::new(redis.store().await);
    for number in ["1.0.0", "1.10.0", "1.2.0", "2.0.0-beta.1"] {
        versions.put_version(&version("acme.notes", number, number.as_bytes())).await.unwrap();
    }
    for id in ["acme.art", "zeta.last"] {
        versions.put_version(&version(id, "1.0.0", b"x")).await.unwrap();
    }
    let listed = versions.list(&addon("acme.notes")).await.unwrap();
    let numbers: Vec<String> = listed.iter().map(|record| record.version.to_string()).collect();
    assert_eq!(numbers, ["2.0.0-beta.1", "1.10.0", "1.2.0", "1.0.0"]);
    let first = versions.all(None, 2).await.unwrap();
    assert_eq!(first.items, [addon("acme.art"), addon("acme.notes")]);
    let rest = versions.all(first.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!((rest.items, rest.next_cursor), (vec![addon("zeta.last")], None));
}

fn enablement(user: &str, id: &str) -> Enablement {
    let fresh = Enablement::fresh(ClientId::parse("acme").unwrap(), UserId::parse(user).unwrap(), addon(id));
    Enablement { state: EnablementState::Loading, subject: String::from("u1"), ..fresh }
}

#[tokio::test]
async fn an_enablement_changes_only_from_the_revision_that_was_read() {
    let redis = TestRedis::start();
    let book = Enablements::new(redis.store().await);
    let fresh = enablement("alice:1", "acme.notes");
    assert_eq!(book.put(0, &fresh).await.unwrap(), Put::Stored(1));
    let loading = Enablement { revision: 1, ..fresh.clone() };
    let enabled = Enablement { state: EnablementState::Enabled, ..fresh.clone() };
    assert_eq!(book.put(0, &enabled).await.unwrap(), Put::Conflict(Some(Box::new(loading.clone()))));
    assert_eq!(book.get(&fresh.client, &fresh.user, &fresh.addon).await.unwrap(), Some(loading));
    assert_eq!(book.put(1, &enabled).await.unwrap(), Put::Stored(2));
    assert_eq!(book.put(1, &enabled).await.unwrap(), Put::Stored(2), "the very same write once more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_from_one_revision_one_wins() {
    let redis = TestRedis::start();
    let book = Enablements::new(redis.store().await);
    let racers: Vec<_> = (0..20)
        .map(|order| {
            let book = book.clone();
            tokio::spawn(async move { book.put(0, &Enablement { order, ..enablement("alice", "acme.notes") }).await })
        })
        .collect();
    let mut stored = 0;
    for racer in racers {
        stored += usize::from(racer.await.unwrap().unwrap() == Put::Stored(1));
    }
    assert_eq!(stored, 1);
}

#[tokio::test]
async fn a_users_enablements_are_in_order_and_an_addons_users_are_known() {
    let redis = TestRedis::start();
    let book = Enablements::new(redis.store().await);
    for (user, id, order) in
        [("alice", "acme.b", 2), ("alice", "acme.c", 1), ("alice", "acme.a2", 2), ("bob", "acme.b", 0)]
    {
        book.put(0, &Enablement { order, ..enablement(user, &id.replace("acme.", "acme.x")) }).await.unwrap();
    }
    let client = ClientId::parse("acme").unwrap();
    let listed = book.list(&client, &UserId::parse("alice").unwrap()).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.addon.as_str()).collect::<Vec<_>>(), ["acme.xc", "acme.xa2", "acme.xb"]);
    let mut users = book.of_addon(&addon("acme.xb"), None).await.unwrap().items;
    users.sort();
    assert_eq!(users.iter().map(|(_, user)| user.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
}

fn artifact(bytes: &[u8], seconds: i64) -> ArtifactRecord {
    ArtifactRecord {
        id: ArtifactId::fresh(),
        client: ClientId::parse("acme").unwrap(),
        user: None,
        job_id: None,
        digest: Digest::of(bytes),
        media_type: String::from("image/png"),
        size_bytes: bytes.len() as u64,
        width: Some(1),
        height: Some(2),
        metadata: Value::Null,
        provenance: None,
        created_at: clock::from_ms(clock::now_ms()),
        expires_at: clock::from_ms(clock::now_ms()) + TimeDelta::seconds(seconds),
    }
}

#[tokio::test]
async fn equal_bytes_are_kept_until_the_last_artifact_is_gone() {
    let redis = TestRedis::start();
    let artifacts = Artifacts::new(redis.store().await);
    let (one, other, gone) = (artifact(b"png", 60), artifact(b"png", 60), artifact(b"old", -1));
    for record in [&one, &other, &gone] {
        artifacts.put(record, false).await.unwrap();
    }
    assert_eq!(artifacts.get(&one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(artifacts.get(&gone.id).await.unwrap(), None);
    assert_eq!(artifacts.expired(clock::now(), 10).await.unwrap(), std::slice::from_ref(&gone.id));
    assert_eq!(artifacts.remove(&gone.id).await.unwrap(), RemovedArtifact::Last(gone.digest));
    assert_eq!(artifacts.remove(&gone.id).await.unwrap(), RemovedArtifact::Absent);
    assert_eq!(artifacts.remove(&one.id).await.unwrap(), RemovedArtifact::Shared);
    assert_eq!(artifacts.remove(&other.id).await.unwrap(), RemovedArtifact::Last(other.digest));
    assert!(artifacts.expired(clock::now(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn blobs_are_found_by_digest_whole_or_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings { data_dir: folder.path().to_owned(), ..StorageSettings::default() };
    let blobs = Blobs::open(&settings).unwrap();
    let bytes = Bytes::from(vec![7_u8; 600_000]);
    let digest = blobs.put_bytes(BlobKind::Component, bytes.clone()).await.unwrap();
    blobs.put(BlobKind::Component, &digest, bytes.clone()).await.unwrap();
    assert_eq!(digest, Digest::of(&bytes));
    assert_eq!(blobs.get(BlobKind::Component, &digest).await.unwrap(), bytes);
    assert_eq!(blobs.size(BlobKind::Component, &digest).await.unwrap(), Some(600_000));
    let (part, size) = blobs.get_range(BlobKind::Component, &digest, 599_990, u64::MAX).await.unwrap();
    assert_eq!((part.len(), size), (10, 600_000));
    let behind = blobs.get_range(BlobKind::Component, &digest, 600_000, 600_001).await;
    assert!(matches!(behind, Err(BlobError::Range { size: 600_000 })));
    let kind_matters = blobs.get(BlobKind::Artifact, &digest).await;
    assert!(matches!(kind_matters, Err(BlobError::Missing { .. })));
    assert!(!blobs.exists(BlobKind::Artifact, &digest).await.unwrap());
    blobs.remove(BlobKind::Component, &digest).await.unwrap();
    blobs.remove(BlobKind::Component, &digest).await.unwrap();
    assert!(!blobs.exists(BlobKind::Component, &digest).await.unwrap());
}

#[tokio::test]
async fn damaged_bytes_are_noticed_and_a_cut_file_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings { data_dir: folder.path().to_owned(), ..StorageSettings::default() };
    let blobs = Blobs::open(&settings).unwrap();
    let digest = blobs.put_bytes(BlobKind::Artifact, Bytes::from_static(b"picture")).await.unwrap();
    let hex = digest.hex();
    let file = folder.path().join("blobs/artifacts").join(hex.split_at(2).0).join(&hex);
    std::fs::write(&file, b"pixture").unwrap();
    assert!(matches!(blobs.get(BlobKind::Artifact, &digest).await, Err(BlobError::Damaged { .. })));
    std::fs::write(&file, b"pict").unwrap();
    blobs.put(BlobKind::Artifact, &digest, Bytes::from_static(b"picture")).await.unwrap();
    assert_eq!(blobs.get(BlobKind::Artifact, &digest).await.unwrap(), Bytes::from_static(b"picture"));
}
