//! `load` of another version where the addon runs: a candidate until one step makes it the version, values included.

use bytes::Bytes;
use semantest::config::addons::ConsentMode;
use semantest::host::section;
use semantest::model::units::Span;
use semantest::queue::tickets::load::Load;
use semantest::queue::{AddOptions, Lane};
use serde_json::{Value, json};

use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::tenant::{id_of, steps};
use crate::support::until;

pub(super) const MOVING: &str = "semantest.fixture-moving";
pub(super) const PATH: &str = "/api/v1/users/alice/addons/semantest.fixture-moving";

/// A version of the fixture that may use so many bytes of values.
pub(super) fn edition(version: &str, max_bytes: u64) -> Bytes {
    let bytes = built(MOVING);
    let mut manifest = section::read(&bytes).expect("a manifest");
    manifest.version = version.parse().expect("a version");
    manifest.capabilities[0].max_bytes = Some(max_bytes);
    section::embed(&bytes, &manifest).expect("a packed component").into()
}

/// A platform on which alice has version 1.0.0 and a value, and these others are published.
pub(super) async fn upgradable(consent: ConsentMode, others: &[(&str, u64)]) -> Platform {
    let platform = Platform::with(|config| {
        config.addons.consent = consent;
        // One action of the fixture writes until it is stopped.
        let limits = &mut config.sandbox;
        (limits.defaults.kv_operations, limits.ceiling.kv_operations) = (1_000_000, 1_000_000);
    })
    .await;
    let first = platform.admin.publish_well(edition("1.0.0", 1 << 20)).await;
    let wish = json!({ "version": "1.0.0", "consent": first["digest"] });
    let job = platform.acme.enable("alice", MOVING, &wish).await.expect(200).json();
    assert_eq!(job["result"]["state"], "enabled", "{job}");
    put(&platform, "note", "first").await;
    for (version, max_bytes) in others {
        platform.admin.publish_well(edition(version, *max_bytes)).await;
    }
    platform
}

pub(super) async fn put(platform: &Platform, key: &str, value: &str) {
    let job = platform.acme.call("alice", MOVING, "put", &json!({ "key": key, "value": value })).await;
    assert_eq!(job["status"], "completed", "{job}");
}

/// What alice's addon answers: the mark of its settings, and its values.
pub(super) async fn all(platform: &Platform) -> Value {
    let job = platform.acme.call("alice", MOVING, "all", &json!({})).await;
    assert_eq!(job["status"], "completed", "{job}");
    job["result"]["value"].clone()
}

pub(super) async fn enablement(platform: &Platform) -> Value {
    platform.acme.enablement("alice", MOVING).await.expect(200).json()
}

fn wish(version: &str, mark: &str) -> Value {
    json!({ "version": version, "config": { "mark": mark } })
}

#[tokio::test]
async fn a_new_version_is_a_candidate_until_it_is_there() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Addons).await.expect("a paused queue");
    let job = id_of(&platform.acme.put(PATH, &wish("2.0.0", "two")).await.expect(202).json());
    let meanwhile = enablement(&platform).await;
    assert_eq!((&meanwhile["state"], &meanwhile["version"]), (&json!("enabled"), &json!("1.0.0")), "{meanwhile}");
    let candidate = &meanwhile["candidate"];
    assert_eq!(
        (&candidate["version"], &candidate["state"], &candidate["jobId"]),
        (&json!("2.0.0"), &json!("loading"), &json!(job)),
        "{meanwhile}"
    );
    assert_ne!(meanwhile["jobId"], job, "the enablement itself does not change");
    assert_eq!(id_of(&platform.acme.put(PATH, &wish("2.0.0", "two")).await.expect(202).json()), job);
    for other in [wish("2.0.0", "other"), wish("1.0.0", "one")] {
        platform.acme.put(PATH, &other).await.expect_problem(409, "CONFLICT");
    }
    let settings = platform.acme.request(reqwest::Method::PATCH, PATH).json(&json!({ "config": { "mark": "x" } }));
    platform.acme.send(settings).await.expect_problem(409, "CONFLICT");
    assert_eq!(all(&platform).await["mark"], "one", "the version before serves");
    producer.resume(Lane::Addons).await.expect("a resumed queue");
    let ended = platform.acme.reaches(&job, "completed").await;
    assert_eq!((&ended["result"]["state"], &ended["result"]["version"]), (&json!("enabled"), &json!("2.0.0")));
    assert_eq!(steps(&ended).get("migrate").map(String::as_str), Some("completed"), "{ended}");
    let now = enablement(&platform).await;
    assert_eq!((&now["version"], &now["jobId"]), (&json!("2.0.0"), &json!(job)), "{now}");
    assert_eq!((&now["candidate"], &now["previous"]["version"]), (&Value::Null, &json!("1.0.0")), "{now}");
    let answer = json!({ "mark": "two", "values": { "note": "first", "from": "1.0.0", "activated-as": "two" } });
    assert_eq!(all(&platform).await, answer);
    let log = platform.acme.log(&job).await;
    assert!(log.contains("StopReason::Upgraded"), "the version before has a last word: {log}");
    platform.acme.put(PATH, &wish("2.0.0", "two")).await.expect(200);
    platform.end().await;
}

