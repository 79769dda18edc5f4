//! The kill switch: what is blocked is refused at every door, shows why, and is as it was when the block is taken back.

use chrono::{TimeDelta, Utc};
use semantest::model::digest::Digest;
use semantest::model::signature::SignedStatement;
use serde_json::{Value, json};

use super::signing::{addon, decide, key, publish_signed, register, signed, statement, step};
use crate::support::http::Http;
use crate::support::platform::Platform;
use crate::support::tenant::failed_step;
use crate::support::until;

const BLOCKS: &str = "/api/v1/admin/blocks";

/// Blocks, and answers the block's id.
async fn block(admin: &Http, target: Value) -> String {
    let mut body = target;
    body["reason"] = json!("it steals");
    let blocked = admin.post(BLOCKS, &body).await.expect(201).json();
    blocked["block"]["blockId"].as_str().expect("an id").to_owned()
}

async fn unblock(admin: &Http, id: &str) {
    admin.delete(&format!("{BLOCKS}/{id}")).await.expect(204);
}

#[tokio::test]
async fn a_blocked_addon_is_refused_at_every_door_and_comes_back_as_it_was() {
    let platform = Platform::start().await;
    let component = addon("acme.bad", "1.0.0");
    platform.publisher.publish_well(component.clone()).await;
    platform.acme.enable_well("alice", "acme.bad", &json!({})).await;
    let before = platform.acme.enablement("alice", "acme.bad").await.expect(200).json();
    for target in [
        json!({"digest": Digest::of(&component).to_string()}),
        json!({"addon": "acme.bad"}),
        json!({"addon": "acme.bad", "range": "<2"}),
    ] {
        let id = block(&platform.admin, target.clone()).await;
        let call = platform.acme.leave("alice", "acme.bad", "run", &json!({})).await;
        let problem = call.expect_problem(409, "ADDON_BLOCKED").json();
        assert!(problem["detail"].as_str().unwrap_or_default().contains("it steals"), "{problem}");
        platform.acme.enable("bob", "acme.bad", &json!({})).await.expect_problem(409, "ADDON_BLOCKED");
        let shown = platform.acme.enablement("alice", "acme.bad").await.expect(200).json();
        assert_eq!((&shown["state"], &shown["error"]["code"]), (&json!("blocked"), &json!("ADDON_BLOCKED")), "{shown}");
        assert_eq!(shown["error"]["details"]["blockId"], json!(id), "{shown}");
        let version = platform.acme.get("/api/v1/addons/acme.bad/versions/1.0.0").await.expect(200).json();
        assert_eq!(version["state"], "blocked", "{version}");
        let list = platform.admin.get(BLOCKS).await.expect(200).json();
        assert_eq!((&list["data"][0]["blockId"], &list["data"][0]["cause"]), (&json!(id), &json!("admin")), "{list}");
        unblock(&platform.admin, &id).await;
        let mut after = platform.acme.enablement("alice", "acme.bad").await.expect(200).json();
        // What it used so far is no part of how it was.
        after["usage"] = before["usage"].clone();
        assert_eq!(after, before, "{target}");
        let job = platform.acme.call("alice", "acme.bad", "run", &json!({})).await;
        assert_eq!(job["status"], "completed", "{job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn what_is_not_covered_goes_on_and_latest_means_the_newest_that_runs() {
    let platform = Platform::start().await;
    for version in ["1.0.0", "1.1.0"] {
        platform.publisher.publish_well(addon("acme.art", version)).await;
    }
    platform.publisher.publish_well(addon("acme.other", "1.1.0")).await;
    platform.acme.enable_well("alice", "acme.other", &json!({})).await;
    let id = block(&platform.admin, json!({"addon": "acme.art", "range": ">=1.1"})).await;
    platform.acme.enable_well("alice", "acme.art", &json!({})).await;
    let shown = platform.acme.enablement("alice", "acme.art").await.expect(200).json();
    assert_eq!((&shown["version"], &shown["state"]), (&json!("1.0.0"), &json!("enabled")), "{shown}");
    let exact = platform.acme.enable("bob", "acme.art", &json!({"version": "1.1.0"})).await;
    exact.expect_problem(409, "ADDON_BLOCKED");
    assert_eq!(platform.acme.call("alice", "acme.other", "run", &json!({})).await["status"], "completed");
    // The rule covers what is published after it, at the step that is for it.
    let job = platform.publisher.publish(addon("acme.art", "1.2.0-beta")).await.expect(200).json();
    assert_eq!(failed_step(&job), (String::from("revocation"), String::from("ADDON_BLOCKED")), "{job}");
    unblock(&platform.admin, &id).await;
    platform.publisher.publish_well(addon("acme.art", "1.2.0")).await;
    platform.end().await;
}

#[tokio::test]
async fn a_dry_run_shows_whom_a_block_would_hit_and_does_nothing() {
    let platform = Platform::start().await;
    for version in ["1.0.0", "2.0.0"] {
        platform.publisher.publish_well(addon("acme.art", version)).await;
    }
    let old = json!({"version": "1.0.0"});
    for user in ["alice", "bob"] {
        platform.acme.enable(user, "acme.art", &old).await.expect(200);
    }
    platform.other.enable("alice", "acme.art", &old).await.expect(200);
    platform.acme.enable_well("carol", "acme.art", &json!({})).await;
    platform.acme.disable("bob", "acme.art", false).await;
    let body = json!({"addon": "acme.art", "range": "<2", "dryRun": true});
    let shown = platform.admin.post(BLOCKS, &body).await.expect(200).json();
    let impact = &shown["impact"];
    assert_eq!((&shown["dryRun"], &shown["block"]), (&json!(true), &Value::Null), "{shown}");
    assert_eq!(impact["versions"][0]["version"], "1.0.0", "{shown}");
    assert_eq!((&impact["enablements"], &impact["users"]), (&json!(2), &json!(2)), "{shown}");
    assert_eq!((&impact["clients"], &impact["runningCalls"]), (&json!(2), &json!(0)), "{shown}");
    assert_eq!(platform.admin.get(BLOCKS).await.expect(200).json()["data"], json!([]));
    // Whoever upgrades or erases counts no more.
    platform.acme.enable_well("alice", "acme.art", &json!({})).await;
    platform.other.disable("alice", "acme.art", true).await;
    let shown = platform.admin.post(BLOCKS, &body).await.expect(200).json();
    assert_eq!(shown["impact"]["enablements"], 0, "{shown}");
    platform.end().await;
}

#[tokio::test]
async fn a_revoked_key_stops_what_it_signed_from_then_on_and_nothing_before() {
    let platform = Platform::start().await;
    decide(&platform.admin, json!({"signatures": "require"})).await;
    let id = register(&platform, &key(1)).await;
    let (old, new) = (addon("acme.old", "1.0.0"), addon("acme.new", "1.0.0"));
    publish_signed(&platform.publisher, &old, &signed(&old, &key(1))).await;
    platform.acme.enable_well("alice", "acme.old", &json!({})).await;
    let stolen = Utc::now();
    publish_signed(&platform.publisher, &new, &signed(&new, &key(1))).await;
    platform.acme.enable_well("alice", "acme.new", &json!({})).await;
    let path = format!("/api/v1/admin/publishers/acme/keys/{id}/revoke");
    let trial = platform.admin.post(&path, &json!({"since": stolen, "dryRun": true})).await.expect(200).json();
    assert_eq!((&trial["impact"]["users"], &trial["key"]), (&json!(1), &Value::Null), "{trial}");
    let late = json!({"since": Utc::now() + TimeDelta::hours(1), "reason": "lost"});
    platform.admin.post(&path, &late).await.expect_problem(422, "VALIDATION_ERROR");
    let body = json!({"since": stolen, "reason": "the key was lost"});
    let revoked = platform.admin.post(&path, &body).await.expect(200).json();
    assert_eq!((&revoked["key"]["state"], &revoked["block"]["cause"]), (&json!("revoked"), &json!("key-revoked")));
    assert_eq!(revoked["impact"]["versions"][0]["addonId"], "acme.new", "{revoked}");
    let state = async |addon: &str| platform.acme.enablement("alice", addon).await.expect(200).json()["state"].clone();
    assert_eq!((state("acme.old").await, state("acme.new").await), (json!("enabled"), json!("blocked")));
    platform.acme.leave("alice", "acme.new", "run", &json!({})).await.expect_problem(409, "ADDON_BLOCKED");
    assert_eq!(platform.acme.call("alice", "acme.old", "run", &json!({})).await["status"], "completed");
    // What was believed before is judged again, and still believed.
    let load = platform.acme.enable("bob", "acme.old", &json!({})).await.expect(200).json();
    assert_eq!(step(&load, "signature")["detail"]["keyState"], "revoked", "{load}");
    assert_eq!(load["status"], "completed", "{load}");
    // Whoever has the key now dates its signatures back, in vain.
    let forged = addon("acme.forged", "1.0.0");
    let early = SignedStatement::sign(statement(&forged, stolen - TimeDelta::days(1)), &key(1)).to_string();
    let job = publish_signed(&platform.publisher, &forged, &early).await;
    assert_eq!(failed_step(&job), (String::from("revocation"), String::from("ADDON_BLOCKED")), "{job}");
    // The publisher signs the same version anew, and it runs again.
    register(&platform, &key(2)).await;
    let job = publish_signed(&platform.publisher, &new, &signed(&new, &key(2))).await;
    assert_eq!(job["status"], "completed", "{job}");
    until("the version runs again", async || state("acme.new").await == "enabled").await;
    platform.end().await;
}

#[tokio::test]
async fn a_block_that_nobody_announced_is_found_within_seconds() {
    let platform = Platform::start().await;
    let component = addon("acme.bad", "1.0.0");
    platform.publisher.publish_well(component.clone()).await;
    platform.acme.enable_well("alice", "acme.bad", &json!({})).await;
    let prefix = platform.app.redis.settings().prefix.clone();
    let entry = json!({
        "id": "blk_quiet", "target": {"kind": "digest", "digest": Digest::of(&component)}, "reason": "quiet",
        "cause": "admin", "createdAt": Utc::now(),
    });
    let redis = &platform.app.redis;
    redis.command(&["HSET", &format!("{prefix}:blocks"), "blk_quiet", &entry.to_string()]).await;
    redis.command(&["INCR", &format!("{prefix}:blocks-generation")]).await;
    until("the block is found", async || {
        platform.acme.enablement("alice", "acme.bad").await.expect(200).json()["state"] == "blocked"
    })
    .await;
    platform.end().await;
}

#[tokio::test]
async fn a_block_names_one_thing_and_says_why() {
    let platform = Platform::start().await;
    for (body, pointers) in [
        (json!({"reason": "x"}), vec!["/digest"]),
        (json!({"addon": "acme.art"}), vec!["/reason"]),
        (json!({"addon": "acme.art", "publisherKey": "0".repeat(32), "reason": "x"}), vec!["/digest"]),
        (json!({"range": "<2", "reason": "x"}), vec!["/range"]),
        (json!({"addon": "acme.art", "range": "newest", "reason": "x"}), vec!["/range"]),
    ] {
        let answer = platform.admin.post(BLOCKS, &body).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(answer.pointers(), pointers, "{body}");
    }
    platform.acme.post(BLOCKS, &json!({"addon": "acme.art", "reason": "x"})).await.expect_problem(403, "FORBIDDEN");
    platform.admin.delete(&format!("{BLOCKS}/blk_nothing")).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn a_rollback_to_a_blocked_version_is_refused_until_the_block_is_taken_back() {
    let platform = Platform::start().await;
    for version in ["1.0.0", "1.1.0"] {
        platform.publisher.publish_well(addon("acme.art", version)).await;
        platform.acme.enable_well("alice", "acme.art", &json!({})).await;
    }
    let path = "/api/v1/users/alice/addons/acme.art/rollback";
    let id = block(&platform.admin, json!({"addon": "acme.art", "range": "<1.1"})).await;
    platform.acme.post(path, &json!({})).await.expect_problem(409, "ADDON_BLOCKED");
    let shown = platform.acme.enablement("alice", "acme.art").await.expect(200).json();
    assert_eq!((&shown["version"], &shown["state"]), (&json!("1.1.0"), &json!("enabled")), "{shown}");
    unblock(&platform.admin, &id).await;
    platform.acme.post(path, &json!({})).await.expect(200);
    let shown = platform.acme.enablement("alice", "acme.art").await.expect(200).json();
    assert_eq!((&shown["version"], &shown["state"]), (&json!("1.0.0"), &json!("enabled")), "{shown}");
    assert_eq!(platform.acme.call("alice", "acme.art", "run", &json!({})).await["status"], "completed");
    platform.end().await;
}

#[tokio::test]
async fn an_update_that_nobody_asks_for_passes_a_blocked_version_by() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(addon("acme.art", "1.0.0")).await;
    platform.acme.enable_well("alice", "acme.art", &json!({})).await;
    for version in ["1.1.0", "1.2.0"] {
        platform.publisher.publish_well(addon("acme.art", version)).await;
    }
    block(&platform.admin, json!({"addon": "acme.art", "range": ">=1.2"})).await;
    platform.acme.change("alice", "acme.art", &json!({"autoUpdate": "compatible"})).await.expect(200);
    until("the newest version that may run is there", async || {
        platform.app.services.addons.follow_versions(1000).await.expect("a look");
        platform.acme.enablement("alice", "acme.art").await.expect(200).json()["version"] == "1.1.0"
    })
    .await;
    platform.app.services.addons.follow_versions(1000).await.expect("a look");
    let shown = platform.acme.enablement("alice", "acme.art").await.expect(200).json();
    assert_eq!((&shown["version"], &shown["candidate"]), (&json!("1.1.0"), &Value::Null), "{shown}");
    platform.end().await;
}
