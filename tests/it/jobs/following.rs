//! Which version a wish means, and enablements that follow new versions by themselves.

use chrono::Utc;
use reqwest::Method;
use semantest::config::addons::ConsentMode;
use semantest::host::section;
use semantest::model::digest::Digest;
use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::queue::Lane;
use semantest::store::enablements::{Candidate, CandidateState, Enablement, Enablements, Put};
use serde_json::{Value, json};

use super::upgrade::{MOVING, PATH, all, edition, enablement, put, upgradable};
use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::until;

/// What the fixture asks for in its first version.
const BYTES: u64 = 1 << 20;

async fn change(platform: &Platform, body: &Value) {
    platform.acme.send(platform.acme.request(Method::PATCH, PATH).json(body)).await.expect(200);
}

/// One look for new versions: how many updates it asks for. Upkeep of the platform itself may have been quicker.
async fn look(platform: &Platform) -> usize {
    platform.app.services.addons.follow_versions(1000).await.expect("a look")
}

async fn runs(platform: &Platform, version: &str) {
    until(&format!("{version} runs"), async || enablement(platform).await["version"] == version).await;
}

async fn waits(platform: &Platform, version: &str) -> Value {
    until(&format!("{version} waits for consent"), async || {
        let candidate = enablement(platform).await["candidate"].clone();
        candidate["version"] == version && candidate["state"] == "awaiting-consent"
    })
    .await;
    enablement(platform).await
}

/// A platform on which alice's addon follows compatible versions.
async fn following() -> Platform {
    let platform = upgradable(ConsentMode::Required, &[]).await;
    change(&platform, &json!({ "autoUpdate": "compatible", "config": { "mark": "mine" } })).await;
    platform
}

async fn approve_again(platform: &Platform, version: &str) {
    let path = format!("/api/v1/admin/addons/{MOVING}/versions/{version}/approve");
    platform.admin.post(&path, &json!({})).await.expect(200);
}

#[tokio::test]
async fn an_update_that_asks_for_no_more_is_applied_and_one_that_asks_for_more_waits() {
    let platform = following().await;
    platform.admin.publish_well(edition("1.1.0", BYTES - 1)).await;
    look(&platform).await;
    runs(&platform, "1.1.0").await;
    let now = all(&platform).await;
    assert_eq!((&now["mark"], &now["values"]["from"]), (&json!("mine"), &json!("1.0.0")), "{now}");
    platform.admin.publish_well(edition("1.2.0", BYTES * 2)).await;
    look(&platform).await;
    let waiting = waits(&platform, "1.2.0").await;
    assert_eq!((&waiting["state"], &waiting["version"]), (&json!("enabled"), &json!("1.1.0")), "{waiting}");
    put(&platform, "note", "served meanwhile").await;
    approve_again(&platform, "1.2.0").await;
    assert_eq!(look(&platform).await, 0, "it is on its way already");
    let taken = platform.acme.enable("alice", MOVING, &json!({ "consent": waiting["candidate"]["digest"] })).await;
    assert_eq!(taken.expect(200).json()["result"]["version"], "1.2.0");
    assert_eq!(all(&platform).await["mark"], "mine", "settings that are left out stay");
    platform.admin.publish_well(edition("2.0.0", BYTES)).await;
    assert_eq!(look(&platform).await, 0, "another major version is no update");
    platform.end().await;
}

#[tokio::test]
async fn an_update_that_would_hear_more_than_the_version_before_waits() {
    const HOOKS: &str = "semantest.fixture-hooks";
    let edition = |version: &str, hooks: usize| {
        let bytes = built(HOOKS);
        let mut manifest = section::read(&bytes).expect("a manifest");
        manifest.version = version.parse().expect("a version");
        manifest.hooks.truncate(hooks);
        section::embed(&bytes, &manifest).expect("a packed component").into()
    };
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    platform.admin.publish_well(edition("1.0.0", 1)).await;
    platform.acme.enable_well("alice", HOOKS, &json!({})).await;
    platform.acme.change("alice", HOOKS, &json!({ "autoUpdate": "compatible" })).await.expect(200);
    let shown = async || platform.acme.enablement("alice", HOOKS).await.expect(200).json();
    platform.admin.publish_well(edition("1.1.0", 2)).await;
    look(&platform).await;
    until("the wider version waits", async || shown().await["candidate"]["state"] == "awaiting-consent").await;
    assert_eq!(shown().await["version"], "1.0.0");
    platform.admin.publish_well(edition("1.0.1", 1)).await;
    platform.acme.enable("alice", HOOKS, &json!({ "consent": shown().await["candidate"]["digest"] })).await.expect(200);
    until("somebody said yes", async || shown().await["version"] == "1.1.0").await;
    platform.end().await;
}

