//! The three keys over real guests: what the manifest asks for, what the platform allows, what the user gave.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use semantest::config::addons::ConsentMode;
use semantest::model::capability::CapabilityKind;
use semantest::model::ceiling::{Ceiling, Ceilings};
use semantest::store::policy::{Policies, Policy};
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{manifest, packed};
use crate::support::platform::Platform;
use crate::support::tenant::failed_step;
use crate::support::until;

const ADDON: &str = "acme.keeper";

/// An addon that keeps its parameters under the key `"n"`, three bytes long, and passes on what the host answers.
fn keeper(version: &str, max_bytes: Option<u64>) -> Bytes {
    let guest = Guest::doing(
        "(call $open (i32.const 512)) (if (i32.load8_u (i32.const 512)) (then (return (i32.const 512))))
         (call $set (i32.load (i32.const 520)) (i32.const 1025) (i32.const 3)
            (i32.load offset=80 (local.get $call)) (i32.load offset=84 (local.get $call))
            (i32.const 0) (i64.const 0) (i32.const 640))
         (if (i32.load8_u (i32.const 640)) (then (return (i32.const 640))))",
    )
    .importing("semantest:addon/kv@1.0.0", "semantest:addon/kv@1.0.0", &[("open", "open", "(param i32)")])
    .importing(
        "semantest:addon/kv-types@1.0.0",
        "semantest:addon/kv-types@1.0.0",
        &[("[method]bucket.set", "set", "(param i32 i32 i32 i32 i32 i32 i64 i32)")],
    );
    let mut asking = manifest(ADDON);
    asking["version"] = json!(version);
    let mut kv = json!({ "kind": "kv", "reason": "keeps what it is told" });
    if let Some(bytes) = max_bytes {
        kv["maxBytes"] = json!(bytes);
    }
    asking["capabilities"] = json!([kv]);
    packed(&guest, &asking)
}

/// Parameters of exactly this many bytes, at least 8, so that with the key `bytes` + 3 are in use.
fn parameters(bytes: usize) -> Value {
    json!({ "p": "x".repeat(bytes - 8) })
}

/// Keeps so much that this many bytes are in use.
async fn keep(platform: &Platform, in_use: usize) -> Value {
    platform.acme.call("alice", ADDON, "run", &parameters(in_use - 3)).await
}

fn grants(bytes: u64) -> Value {
    json!([{ "kind": "kv", "maxBytes": bytes }])
}

#[tokio::test]
async fn whoever_sets_the_bound_is_named_when_it_is_met() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    for (ceilings, granted, key, rule) in [
        (json!({}), 100, "manifest", "the manifest asks for `kv` up to 100B"),
        (json!({ "kv": { "maxBytes": 60 } }), 80, "ceiling", "the platform allows `kv` up to 60B"),
        (json!({ "kv": { "maxBytes": 80 } }), 60, "grant", "the user gave `kv` up to 60B"),
    ] {
        platform.admin.bound(&ceilings, &json!({})).await;
        platform.acme.change("alice", ADDON, &json!({ "grants": grants(granted) })).await.expect(200);
        let most = if key == "manifest" { 100 } else { 60 };
        assert_eq!(keep(&platform, most).await["status"], "completed", "{key}");
        let failed = keep(&platform, most + 1).await;
        assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("QUOTA_EXCEEDED")));
        assert_eq!(failed["error"]["addonCode"], "over-quota", "the guest saw the host's own error: {failed}");
        let details = &failed["error"]["details"];
        let expected = json!({
            "limit": "kvStoredBytes", "reached": most + 1, "allowed": most, "capability": "kv", "key": key, "rule": rule,
        });
        assert_eq!(details, &expected);
        let explained = platform.acme.explain("alice", ADDON, &format!("capability=kv&bytes={}", most + 1)).await;
        assert_eq!((&explained["allowed"], &explained["deniedBy"]), (&json!(false), &json!(key)), "{explained}");
        assert!(explained["inWords"].as_str().is_some_and(|text| text.ends_with(&format!("{rule}."))), "{explained}");
        let allowed = platform.acme.explain("alice", ADDON, &format!("capability=kv&bytes={most}")).await;
        assert_eq!(allowed["allowed"], true, "{allowed}");
        // Room for the next one.
        assert_eq!(keep(&platform, 11).await["status"], "completed");
    }
    platform.end().await;
}

