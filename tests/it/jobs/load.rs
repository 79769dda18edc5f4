//! `load`: from a wish to an addon that runs, and every way that does not get there.

use semantest::config::addons::ConsentMode;
use semantest::queue::Lane;
use serde_json::json;

use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::tenant::{failed_step, id_of, steps};

const NOTES: &str = "semantest.notes";
const STYLES: &str = "semantest.prompt-styles";
const HOOKS: &str = "semantest.fixture-hooks";

#[tokio::test]
async fn every_step_of_a_load_is_on_the_job_and_on_the_enablement() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(NOTES)).await;
    let job = platform.acme.enable("alice", NOTES, &json!({})).await.expect(200).json();
    assert_eq!(job["status"], "completed", "{job}");
    let all = [
        "resolve",
        "fetch",
        "digest",
        "revocation",
        "signature",
        "manifest",
        "inspect",
        "grants",
        "compile",
        "activate",
    ];
    let expected = all.iter().map(|name| ((*name).to_owned(), String::from("completed"))).collect();
    assert_eq!(steps(&job), expected);
    assert_eq!(job["progress"], 100, "{job}");
    let enablement = platform.acme.enablement("alice", NOTES).await.expect(200).json();
    assert_eq!((&enablement["state"], &enablement["jobId"]), (&json!("enabled"), &job["jobId"]), "{enablement}");
    assert_eq!(steps(&enablement), expected);
    platform.end().await;
}

#[tokio::test]
async fn consent_is_asked_for_and_given_by_digest() {
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    platform.admin.publish_well(built(NOTES)).await;
    let asked = platform.acme.enable("alice", NOTES, &json!({})).await.expect(200).json();
    assert_eq!(asked["status"], "completed", "{asked}");
    assert_eq!(asked["result"]["state"], "awaiting-consent");
    assert_eq!(asked["result"]["requested"][0]["kind"], "kv", "{asked}");
    assert_eq!(steps(&asked).get("activate").map(String::as_str), Some("skipped"), "{asked}");
    let waiting = platform.acme.enablement("alice", NOTES).await.expect(200).json();
    assert_eq!(waiting["state"], "awaiting-consent");
    let refused = platform.acme.leave("alice", NOTES, "list", &json!({"params": {}})).await;
    refused.expect_problem(409, "ADDON_NOT_ENABLED");
    let other = format!("sha256:{}", "0".repeat(64));
    let wrong =
        platform.acme.enable("alice", NOTES, &json!({"consent": other})).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(wrong.pointers(), ["/consent"]);
    let digest = asked["result"]["digest"].clone();
    let given = platform.acme.enable("alice", NOTES, &json!({"consent": digest})).await.expect(200).json();
    assert_eq!(given["result"]["state"], "enabled", "{given}");
    platform.end().await;
}

#[tokio::test]
async fn an_addon_that_asks_for_nothing_needs_no_consent() {
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    platform.give("alice", STYLES).await;
    platform.end().await;
}

#[tokio::test]
async fn the_same_wish_is_one_job_and_another_one_meanwhile_is_a_conflict() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Addons).await.expect("a paused queue");
    let path = format!("/api/v1/users/alice/addons/{STYLES}");
    let first = platform.acme.put(&path, &json!({})).await.expect(202).json();
    let again = platform.acme.put(&path, &json!({})).await.expect(202).json();
    assert_eq!(first["jobId"], again["jobId"]);
    let different = json!({"config": {"style": "photo"}});
    platform.acme.put(&path, &different).await.expect_problem(409, "CONFLICT");
    producer.resume(Lane::Addons).await.expect("a resumed queue");
    platform.acme.reaches(&id_of(&first), "completed").await;
    let unchanged = platform.acme.put(&path, &json!({})).await.expect(200).json();
    assert_eq!((&unchanged["state"], &unchanged["jobId"]), (&json!("enabled"), &first["jobId"]));
    let changed = platform.acme.enable("alice", STYLES, &different).await.expect(200).json();
    assert_eq!(changed["status"], "completed", "{changed}");
    assert_ne!(changed["jobId"], first["jobId"]);
    platform.end().await;
}

#[tokio::test]
async fn a_load_that_was_cancelled_in_its_queue_does_not_stand_in_the_way_of_the_next() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Addons).await.expect("a paused queue");
    let path = format!("/api/v1/users/alice/addons/{STYLES}");
    let job = platform.acme.put(&path, &json!({})).await.expect(202).json();
    platform.acme.post(&format!("/api/v1/jobs/{}/cancel", id_of(&job)), &json!({})).await.expect(200);
    let enablement = platform.acme.get(&path).await.expect(200).json();
    assert_eq!((&enablement["state"], &enablement["error"]["code"]), (&json!("failed"), &json!("CANCELLED")));
    producer.resume(Lane::Addons).await.expect("a resumed queue");
    platform.acme.enable_well("alice", STYLES, &json!({"style": "photo"})).await;
    platform.end().await;
}

#[tokio::test]
async fn what_is_not_there_or_does_not_fit_is_refused_at_once() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let bad = json!({"config": {"style": 7, "bannedWords": "war", "colour": "red"}});
    let answer = platform.acme.enable("alice", STYLES, &bad).await.expect_problem(422, "VALIDATION_ERROR");
    let pointers = answer.pointers();
    for pointer in ["/config/style", "/config/bannedWords"] {
        assert!(pointers.iter().any(|known| known == pointer), "{pointer} is missing: {pointers:?}");
    }
    assert_eq!(pointers.len(), 3, "{pointers:?}");
    platform.acme.enable("alice", STYLES, &json!({"version": "9.9.9"})).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.acme.enable("alice", "acme.nothing", &json!({})).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.acme.enablement("alice", STYLES).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn an_addon_that_refuses_to_start_is_a_failed_load_and_can_be_loaded_again() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(HOOKS)).await;
    for (behaviour, code) in [("refuse", "ACTIVATE_FAILED"), ("fail", "ACTIVATE_FAILED"), ("trap", "ADDON_TRAPPED")] {
        let config = json!({"config": {"activate": behaviour}});
        let job = platform.acme.enable("alice", HOOKS, &config).await.expect(200).json();
        assert_eq!(job["status"], "failed", "{behaviour}: {job}");
        assert_eq!(failed_step(&job), (String::from("activate"), code.to_owned()), "{job}");
        let enablement = platform.acme.enablement("alice", HOOKS).await.expect(200).json();
        assert_eq!((&enablement["state"], &enablement["error"]["code"]), (&json!("failed"), &json!(code)));
    }
    platform.acme.enable_well("alice", HOOKS, &json!({"activate": "pass"})).await;
    platform.end().await;
}

#[tokio::test]
async fn a_component_that_was_loaded_once_is_not_inspected_again_for_the_next_users() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(NOTES)).await;
    let none = json!({});
    let users = ["alice", "bob", "carol"].map(|user| platform.acme.enable(user, NOTES, &none));
    for answer in futures::future::join_all(users).await {
        let job = answer.expect(200).json();
        assert_eq!(job["result"]["state"], "enabled", "{job}");
        let step = job["steps"].as_array().and_then(|all| all.iter().find(|step| step["name"] == "inspect"));
        assert!(step.is_some_and(|step| step["detail"]["imports"].is_array()), "{job}");
    }
    assert_eq!(platform.app.services.addons.inspections(), 1);
    platform.end().await;
}
