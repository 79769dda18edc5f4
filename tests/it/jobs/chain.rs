//! A user's hooks as one chain: their order, what each may take, what breaks is passed by or fatal as declared, and the job
//! shows who did what.

use semantest::model::id::{AddonId, ClientId, UserId};
use semantest::model::lifecycle::EnablementState;
use semantest::model::units::Span;
use semantest::store::enablements::{Enablement, Enablements};
use serde_json::{Value, json};

use crate::support::components::hooking;
use crate::support::platform::Platform;
use crate::support::tenant::steps;
use crate::support::until;

const CHAT: &str = "/api/v1/chat/new";
const PALETTE: &str = "semantest.palette";
const TEXT: &str = "a serene garden";

fn garden() -> Value {
    json!({"userId": "alice", "prompt": TEXT, "imageGeneration": {"enabled": true, "size": "64x64"}})
}

/// A platform where crashes pause nobody, so that the same hook may crash again and again.
async fn patient() -> Platform {
    Platform::with(|config| config.addons.quarantine.user_crashes = 0).await
}

async fn give(platform: &Platform, id: &str, hook: Value, settings: Value) {
    platform.publisher.publish_well(hooking(id, &json!([hook]))).await;
    platform.acme.enable_well("alice", id, &settings).await;
}

/// Addon and verdict of each line of a trace.
fn verdicts(trace: &Value) -> Vec<(&str, &str)> {
    let text = |line: &'_ Value, name: &str| line[name].as_str().map(str::len);
    let lines = trace.as_array().expect("a trace");
    assert!(lines.iter().all(|line| text(line, "addonId").is_some() && line["ms"].is_u64()), "{trace}");
    assert!(!trace.to_string().contains(TEXT), "no prompt stands in a trace: {trace}");
    lines.iter().filter_map(|line| Some((line["addonId"].as_str()?, line["verdict"].as_str()?))).collect()
}