/// One case: what each key says about bytes. None is no bound, and for the grant what is asked for.
type Case = (Option<u64>, Option<Option<u64>>, Option<u64>, u64);

fn case() -> impl Strategy<Value = Case> {
    let bytes = || 11_u64..60;
    (
        prop::option::weighted(0.8, bytes()),
        prop::option::weighted(0.9, prop::option::weighted(0.8, bytes())),
        prop::option::of(0.2_f64..1.0),
        bytes(),
    )
        .prop_map(|(asked, ceiling, share, wanted)| {
            // A grant narrows what is asked for; more than that is refused before anything happens.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "small numbers"
            )]
            let granted = share.map(|share| (asked.unwrap_or(60) as f64 * share) as u64);
            (asked, ceiling, granted, wanted)
        })
}

#[tokio::test]
async fn what_is_explained_is_what_then_happens() {
    let platform = Platform::start().await;
    let mut runner = TestRunner::deterministic();
    let mut denied = 0;
    for turn in 0..40 {
        let (asked, ceiling, granted, wanted) = case().new_tree(&mut runner).expect("a case").current();
        let what = format!("{turn}: asked {asked:?}, ceiling {ceiling:?}, granted {granted:?}, wanted {wanted}");
        let version = format!("1.0.{turn}");
        platform.publisher.publish_well(keeper(&version, asked)).await;
        platform.admin.bound(&json!({}), &json!({})).await;
        let grants = granted.map_or(json!("requested"), grants);
        let wish = json!({ "version": version, "grants": grants });
        let loaded = platform.acme.enable("alice", ADDON, &wish).await.expect(200).json();
        assert_eq!(loaded["result"]["state"], "enabled", "{what}: {loaded}");
        // None: the door is closed. Some(None): open without a bound.
        let kv = match ceiling {
            None => json!({ "allowed": false }),
            Some(None) => json!({}),
            Some(Some(bytes)) => json!({ "maxBytes": bytes }),
        };
        platform.admin.bound(&json!({ "kv": kv }), &json!({})).await;
        let explained = platform.acme.explain("alice", ADDON, &format!("capability=kv&bytes={wanted}")).await;
        let happened = keep(&platform, usize::try_from(wanted).expect("a small number")).await;
        let is_allowed = happened["status"] == "completed";
        assert_eq!(explained["allowed"], is_allowed, "{what}: {explained} {happened}");
        let details = &happened["error"]["details"];
        assert_eq!(explained["deniedBy"], details["key"], "{what}: {explained} {happened}");
        denied += usize::from(!is_allowed);
        // What is kept must not decide about the next turn: a smaller state is always taken.
        platform.acme.disable("alice", ADDON, true).await;
    }
    assert!((5..35).contains(&denied), "{denied} of 40 were denied: the cases say little");
    platform.end().await;
}