#[tokio::test]
async fn consent_implied_by_the_platform_is_none_for_an_update_that_asks_for_more() {
    let platform = upgradable(ConsentMode::Implied, &[]).await;
    change(&platform, &json!({ "autoUpdate": "compatible" })).await;
    platform.admin.publish_well(edition("1.1.0", BYTES * 2)).await;
    look(&platform).await;
    waits(&platform, "1.1.0").await;
    platform.end().await;
}

#[tokio::test]
async fn a_version_that_was_turned_down_or_gone_back_from_is_not_offered_again() {
    let platform = following().await;
    platform.admin.publish_well(edition("1.1.0", BYTES)).await;
    look(&platform).await;
    runs(&platform, "1.1.0").await;
    platform.acme.post(&format!("{PATH}/rollback"), &json!({})).await.expect(200);
    approve_again(&platform, "1.1.0").await;
    assert_eq!(look(&platform).await, 0);
    platform.admin.publish_well(edition("1.2.0", BYTES * 2)).await;
    look(&platform).await;
    waits(&platform, "1.2.0").await;
    let kept = platform.acme.put(PATH, &json!({ "version": "1.0.0" })).await.expect(200).json();
    assert_eq!(kept["candidate"], Value::Null, "{kept}");
    approve_again(&platform, "1.2.0").await;
    assert_eq!(look(&platform).await, 0);
    platform.admin.publish_well(edition("1.2.1", BYTES)).await;
    look(&platform).await;
    runs(&platform, "1.2.1").await;
    let first = platform.acme.get(&format!("/api/v1/addons/{MOVING}/versions/1.1.0")).await.expect(200).json();
    let wish = json!({ "version": "1.1.0", "consent": first["digest"] });
    let older = platform.acme.enable("alice", MOVING, &wish).await.expect(200).json();
    assert_eq!((&older["status"], &older["result"]["version"]), (&json!("completed"), &json!("1.1.0")), "{older}");
    approve_again(&platform, "1.2.1").await;
    assert_eq!(look(&platform).await, 0, "who asks for an older version turns the newer one down");
    assert_eq!(enablement(&platform).await["version"], "1.1.0");
    platform.end().await;
}

#[tokio::test]
async fn grants_that_were_narrowed_stay_narrow_over_an_update() {
    let platform = following().await;
    change(&platform, &json!({ "grants": [{ "kind": "kv", "maxBytes": 1024 }] })).await;
    platform.admin.publish_well(edition("1.1.0", BYTES)).await;
    look(&platform).await;
    runs(&platform, "1.1.0").await;
    assert_eq!(enablement(&platform).await["grants"], json!([{ "kind": "kv", "maxBytes": 1024 }]));
    platform.end().await;
}