#[tokio::test]
async fn an_upgrade_that_fails_changes_nothing_and_says_why() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let before = all(&platform).await;
    for (config, code) in [
        (json!({ "migrate": "fail" }), "MIGRATE_FAILED"),
        (json!({ "migrate": "trap" }), "ADDON_TRAPPED"),
        (json!({ "activate": "fail" }), "ACTIVATE_FAILED"),
    ] {
        let wish = json!({ "version": "2.0.0", "config": config });
        let job = platform.acme.enable("alice", MOVING, &wish).await.expect(200).json();
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{job}");
        let kept = enablement(&platform).await;
        assert_eq!(
            (&kept["state"], &kept["version"], &kept["config"]["mark"]),
            (&json!("enabled"), &json!("1.0.0"), &json!("one")),
            "{kept}"
        );
        let candidate = &kept["candidate"];
        assert_eq!((&candidate["state"], &candidate["error"]["code"]), (&json!("failed"), &json!(code)), "{kept}");
        assert_eq!(all(&platform).await, before, "nothing of it is to be seen");
    }
    put(&platform, "note", "still open").await;
    let settled = platform.acme.put(PATH, &json!({ "version": "1.0.0" })).await.expect(200).json();
    assert_eq!(settled["candidate"], Value::Null, "who wants what there is wants no candidate: {settled}");
    platform.end().await;
}

#[tokio::test]
async fn a_call_that_runs_while_its_addon_is_upgraded_is_not_lost_and_writes_nothing_afterwards() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let call = id_of(&platform.acme.leave("alice", MOVING, "beat", &json!({ "params": {} })).await.expect(202).json());
    until("the call writes", async || all(&platform).await["values"]["beats"].is_string()).await;
    let wish = json!({ "version": "2.0.0", "config": { "mark": "two", "beat": "off" } });
    let job = platform.acme.enable("alice", MOVING, &wish).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    let repeated = platform.acme.reaches(&call, "completed").await;
    assert_eq!(repeated["result"]["value"]["mark"], "two", "it was told to try again, and met the new version");
    let carried = all(&platform).await["values"]["beats"].clone();
    platform.acme.post(&format!("{PATH}/rollback"), &json!({})).await.expect(200);
    assert_eq!(all(&platform).await["values"]["beats"], carried, "every write before the switch was carried over");
    platform.end().await;
}

#[tokio::test]
async fn nobody_sees_half_of_a_migration() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let wish = json!({ "version": "2.0.0", "config": { "mark": "two", "migrate": "slow" } });
    let job = id_of(&platform.acme.put(PATH, &wish).await.expect(202).json());
    let mut seen = Vec::new();
    while platform.acme.job(&job).await["status"] != "completed" {
        seen.push(all(&platform).await);
    }
    seen.push(all(&platform).await);
    for answer in &seen {
        let values = &answer["values"];
        let is_moved = answer["mark"] == "two";
        assert_eq!(values["half"], Value::Null, "{answer}");
        assert_eq!(values["from"].is_string(), is_moved, "{answer}");
    }
    assert_eq!(seen.last().map(|answer| answer["mark"].clone()), Some(json!("two")));
    platform.end().await;
}

