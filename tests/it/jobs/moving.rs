//! An enablement on its way from one state to another: who may change it meanwhile, and what a cancelled job leaves.

use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::model::lifecycle::EnablementState;
use semantest::queue::{Lane, Producer};
use semantest::store::enablements::{Enablement, Enablements, Put, Unloading};
use semantest::store::kv::{KvStore, scope_of};
use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{built, manifest, packed};
use crate::support::platform::Platform;
use crate::support::tenant::id_of;
use crate::support::until;

const STYLES: &str = "semantest.prompt-styles";
const HOOKS: &str = "semantest.fixture-hooks";
const KEY: &str = "idempotency-key";

fn path(addon: &str) -> String {
    format!("/api/v1/users/alice/addons/{addon}")
}

async fn paused(platform: &Platform) -> Producer {
    let producer = platform.app.services.work.producer().clone();
    producer.pause(Lane::Addons).await.expect("a paused queue");
    producer
}

async fn resumed(producer: &Producer) {
    producer.resume(Lane::Addons).await.expect("a resumed queue");
}

async fn state(platform: &Platform, addon: &str) -> Value {
    platform.acme.get(&path(addon)).await.expect(200).json()["state"].clone()
}

async fn delete(platform: &Platform, addon: &str, query: &str) -> String {
    id_of(&platform.acme.delete(&format!("{}{query}", path(addon))).await.expect(202).json())
}

/// A guest that stores a value again and again, and traps when it is not let.
fn scribbler() -> Guest {
    Guest::doing(
        "(call $open (i32.const 512)) (if (i32.load8_u (i32.const 512)) (then unreachable))
         (loop $again
            (call $set (i32.load (i32.const 520)) (i32.const 1025) (i32.const 3) (i32.const 1024) (i32.const 4)
                (i32.const 0) (i64.const 0) (i32.const 640))
            (if (i32.load8_u (i32.const 640)) (then unreachable))
            (br $again))",
    )
    .importing("semantest:addon/kv@1.0.0", "semantest:addon/kv@1.0.0", &[("open", "open", "(param i32)")])
    .importing(
        "semantest:addon/kv-types@1.0.0",
        "semantest:addon/kv-types@1.0.0",
        &[("[method]bucket.set", "set", "(param i32 i32 i32 i32 i32 i32 i64 i32)")],
    )
}