#[tokio::test]
async fn five_hooks_run_in_order_and_each_breaks_as_it_declared() {
    let platform = patient().await;
    let before = |phase: &str, failure: &str| json!({"point": "before-image", "phase": phase, "onFailure": failure});
    // Enabled in the order in which they do not run.
    give(&platform, "acme.fatal", before("last", "closed"), json!({"beforeImage": "trap"})).await;
    give(&platform, "acme.second-writer", before("normal", "closed"), json!({"beforeImage": "rewrite"})).await;
    give(&platform, "acme.crasher", before("normal", "open"), json!({"beforeImage": "trap"})).await;
    let slow = json!({"point": "before-image", "timeoutMs": 100, "cpuMs": 9000});
    give(&platform, "acme.slow", slow, json!({"beforeImage": "loop"})).await;
    give(&platform, "acme.first-writer", before("first", "closed"), json!({"beforeImage": "rewrite"})).await;
    platform.acme.change("alice", "acme.second-writer", &json!({"order": 9})).await.expect(200);
    platform.acme.change("alice", "acme.slow", &json!({"order": -9})).await.expect(200);

    let job = platform.acme.done(CHAT, &garden()).await;
    let error = &job["error"];
    assert_eq!((&job["status"], &error["code"]), (&json!("failed"), &json!("ADDON_TRAPPED")), "{job}");
    assert_eq!(
        (&error["details"]["addonId"], &error["details"]["point"]),
        (&json!("acme.fatal"), &json!("before-image"))
    );
    let trace = &error["details"]["hooks"];
    let expected = [
        ("acme.first-writer", "rewrite"),
        ("acme.slow", "failed"),
        ("acme.crasher", "failed"),
        ("acme.second-writer", "rewrite"),
        ("acme.fatal", "failed"),
    ];
    assert_eq!(verdicts(trace), expected, "{job}");
    assert_eq!(trace[0]["changed"], json!(["prompt"]), "{trace}");
    assert_eq!(
        (&trace[1]["code"], &trace[2]["code"]),
        (&json!("DEADLINE_EXCEEDED"), &json!("ADDON_TRAPPED")),
        "{trace}"
    );
    assert!(trace[1]["error"].as_str().is_some_and(|text| text.contains("100ms")), "{trace}");
    assert!(trace[1]["cpuMs"].is_u64(), "{trace}");
    assert!(!steps(&job).contains_key("generate"), "no provider was asked: {job}");

    platform.acme.disable("alice", "acme.fatal", false).await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!(verdicts(&job["result"]["hooks"]), expected[..4], "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_users_order_moves_hooks_and_an_upgrade_does_not() {
    let platform = Platform::start().await;
    let normal = json!({"point": "before-image"});
    for id in ["acme.bee", "acme.ant", "acme.cat"] {
        give(&platform, id, normal.clone(), json!({})).await;
    }
    let order = async || {
        let job = platform.acme.done(CHAT, &garden()).await;
        let trace = job["result"]["hooks"].clone();
        verdicts(&trace).into_iter().map(|(addon, _)| addon.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order().await, ["acme.bee", "acme.ant", "acme.cat"], "who was enabled first");
    platform.acme.change("alice", "acme.cat", &json!({"order": -1})).await.expect(200);
    assert_eq!(order().await, ["acme.cat", "acme.bee", "acme.ant"]);
    let newer = hooking("acme.bee", &json!([normal, {"point": "after-image"}]));
    let mut manifest = json!(semantest::host::section::read(&newer).expect("a manifest"));
    manifest["version"] = json!("0.2.0");
    let manifest = semantest::model::manifest::Manifest::from_value(manifest).expect("a good manifest");
    let newer = semantest::host::section::embed(&newer, &manifest).expect("a component");
    platform.publisher.publish_well(newer.into()).await;
    platform.acme.enable_well("alice", "acme.bee", &json!({})).await;
    assert_eq!(
        order().await,
        ["acme.cat", "acme.bee", "acme.ant", "acme.bee"],
        "its place stays, and one more hook is there"
    );
    platform.end().await;
}

#[tokio::test]
async fn a_rewrite_that_no_client_could_send_is_the_hooks_failure_and_not_the_users() {
    let platform = Platform::start().await;
    let hook = |failure: &str| json!({"point": "before-image", "onFailure": failure});
    let settings = json!({"beforeImage": "rewrite", "mark": "far too long ".repeat(7)});
    give(&platform, "acme.long-winded", hook("open"), settings.clone()).await;
    let asked = json!({"userId": "alice", "prompt": "x".repeat(3990), "size": "64x64"});
    let job = platform.acme.done("/api/v1/images/generate", &asked).await;
    assert_eq!(job["status"], "completed", "{job}");
    let line = &job["result"]["hooks"][0];
    assert_eq!((&line["verdict"], &line["code"]), (&json!("failed"), &json!("ADDON_RESULT_INVALID")), "{line}");
    platform.acme.disable("alice", "acme.long-winded", true).await;
    give(&platform, "acme.strict", hook("closed"), settings).await;
    let job = platform.acme.done("/api/v1/images/generate", &asked).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("ADDON_RESULT_INVALID")), "{job}");
    assert_eq!(job["error"]["details"]["addonId"], "acme.strict", "{job}");
    platform.end().await;
}

#[tokio::test]
async fn the_next_hook_opens_the_picture_that_took_the_first_ones_place() {
    let platform = Platform::start().await;
    let after = json!({"point": "after-image", "phase": "first", "onFailure": "closed"});
    give(&platform, "acme.framer", after, json!({"afterImage": "replace"})).await;
    platform.give("alice", PALETTE).await;
    let body = json!({"userId": "alice", "prompt": TEXT, "size": "64x64", "count": 2});
    let job = platform.acme.done("/api/v1/images/generate", &body).await;
    assert_eq!(job["status"], "completed", "{job}");
    let (trace, images) = (&job["result"]["hooks"], &job["result"]["images"]);
    let expected = [("acme.framer", "replace"), (PALETTE, "keep"), ("acme.framer", "replace"), (PALETTE, "keep")];
    assert_eq!(verdicts(trace), expected, "each picture is shown once: {job}");
    assert_eq!((&trace[1]["image"], &trace[2]["image"]), (&json!(0), &json!(1)), "{trace}");
    assert_eq!(trace[0]["replaced"]["to"], images[0]["sha256"], "{job}");
    assert!(images[1]["tags"][PALETTE]["colours"].is_array(), "it read the picture that it was given: {job}");
    platform.end().await;
}

#[tokio::test]
async fn what_is_no_picture_takes_no_pictures_place() {
    let platform = Platform::start().await;
    give(&platform, "acme.spoiler", json!({"point": "after-image"}), json!({"afterImage": "spoil"})).await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(job["status"], "completed", "{job}");
    let line = &job["result"]["hooks"][0];
    assert_eq!((&line["verdict"], &line["code"]), (&json!("failed"), &json!("ADDON_RESULT_INVALID")), "{line}");
    let id = job["result"]["images"][0]["id"].as_str().expect("an id").to_owned();
    let kept = platform.acme.get(&format!("/api/v1/artifacts/{id}")).await.expect(200);
    assert!(kept.bytes.starts_with(b"\x89PNG"), "the provider's own picture stays");
    platform.end().await;
}