#[tokio::test]
async fn an_upgrade_that_is_cancelled_or_overtaken_leaves_what_there_was() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Addons).await.expect("a paused queue");
    let job = id_of(&platform.acme.put(PATH, &wish("2.0.0", "two")).await.expect(202).json());
    platform.acme.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await.expect(200);
    let kept = enablement(&platform).await;
    assert_eq!((&kept["state"], &kept["version"]), (&json!("enabled"), &json!("1.0.0")), "{kept}");
    assert_eq!(kept["candidate"]["error"]["code"], "CANCELLED", "{kept}");
    let load = id_of(&platform.acme.put(PATH, &wish("2.0.0", "two")).await.expect(202).json());
    assert_ne!(load, job);
    let unload = id_of(&platform.acme.delete(PATH).await.expect(202).json());
    producer.resume(Lane::Addons).await.expect("a resumed queue");
    platform.acme.reaches(&unload, "completed").await;
    let overtaken = platform.acme.reaches(&load, "failed").await;
    assert_eq!(overtaken["error"]["code"], "ADDON_NOT_ENABLED", "{overtaken}");
    let off = enablement(&platform).await;
    assert_eq!(
        (&off["state"], &off["version"], &off["candidate"]),
        (&json!("disabled"), &json!("1.0.0"), &Value::Null)
    );
    let job = platform.acme.enable("alice", MOVING, &wish("2.0.0", "two")).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(all(&platform).await["values"]["from"], "1.0.0", "what was kept is migrated from a standstill too");
    platform.end().await;
}

#[tokio::test]
async fn a_version_that_asks_for_more_waits_for_consent_while_the_one_before_serves() {
    let platform = upgradable(ConsentMode::Required, &[("2.0.0", 1 << 21)]).await;
    let job = platform.acme.enable("alice", MOVING, &wish("2.0.0", "two")).await.expect(200).json();
    assert_eq!(job["result"]["state"], "awaiting-consent", "{job}");
    let waiting = enablement(&platform).await;
    assert_eq!((&waiting["state"], &waiting["version"]), (&json!("enabled"), &json!("1.0.0")), "{waiting}");
    let candidate = &waiting["candidate"];
    assert_eq!((&candidate["state"], &candidate["digest"]), (&json!("awaiting-consent"), &job["result"]["digest"]));
    assert_eq!(candidate["requested"][0]["maxBytes"], 1 << 21, "{waiting}");
    assert_eq!(all(&platform).await["mark"], "one");
    platform.admin.publish_well(edition("3.0.0", 1 << 22)).await;
    let body = json!({ "consent": candidate["digest"] });
    let taken = platform.acme.enable("alice", MOVING, &body).await.expect(200).json();
    assert_eq!(taken["result"]["version"], "2.0.0", "the digest says which version is meant: {taken}");
    assert_eq!(all(&platform).await["mark"], "two", "with the settings that came with the wish for it");
    let settings = json!({ "version": "2.0.0", "config": { "mark": "three" } });
    let again = platform.acme.enable("alice", MOVING, &settings).await.expect(200).json();
    assert_eq!(again["result"]["state"], "enabled", "other settings need no new consent: {again}");
    let now = enablement(&platform).await;
    assert_eq!(now["previous"]["version"], "1.0.0", "the same version again is no upgrade: {now}");
    platform.end().await;
}

#[tokio::test]
async fn values_are_migrated_from_the_version_that_ran_whatever_was_asked_for_meanwhile() {
    let platform = upgradable(ConsentMode::Required, &[("2.0.0", 1 << 21)]).await;
    platform.acme.disable("alice", MOVING, false).await;
    let asked = platform.acme.enable("alice", MOVING, &json!({ "version": "2.0.0" })).await.expect(200).json();
    assert_eq!(asked["result"]["state"], "awaiting-consent", "{asked}");
    assert_eq!(enablement(&platform).await["state"], "awaiting-consent");
    let given = json!({ "version": "2.0.0", "consent": asked["result"]["digest"] });
    platform.acme.enable("alice", MOVING, &given).await.expect(200);
    assert_eq!(all(&platform).await["values"]["from"], "1.0.0");
    let back = platform.acme.post(&format!("{PATH}/rollback"), &json!({})).await.expect(200).json();
    assert_eq!((&back["version"], &back["state"]), (&json!("1.0.0"), &json!("enabled")), "{back}");
    assert_eq!(all(&platform).await["values"]["from"], Value::Null);
    platform.end().await;
}