#[tokio::test]
async fn a_call_that_runs_while_its_addon_is_erased_leaves_nothing_behind() {
    let platform = Platform::start().await;
    let mut wish = manifest("acme.scribbler");
    wish["capabilities"] = json!([{ "kind": "kv", "reason": "scribbles", "maxBytes": 1024 }]);
    platform.publisher.publish_well(packed(&scribbler(), &wish)).await;
    platform.acme.enable_well("alice", "acme.scribbler", &json!({})).await;
    let kv = KvStore::new(platform.app.redis.store().await);
    let addon = "acme.scribbler";
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    let scope = scope_of(&client, &user, &AddonId::parse(addon).expect("an addon"));
    let call = id_of(&platform.acme.leave("alice", addon, "run", &json!({ "params": {} })).await.expect(202).json());
    until("the call writes", async || kv.used_bytes(&scope).await.is_ok_and(|used| used > 0)).await;
    let erased = platform.acme.disable("alice", addon, true).await;
    assert_eq!(erased["result"]["state"], "erased", "{erased}");
    let job = platform.acme.reaches(&call, "failed").await;
    assert_eq!(job["error"]["code"], "ADDON_TRAPPED", "its write was refused: {job}");
    assert_eq!(kv.export(&scope).await.expect("values"), Vec::new());
    platform.acme.enablement("alice", addon).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn a_put_between_a_delete_and_its_job_is_refused_instead_of_switched_off_later() {
    let platform = Platform::start().await;
    platform.give("alice", HOOKS).await;
    let producer = paused(&platform).await;
    let job = delete(&platform, HOOKS, "").await;
    assert_eq!(state(&platform, HOOKS).await, "disabling");
    let refused = platform.acme.put(&path(HOOKS), &json!({})).await.expect_problem(409, "CONFLICT");
    assert!(refused.json()["detail"].as_str().is_some_and(|text| text.contains(&job)), "{:?}", refused.json());
    assert_eq!(delete(&platform, HOOKS, "").await, job, "the same wish is the same job");
    resumed(&producer).await;
    let ended = platform.acme.reaches(&job, "completed").await;
    assert_eq!(ended["result"]["state"], "disabled", "{ended}");
    let log = platform.acme.log(&job).await;
    assert!(log.contains("deactivated"), "it was enabled, so it has a last word: {log}");
    platform.acme.enable_well("alice", HOOKS, &json!({})).await;
    assert_eq!(state(&platform, HOOKS).await, "enabled");
    platform.end().await;
}

#[tokio::test]
async fn a_load_that_a_disable_overtook_does_not_come_back() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let producer = paused(&platform).await;
    let load = id_of(&platform.acme.put(&path(STYLES), &json!({})).await.expect(202).json());
    let unload = delete(&platform, STYLES, "").await;
    resumed(&producer).await;
    platform.acme.reaches(&unload, "completed").await;
    let overtaken = platform.acme.reaches(&load, "failed").await;
    assert_eq!(overtaken["error"]["code"], "ADDON_NOT_ENABLED", "{overtaken}");
    assert_eq!(state(&platform, STYLES).await, "disabled");
    let producer = paused(&platform).await;
    let load = id_of(&platform.acme.put(&path(STYLES), &json!({})).await.expect(202).json());
    let erase = delete(&platform, STYLES, "?erase=true").await;
    resumed(&producer).await;
    platform.acme.reaches(&erase, "completed").await;
    platform.acme.reaches(&load, "failed").await;
    platform.acme.enablement("alice", STYLES).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn an_erase_takes_over_from_a_disable_that_is_on_its_way() {
    let platform = Platform::start().await;
    platform.give("alice", HOOKS).await;
    let producer = paused(&platform).await;
    let disable = delete(&platform, HOOKS, "").await;
    let erase = delete(&platform, HOOKS, "?erase=true").await;
    assert_ne!(disable, erase);
    assert_eq!(delete(&platform, HOOKS, "").await, erase, "which does as much as was asked for");
    resumed(&producer).await;
    let ended = platform.acme.reaches(&erase, "completed").await;
    assert_eq!(ended["result"]["state"], "erased", "{ended}");
    platform.acme.reaches(&disable, "completed").await;
    let log = platform.acme.log(&erase).await;
    assert!(log.contains("deactivated"), "{log}");
    platform.acme.enablement("alice", HOOKS).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn an_unload_that_was_cancelled_in_its_queue_leaves_the_addon_on() {
    let platform = Platform::start().await;
    platform.give("alice", STYLES).await;
    let producer = paused(&platform).await;
    let job = delete(&platform, STYLES, "?erase=true").await;
    platform.acme.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await.expect(200);
    assert_eq!(state(&platform, STYLES).await, "enabled");
    resumed(&producer).await;
    let again = platform.acme.disable("alice", STYLES, false).await;
    assert_eq!(again["result"]["state"], "disabled", "{again}");
    platform.end().await;
}

#[tokio::test]
async fn an_unload_whose_request_died_before_its_job_was_made_does_not_last() {
    let platform = Platform::start().await;
    platform.give("alice", STYLES).await;
    let book = Enablements::new(platform.app.redis.store().await);
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    let addon = AddonId::parse(STYLES).expect("an addon");
    for (job, expected) in [
        (JobId::fresh("add"), "disabling"),
        (JobId::parse("add_01AN4Z07BY79KA1307SR9X4MV3").expect("an old job"), "disabled"),
    ] {
        let current = book.get(&client, &user, &addon).await.expect("Redis").expect("a record");
        let unloading = Some(Unloading { from: EnablementState::Enabled, erase: false });
        let marked = Enablement { state: EnablementState::Disabling, unloading, job_id: Some(job), ..current };
        assert!(matches!(book.put(marked.revision, &marked).await, Ok(Put::Stored(_))));
        assert_eq!(state(&platform, STYLES).await, expected);
    }
    platform.acme.enable_well("alice", STYLES, &json!({})).await;
    platform.end().await;
}

#[tokio::test]
async fn equal_wishes_at_the_same_moment_are_one_job() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let producer = paused(&platform).await;
    let path = path(STYLES);
    let body = json!({});
    let all = futures::future::join_all((0..16).map(|_| platform.acme.put(&path, &body))).await;
    let mut jobs: Vec<String> = all.into_iter().map(|answer| id_of(&answer.expect(202).json())).collect();
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    resumed(&producer).await;
    platform.acme.reaches(&jobs[0], "completed").await;
    let producer = paused(&platform).await;
    let all = futures::future::join_all((0..16).map(|_| platform.acme.delete(&path))).await;
    let mut jobs: Vec<String> = all.into_iter().map(|answer| id_of(&answer.expect(202).json())).collect();
    jobs.dedup();
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    resumed(&producer).await;
    platform.acme.reaches(&jobs[0], "completed").await;
    platform.end().await;
}

#[tokio::test]
async fn a_wish_that_is_refused_gives_its_idempotency_key_back() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    let path = path(STYLES);
    let with_key = |method: reqwest::Method, key: &'static str| {
        platform.acme.send(platform.acme.request(method, &path).header(KEY, key).json(&json!({})))
    };
    with_key(reqwest::Method::DELETE, "off-1").await.expect_problem(404, "ADDON_NOT_FOUND");
    let producer = paused(&platform).await;
    let other = json!({ "config": { "style": "photo" } });
    let load = id_of(&platform.acme.put(&path, &other).await.expect(202).json());
    with_key(reqwest::Method::PUT, "on-1").await.expect_problem(409, "CONFLICT");
    resumed(&producer).await;
    platform.acme.reaches(&load, "completed").await;
    let again = with_key(reqwest::Method::PUT, "on-1").await;
    assert!(again.status.is_success() && again.header("idempotency-replayed").is_empty(), "{:?}", again.json());
    until("the addon is at rest", async || state(&platform, STYLES).await == "enabled").await;
    let off = with_key(reqwest::Method::DELETE, "off-1").await.expect(202);
    assert_eq!(off.header("idempotency-replayed"), "");
    platform.acme.reaches(&id_of(&off.json()), "completed").await;
    let replayed = with_key(reqwest::Method::DELETE, "off-1").await.expect(202);
    assert_eq!((id_of(&replayed.json()), replayed.header("idempotency-replayed")), (id_of(&off.json()), "true"));
    platform.end().await;
}