#[tokio::test]
async fn hooks_share_a_budget_and_whom_the_others_left_no_time_is_not_to_blame() {
    let platform = Platform::with(|config| config.addons.hooks.chain_budget = Span::secs(2)).await;
    let hook = |timeout: u32| json!({"point": "before-image", "timeoutMs": timeout, "cpuMs": 9000});
    give(&platform, "acme.quick-loop", hook(100), json!({"beforeImage": "loop"})).await;
    give(&platform, "acme.long-loop", hook(20_000), json!({"beforeImage": "loop"})).await;
    give(&platform, "acme.waiting", hook(1000), json!({"beforeImage": "rewrite"})).await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(job["status"], "completed", "{job}");
    let trace = &job["result"]["hooks"];
    let expected = [("acme.quick-loop", "failed"), ("acme.long-loop", "failed"), ("acme.waiting", "skipped")];
    assert_eq!(verdicts(trace), expected, "{job}");
    assert_eq!(trace[2]["code"], "DEADLINE_EXCEEDED", "{trace}");
    assert!(trace[2]["error"].as_str().is_some_and(|text| text.contains("2s")), "{trace}");
    let counted = async |id: &str| platform.acme.enablement("alice", id).await.expect(200).json()["breakers"].clone();
    assert_eq!(counted("acme.quick-loop").await[0]["failures"], 1);
    assert_eq!((counted("acme.long-loop").await, counted("acme.waiting").await), (Value::Null, Value::Null));
    platform.end().await;
}