#[tokio::test]
async fn looks_at_the_same_time_ask_once_and_one_that_died_is_made_good() {
    let platform = following().await;
    let producer = platform.app.services.work.producer().clone();
    let published = platform.admin.publish_well(edition("1.1.0", BYTES)).await;
    producer.pause(Lane::Addons).await.expect("a paused queue");
    // As somebody leaves it who dies between the mark and the job.
    let book = Enablements::new(platform.app.redis.store().await);
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    let addon = AddonId::parse(MOVING).expect("an addon");
    let current = book.get(&client, &user, &addon).await.expect("Redis").expect("a record");
    let job = JobId::fresh("add");
    let candidate = Candidate {
        version: "1.1.0".parse().expect("a version"),
        digest: Digest::parse(published["digest"].as_str().unwrap_or_default()).expect("a digest"),
        job_id: job.clone(),
        since: Utc::now(),
        state: CandidateState::Loading,
        error: None,
        grants: None,
        auto_update: None,
        config: None,
        wish: None,
        request: None,
        is_automatic: true,
    };
    let marked = Enablement { candidate: Some(candidate), ..current };
    assert!(matches!(book.put(marked.revision, &marked).await, Ok(Put::Stored(_))));
    let looks = futures::future::join_all((0..4).map(|_| look(&platform))).await;
    assert_eq!(looks.iter().sum::<usize>(), 0, "it is marked already");
    assert_eq!(producer.depth(Lane::Addons).await.expect("a depth").prioritized, 1, "one job for all of them");
    producer.resume(Lane::Addons).await.expect("a resumed queue");
    platform.acme.reaches(job.as_str(), "completed").await;
    assert_eq!(enablement(&platform).await["version"], "1.1.0");
    platform.admin.publish_well(edition("1.1.1", BYTES)).await;
    let looks = futures::future::join_all((0..4).map(|_| look(&platform))).await;
    assert!(looks.iter().sum::<usize>() <= 1, "one of them wins, or upkeep did: {looks:?}");
    runs(&platform, "1.1.1").await;
    platform.end().await;
}

#[tokio::test]
async fn a_wish_bounds_what_is_followed() {
    let platform = upgradable(ConsentMode::Required, &[]).await;
    let wish = json!({ "version": "~1.0", "autoUpdate": "compatible" });
    platform.acme.put(PATH, &wish).await.expect(202);
    until("the mode is set", async || enablement(&platform).await["autoUpdate"] == "compatible").await;
    for version in ["1.0.5", "1.1.0", "1.0.6-beta.1"] {
        platform.admin.publish_well(edition(version, BYTES)).await;
    }
    look(&platform).await;
    runs(&platform, "1.0.5").await;
    platform.end().await;
}

#[tokio::test]
async fn ranges_and_channels_mean_approved_versions_and_never_a_yanked_one() {
    let platform =
        upgradable(ConsentMode::Implied, &[("1.1.0", BYTES), ("1.2.0", BYTES), ("2.0.0-beta.1", BYTES)]).await;
    let job = platform.acme.enable("alice", MOVING, &json!({ "version": "1.2.0" })).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    let yank = format!("/api/v1/addons/{MOVING}/versions/1.2.0/yank");
    let reason = json!({ "reason": "bug", "note": "loses notes" });
    platform.publisher.post(&yank, &reason).await.expect_problem(403, "FORBIDDEN");
    let wrong = platform.admin.post(&yank, &json!({ "reason": "mood" })).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(wrong.pointers(), ["/reason"]);
    let yanked = platform.admin.post(&yank, &reason).await.expect(200).json();
    assert_eq!((&yanked["state"], &yanked["stateNote"]), (&json!("yanked"), &json!("bug: loses notes")), "{yanked}");
    for (number, (wish, expected)) in [
        ("^1", "1.1.0"),
        ("~1.0", "1.0.0"),
        ("latest", "1.1.0"),
        ("beta", "2.0.0-beta.1"),
        ("*", "1.1.0"),
        ("1.0", "1.1.0"),
    ]
    .into_iter()
    .enumerate()
    {
        let job = platform.acme.enable(&format!("user-{number}"), MOVING, &json!({ "version": wish })).await;
        assert_eq!(job.expect(200).json()["result"]["version"], expected, "{wish}");
    }
    for wish in ["1.2.0", "^3", "~1.2"] {
        platform.acme.enable("bob", MOVING, &json!({ "version": wish })).await.expect_problem(404, "ADDON_NOT_FOUND");
    }
    platform.acme.enable("bob", MOVING, &json!({ "version": "newest" })).await.expect_problem(422, "VALIDATION_ERROR");
    put(&platform, "note", "who has it goes on").await;
    let settings = json!({ "version": "1.2.0", "config": { "mark": "kept" } });
    let job = platform.acme.enable("alice", MOVING, &settings).await.expect(200).json();
    assert_eq!((&job["status"], &job["result"]["version"]), (&json!("completed"), &json!("1.2.0")), "{job}");
    platform.end().await;
}