#[tokio::test]
async fn a_load_is_either_cancelled_or_done_and_never_both() {
    let platform = Platform::start().await;
    platform.admin.publish_well(built(STYLES)).await;
    for round in 0..24_u32 {
        let path = format!("/api/v1/users/user-{round}/addons/{STYLES}");
        let job = id_of(&platform.acme.put(&path, &json!({})).await.expect(202).json());
        let due = (round % 8) * 12;
        until("the job got so far", async || {
            let job = platform.acme.job(&job).await;
            job["progress"].as_u64() >= Some(u64::from(due)) || job["status"] != "processing"
        })
        .await;
        let cancel = platform.acme.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await;
        let ended = platform.app.services.work.records();
        let id = JobId::parse(&job).expect("an id");
        until("the job is over", async || {
            ended.get(&id).await.is_ok_and(|record| record.is_some_and(|record| record.is_finished()))
        })
        .await;
        let status = platform.acme.job(&job).await["status"].clone();
        let state = platform.acme.get(&path).await.expect(200).json()["state"].clone();
        match (cancel.status.as_u16(), status.as_str(), state.as_str()) {
            (200 | 202, Some("cancelled"), Some("failed")) | (409, Some("completed"), Some("enabled")) => {}
            all => panic!("round {round}: {all:?}"),
        }
    }
    platform.end().await;
}