#[tokio::test]
async fn a_foreign_load_of_another_version_is_a_candidate_too() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let producer = platform.app.services.work.producer().clone();
    for (id, version, migrate) in [("f-1", "9.9.9", "pass"), ("f-2", "2.0.0", "fail"), ("f-3", "2.0.0", "pass")] {
        let load = Load {
            addon_id: MOVING.to_owned(),
            user_id: Some(String::from("alice")),
            version: Some(version.to_owned()),
            config: Some(json!({ "mark": "two", "migrate": migrate })),
            ..Load::default()
        };
        producer.add(id, &load, &AddOptions::default()).await.expect("a job");
        let status = if id == "f-3" { "completed" } else { "failed" };
        let path = format!("/api/v1/jobs/ext_addons_{id}");
        until("it is over", async || platform.acme.get(&path).await.json()["status"] == status).await;
        let mark = if id == "f-3" { "two" } else { "one" };
        assert_eq!(all(&platform).await["mark"], mark, "{id}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_rollback_returns_to_version_settings_grants_and_values_once() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20)]).await;
    let rollback = format!("{PATH}/rollback");
    platform.acme.post(&rollback, &json!({})).await.expect_problem(409, "CONFLICT");
    let before = (enablement(&platform).await, all(&platform).await);
    platform.acme.enable("alice", MOVING, &wish("2.0.0", "two")).await.expect(200);
    put(&platform, "note", "second").await;
    platform.other.post(&rollback, &json!({})).await.expect_problem(404, "ADDON_NOT_FOUND");
    let back = platform.acme.post(&rollback, &json!({})).await.expect(200).json();
    for part in ["version", "digest", "state", "config", "grants"] {
        assert_eq!(back[part], before.0[part], "{part}");
    }
    assert_eq!(all(&platform).await, before.1);
    put(&platform, "note", "third").await;
    platform.acme.post(&rollback, &json!({})).await.expect_problem(409, "CONFLICT");
    platform.acme.enable("alice", MOVING, &wish("2.0.0", "two")).await.expect(200);
    assert_eq!(all(&platform).await["values"]["note"], "third");
    platform.end().await;
}

#[tokio::test]
async fn nothing_is_returned_to_when_its_time_is_over() {
    let platform = Platform::with(|config| config.addons.keep_previous = Span::millis(0)).await;
    platform.admin.publish_well(edition("1.0.0", 1 << 20)).await;
    platform.acme.enable_well("alice", MOVING, &json!({})).await;
    platform.admin.publish_well(edition("2.0.0", 1 << 20)).await;
    platform.acme.enable("alice", MOVING, &json!({ "version": "2.0.0" })).await.expect(200);
    let now = enablement(&platform).await;
    assert_eq!((&now["version"], &now["previous"]), (&json!("2.0.0"), &Value::Null), "{now}");
    platform.acme.post(&format!("{PATH}/rollback"), &json!({})).await.expect_problem(409, "CONFLICT");
    platform.end().await;
}

#[tokio::test]
async fn values_are_kept_twice_at_most_and_not_at_all_after_an_erase() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 20), ("3.0.0", 1 << 20)]).await;
    let scopes = async || platform.app.redis.hashes_with("kv:*", "note").await;
    assert_eq!(scopes().await, 1);
    for (version, migrate, status) in
        [("2.0.0", "fail", 1), ("2.0.0", "pass", 2), ("3.0.0", "trap", 2), ("3.0.0", "pass", 2)]
    {
        let wish = json!({ "version": version, "config": { "migrate": migrate } });
        platform.acme.enable("alice", MOVING, &wish).await.expect(200);
        assert_eq!(scopes().await, status, "{version} {migrate}");
    }
    let back = platform.acme.post(&format!("{PATH}/rollback"), &json!({})).await.expect(200).json();
    assert_eq!((&back["version"], scopes().await), (&json!("2.0.0"), 1));
    platform.acme.enable("alice", MOVING, &wish("3.0.0", "three")).await.expect(200);
    platform.acme.disable("alice", MOVING, true).await;
    assert_eq!(scopes().await, 0);
    platform.end().await;
}