#[tokio::test]
async fn a_ceiling_that_is_lowered_elsewhere_holds_at_the_next_call() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    assert_eq!(keep(&platform, 50).await["status"], "completed");
    // Another process' admin: this one hears of it over the control channel alone.
    let policies = Policies::new(platform.app.redis.store().await);
    let closed =
        |ceiling: Ceiling| Policy { ceilings: Ceilings::from([(CapabilityKind::Kv, ceiling)]), ..Policy::default() };
    let now = chrono::Utc::now();
    policies.put(0, closed(Ceiling::closed()), now).await.expect("a policy").expect("the first one");
    until("the ceiling holds", async || keep(&platform, 50).await["status"] == "failed").await;
    let failed = keep(&platform, 50).await;
    assert_eq!(failed["error"]["code"], "NOT_GRANTED", "{failed}");
    let expected = json!({
        "capability": "kv", "key": "ceiling", "rule": "the platform allows no `kv`", "interface": "semantest:addon/kv",
    });
    assert_eq!(failed["error"]["details"], expected);
    // The enablement is as it was, and runs again when the ceiling is lifted.
    assert_eq!(platform.acme.enablement("alice", ADDON).await.expect(200).json()["state"], "enabled");
    policies.put(1, closed(Ceiling::default()), now).await.expect("a policy").expect("the second one");
    until("the ceiling is lifted", async || keep(&platform, 50).await["status"] == "completed").await;
    platform.end().await;
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_refused_by_name_before_anything_is_linked() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    let job = platform.acme.enable("alice", ADDON, &json!({ "grants": [] })).await.expect(200).json();
    assert_eq!(failed_step(&job), (String::from("grants"), String::from("NOT_GRANTED")), "{job}");
    let message = job["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("`semantest:addon/kv`") && message.contains("the user did not give `kv`"), "{message}");
    assert_eq!(job["error"]["details"]["key"], "grant", "{job}");

    platform.admin.bound(&json!({}), &json!({ "acme": { "ceilings": { "kv": { "allowed": false } } } })).await;
    let job = platform.acme.enable("alice", ADDON, &json!({})).await.expect(200).json();
    assert_eq!(failed_step(&job), (String::from("grants"), String::from("NOT_GRANTED")), "{job}");
    let rule = "the platform, for addons of `acme`, allows no `kv`";
    assert_eq!(job["error"]["details"]["rule"], rule, "{job}");
    platform.admin.bound(&json!({}), &json!({})).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    platform.end().await;
}

#[tokio::test]
async fn grants_are_narrowed_and_never_widened_or_unreadable() {
    let platform = Platform::start().await;
    platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    platform.acme.enable_well("alice", ADDON, &json!({})).await;
    for wrong in [
        json!([{ "kind": "kv", "maxBytes": 101 }]),
        json!([{ "kind": "kv" }]),
        json!([{ "kind": "kv", "maxBytes": 10 }, { "kind": "jobs" }]),
        json!([{ "kind": "kv", "hosts": ["https://a.example"] }]),
        // It is linked with `kv`: without, it could not run at all.
        json!([]),
    ] {
        let answer = platform.acme.change("alice", ADDON, &json!({ "grants": wrong })).await;
        assert_eq!(answer.expect_problem(422, "VALIDATION_ERROR").pointers(), ["/grants"], "{wrong}");
    }
    platform.acme.change("alice", ADDON, &json!({ "grants": grants(0) })).await.expect(200);
    let failed = keep(&platform, 11).await;
    assert_eq!(failed["error"]["details"]["key"], "grant", "{failed}");
    platform.end().await;
}

#[tokio::test]
async fn nothing_is_given_before_consent() {
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    let asked = platform.acme.enable("alice", ADDON, &json!({})).await.expect(200).json();
    assert_eq!(asked["result"]["state"], "awaiting-consent", "{asked}");
    let before = platform.acme.explain("alice", ADDON, "capability=kv&key=city").await;
    assert_eq!((&before["allowed"], &before["deniedBy"]), (&json!(false), &json!("grant")), "{before}");
    assert_eq!(before["keys"][2]["rule"], "the user has not consented to this version yet");
    let wish = json!({ "consent": asked["result"]["digest"] });
    platform.acme.enable("alice", ADDON, &wish).await.expect(200);
    let after = platform.acme.explain("alice", ADDON, "capability=kv&key=city").await;
    assert_eq!(after["allowed"], true, "{after}");
    let shared = platform.acme.explain("alice", ADDON, "capability=kv-shared").await;
    assert_eq!(shared["deniedBy"], "manifest", "{shared}");
    platform.other.get(&format!("/api/v1/users/alice/addons/{ADDON}/explain?capability=kv")).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn a_namespace_decides_itself_who_approves() {
    let platform = Platform::start().await;
    let request = platform.admin.request(reqwest::Method::PUT, "/api/v1/admin/policy").header("if-match", "*");
    let policy = json!({ "approval": "auto", "ceilings": {}, "namespaces": { "acme": { "approval": "manual" } } });
    platform.admin.send(request.json(&policy)).await.expect(200);
    let published = platform.publisher.publish_well(keeper("1.0.0", Some(100))).await;
    assert_eq!(published["state"], "pending", "{published}");
    platform.end().await;
}