#[tokio::test]
async fn a_hook_that_may_not_run_is_no_hook_that_is_not_there() {
    let platform = Platform::with(|config| config.addons.quarantine.user_crashes = 1).await;
    let hook = |failure: &str| json!({"point": "before-image", "onFailure": failure});
    give(&platform, "acme.open-one", hook("open"), json!({"beforeImage": "trap"})).await;
    assert_eq!(platform.acme.done(CHAT, &garden()).await["status"], "completed");
    let job = platform.acme.done(CHAT, &garden()).await;
    let line = &job["result"]["hooks"][0];
    assert_eq!((&line["verdict"], &line["code"]), (&json!("skipped"), &json!("ADDON_QUARANTINED")), "{job}");
    platform.acme.disable("alice", "acme.open-one", true).await;

    give(&platform, "acme.closed-one", hook("closed"), json!({"beforeImage": "trap"})).await;
    assert_eq!(platform.acme.done(CHAT, &garden()).await["error"]["code"], "ADDON_TRAPPED");
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!((&job["error"]["code"], &job["attempts"]["made"]), (&json!("ADDON_QUARANTINED"), &json!(1)), "{job}");
    platform.acme.disable("alice", "acme.closed-one", true).await;

    give(&platform, "acme.blocked-one", hook("closed"), json!({})).await;
    assert_eq!(platform.acme.done(CHAT, &garden()).await["status"], "completed");
    let block = json!({"addon": "acme.blocked-one", "range": "*", "reason": "a test"});
    platform.admin.post("/api/v1/admin/blocks", &block).await.expect(201);
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(job["error"]["code"], "ADDON_BLOCKED", "{job}");
    assert_eq!(verdicts(&job["error"]["details"]["hooks"]), [("acme.blocked-one", "skipped")], "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_chat_shows_how_many_messages_were_added_and_what_was_changed() {
    let platform = Platform::start().await;
    let hook = json!({"point": "before-prompt"});
    let secret = "marked secret";
    give(&platform, "acme.rewriter", hook.clone(), json!({"beforePrompt": "rewrite", "mark": secret})).await;
    give(&platform, "acme.helper", hook.clone(), json!({"beforePrompt": "add-context", "mark": secret})).await;
    give(&platform, "acme.stopper", hook, json!({"beforePrompt": "fail"})).await;
    let job = platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": TEXT})).await;
    let trace = &job["result"]["hooks"];
    let expected = [("acme.rewriter", "rewrite"), ("acme.helper", "add-context"), ("acme.stopper", "failed")];
    assert_eq!(verdicts(trace), expected, "{job}");
    assert_eq!((&trace[0]["changed"], &trace[1]["messages"]), (&json!(["text"]), &json!(1)), "{trace}");
    assert_eq!(trace[2]["addonCode"], "fixture-failed", "{trace}");
    assert!(!trace.to_string().contains(secret) && !trace.to_string().contains("the fixture fails"), "{trace}");
    platform.end().await;
}

#[tokio::test]
async fn a_job_that_fails_after_its_hooks_shows_them_too() {
    let platform = Platform::start().await;
    give(&platform, "acme.writer", json!({"point": "before-image"}), json!({"beforeImage": "rewrite"})).await;
    let asked = json!({"userId": "alice", "prompt": TEXT, "provider": "nobody"});
    let job = platform.acme.done("/api/v1/images/generate", &asked).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(verdicts(&job["error"]["details"]["hooks"]), [("acme.writer", "rewrite")], "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_fail_closed_hook_that_waits_for_a_secret_lets_nothing_through() {
    let platform = Platform::start().await;
    let hook = json!({"point": "before-image", "onFailure": "closed"});
    give(&platform, "acme.keyed", hook, json!({})).await;
    assert_eq!(platform.acme.done(CHAT, &garden()).await["status"], "completed");
    let book = Enablements::new(platform.app.redis.store().await);
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    let addon = AddonId::parse("acme.keyed").expect("an addon");
    let record = book.get(&client, &user, &addon).await.expect("Redis").expect("a record");
    let waiting = Enablement { state: EnablementState::AwaitingSecrets, ..record };
    book.put(waiting.revision, &waiting).await.expect("Redis");
    // Every worker hears of it within a moment.
    until("nothing goes through", async || platform.acme.done(CHAT, &garden()).await["status"] == "failed").await;
    let job = platform.acme.done(CHAT, &garden()).await;
    assert_eq!(job["error"]["code"], "SECRET_MISSING", "{job}");
    assert_eq!(verdicts(&job["error"]["details"]["hooks"]), [("acme.keyed", "skipped")], "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_reply_goes_through_the_hooks_behind_it_and_each_sees_what_the_one_before_made_of_it() {
    let platform = patient().await;
    let after = json!({"point": "after-reply"});
    let replier = json!({"beforePrompt": "reply", "mark": "good morning"});
    give(&platform, "acme.replier", json!({"point": "before-prompt"}), replier).await;
    let chat = async || platform.acme.done(CHAT, &json!({"userId": "alice", "prompt": TEXT})).await;
    let alone = chat().await;
    assert_eq!(alone["result"]["reply"]["text"], "good morning", "{alone}");
    give(&platform, "acme.one", after.clone(), json!({"afterReply": "rewrite", "mark": "one:"})).await;
    give(&platform, "acme.impostor", after.clone(), json!({"afterReply": "spoil", "mark": "the system"})).await;
    give(&platform, "acme.crash", after.clone(), json!({"afterReply": "trap"})).await;
    give(&platform, "acme.two", after, json!({"afterReply": "rewrite", "mark": "two:"})).await;
    let job = chat().await;
    let reply = json!({"role": "assistant", "text": "two: one: good morning", "addonId": "acme.replier"});
    assert_eq!(job["result"]["reply"], reply, "{job}");
    let trace = &job["result"]["hooks"];
    let expected = [
        ("acme.replier", "reply"),
        ("acme.one", "rewrite"),
        ("acme.impostor", "failed"),
        ("acme.crash", "failed"),
        ("acme.two", "rewrite"),
    ];
    assert_eq!(verdicts(trace), expected, "{job}");
    assert_eq!((&trace[1]["point"], &trace[1]["changed"]), (&json!("after-reply"), &json!(["text"])), "{trace}");
    assert_eq!(trace[2]["code"], "ADDON_RESULT_INVALID", "a reply stays the assistant's: {trace}");
    platform.acme.enable_well("alice", "acme.two", &json!({"afterReply": "block"})).await;
    let blocked = chat().await;
    assert_eq!(blocked["error"]["code"], "BLOCKED_BY_ADDON", "{blocked}");
    assert_eq!(blocked["error"]["details"]["point"], "after-reply", "{blocked}");
    // Without a reply there is nothing to look at.
    platform.acme.enable_well("alice", "acme.replier", &json!({"beforePrompt": "pass"})).await;
    let silent = chat().await;
    assert_eq!((&silent["status"], &silent["result"]["reply"]), (&json!("completed"), &Value::Null), "{silent}");
    assert_eq!(verdicts(&silent["result"]["hooks"]), [("acme.replier", "pass")], "{silent}");
    platform.end().await;
}
