//! What admins see of every client: enablements, jobs, providers; and what they try again.

use semantest::store::keys::KeyScope;
use serde_json::{Value, json};

use crate::support::components::{built, built_as};
use crate::support::http::Http;
use crate::support::platform::Platform;
use crate::support::tenant::id_of;

const NOTES: &str = "semantest.notes";
const MISBEHAVE: &str = "semantest.fixture-misbehave";

/// Every entry of a list, page by page.
async fn all(admin: &Http, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let behind = cursor.as_deref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = admin.get(&format!("{path}{join}limit={limit}{behind}")).await.expect(200).json();
        let data = page["data"].as_array().cloned().unwrap_or_default();
        assert!(data.len() <= limit, "a page has at most {limit}: {page}");
        found.extend(data);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return found,
        }
    }
}

#[tokio::test]
async fn enablements_of_all_clients_are_listed_and_filtered() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    platform.give("alice", "semantest.palette").await;
    platform.acme.enable_well("bob", NOTES, &json!({})).await;
    platform.other.enable_well("alice", NOTES, &json!({})).await;
    platform.acme.disable("bob", NOTES, false).await;
    let of = async |query: &str, limit: usize| {
        let mut found: Vec<String> = all(&platform.admin, &format!("/api/v1/admin/enablements{query}"), limit)
            .await
            .iter()
            .map(|entry| {
                ["clientId", "userId", "addonId", "state"].map(|name| entry[name].as_str().unwrap_or("?")).join(" ")
            })
            .collect();
        found.sort();
        found
    };
    let everything = [
        "acme alice semantest.notes enabled",
        "acme alice semantest.palette enabled",
        "acme bob semantest.notes disabled",
        "other alice semantest.notes enabled",
    ];
    for limit in [1, 2, 50] {
        assert_eq!(of("", limit).await, everything, "{limit} a page");
    }
    assert_eq!(of("?client=other", 50).await, everything[3..]);
    assert_eq!(of("?userId=bob", 50).await, everything[2..3]);
    assert_eq!(of("?client=acme&userId=alice&addonId=semantest.palette", 50).await, everything[1..2]);
    assert_eq!(of("?addonId=semantest.notes&state=enabled", 50).await, [everything[0], everything[3]]);
    let digest = platform.acme.enablement("alice", NOTES).await.json()["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(of(&format!("?digest={digest}&state=enabled"), 50).await.len(), 2);
    assert_eq!(of("?version=99.0.0", 50).await, Vec::<String>::new());
    platform.admin.get("/api/v1/admin/enablements?state=odd&cursor=!").await.expect(422);
    platform.admin.get("/api/v1/admin/enablements?cursor=bm90aGluZw").await.expect(422);
    platform.end().await;
}

#[tokio::test]
async fn failed_jobs_of_all_clients_are_counted_tried_again_at_a_pace_and_go_on_by_cursor() {
    let platform = Platform::with(|config| config.queues.addon_calls.attempts = 1).await;
    platform.admin.publish_well(built(MISBEHAVE)).await;
    platform.give("alice", NOTES).await;
    let mut failed = Vec::new();
    for client in [&platform.acme, &platform.other] {
        client.enable_well("alice", MISBEHAVE, &json!({})).await;
        for _ in 0..3 {
            let job = client.call("alice", MISBEHAVE, "fail", &json!({ "kind": "permanent" })).await;
            assert_eq!(job["status"], "failed", "{job}");
            failed.push(id_of(&job));
        }
    }
    platform.acme.call("alice", NOTES, "list", &json!({})).await;
    let listed = all(&platform.admin, "/api/v1/admin/jobs?status=failed", 2).await;
    let mut ids: Vec<String> = listed.iter().map(id_of).collect();
    ids.sort();
    failed.sort();
    assert_eq!(ids, failed);
    assert!(listed.iter().all(|job| job["queue"] == "addon-calls" && job["clientId"].is_string()), "{listed:?}");
    let code = listed[0]["error"]["code"].as_str().expect("a code").to_owned();
    for (query, count) in [
        (format!("code={code}&client=acme"), 3),
        (format!("addonId={MISBEHAVE}&kind=invoke"), 6),
        (format!("addonId={NOTES}&kind=invoke"), 1),
        (String::from("queue=image-generation"), 0),
    ] {
        assert_eq!(all(&platform.admin, &format!("/api/v1/admin/jobs?{query}"), 50).await.len(), count, "{query}");
    }
    let retry = async |body: Value| platform.admin.post("/api/v1/admin/jobs/retry", &body).await.expect(200).json();
    let dry = retry(json!({ "code": code, "dryRun": true })).await;
    assert_eq!((&dry["matched"], &dry["retried"], &dry["nextCursor"]), (&json!(6), &json!(0), &Value::Null), "{dry}");
    let attempts = async |id: &str, client: &Http| client.job(id).await["attempts"]["made"].clone();
    let first = retry(json!({ "code": code, "limit": 4, "perSecond": 1000 })).await;
    assert_eq!((&first["matched"], &first["retried"]), (&json!(4), &json!(4)), "{first}");
    let cursor = first["nextCursor"].as_str().expect("more");
    let rest = retry(json!({ "code": code, "limit": 4, "perSecond": 1000, "cursor": cursor })).await;
    assert_eq!((&rest["matched"], &rest["nextCursor"]), (&json!(2), &Value::Null), "{rest}");
    platform.drained().await;
    assert_eq!(all(&platform.admin, "/api/v1/admin/jobs?status=failed", 50).await.len(), 6, "they failed again");
    let own = platform.acme.get("/api/v1/jobs?status=failed").await.expect(200).json();
    let id = id_of(&own["data"][0]);
    assert_eq!(attempts(&id, &platform.acme).await, json!(1), "each is tried anew: {own}");
    platform.admin.post("/api/v1/admin/jobs/retry", &json!({ "perSecond": 0, "cursor": 1 })).await.expect(422);
    platform.end().await;
}

#[tokio::test]
async fn a_filter_that_matches_nothing_tries_nothing_again() {
    let platform = Platform::start().await;
    let answer =
        platform.admin.post("/api/v1/admin/jobs/retry", &json!({ "client": "nobody" })).await.expect(200).json();
    assert_eq!((&answer["matched"], &answer["nextCursor"]), (&json!(0), &Value::Null), "{answer}");
    platform.admin.post("/api/v1/admin/jobs/retry", &json!({ "cursor": "nonsense" })).await.expect(422);
    platform.end().await;
}

#[tokio::test]
async fn providers_and_what_they_lack_are_listed() {
    let platform = Platform::start().await;
    let page = platform.admin.get("/api/v1/admin/providers").await.expect(200).json();
    let find = |name: &str| page["data"].as_array().and_then(|all| all.iter().find(|one| one["name"] == name)).cloned();
    let sketch = find("sketch").expect("sketch is always there");
    assert_eq!((&sketch["isReady"], &sketch["missing"]), (&json!(true), &Value::Null), "{page}");
    let openai = find("openai").expect("openai is always there");
    assert_eq!(openai["isReady"], false, "{page}");
    assert!(openai["missing"].is_string(), "{page}");
    platform.end().await;
}

#[tokio::test]
async fn the_platforms_own_view_is_for_admins_alone() {
    let platform = Platform::start().await;
    for path in ["enablements", "jobs", "providers", "clients", "audit"] {
        let path = format!("/api/v1/admin/{path}");
        platform.acme.get(&path).await.expect_problem(403, "FORBIDDEN");
        platform.app.caller("maker", &[KeyScope::Publisher]).await.get(&path).await.expect_problem(403, "FORBIDDEN");
        platform.app.stranger().get(&path).await.expect_problem(401, "UNAUTHENTICATED");
    }
    platform.end().await;
}

#[tokio::test]
async fn erasing_values_keeps_the_addon_its_settings_and_the_neighbours_values() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    platform.acme.enable_well("bob", NOTES, &json!({})).await;
    for user in ["alice", "bob"] {
        platform.acme.call(user, NOTES, "add", &json!({ "text": "mine" })).await;
    }
    let before = platform.acme.enablement("alice", NOTES).await.expect(200).json();
    let path = "/api/v1/users/alice/addons/semantest.notes/data";
    platform.other.delete(path).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.acme.delete(path).await.expect(204);
    let export = platform.acme.get(path).await.expect(200).json();
    assert_eq!(export["values"], json!([]), "{export}");
    assert_eq!(platform.acme.enablement("alice", NOTES).await.expect(200).json(), before);
    let count = async |user: &str| {
        platform.acme.call(user, NOTES, "list", &json!({})).await["result"]["value"]["count"].clone()
    };
    assert_eq!((count("alice").await, count("bob").await), (json!(0), json!(1)));
    let added = platform.acme.call("alice", NOTES, "add", &json!({ "text": "again" })).await;
    assert_eq!(added["status"], "completed", "{added}");
    assert_eq!(count("alice").await, json!(1));
    platform.acme.delete(path).await.expect(204);
    platform.acme.delete(path).await.expect(204);
    platform.end().await;
}

#[tokio::test]
async fn erasing_values_takes_those_for_a_rollback_too() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    platform.acme.call("alice", NOTES, "add", &json!({ "text": "before the upgrade" })).await;
    let newer = built_as(NOTES, |manifest| manifest["version"] = json!("99.0.0"));
    platform.admin.publish_well(newer).await;
    platform.acme.enable("alice", NOTES, &json!({ "version": "99.0.0" })).await.expect(200);
    let path = "/api/v1/users/alice/addons/semantest.notes/data";
    let export = platform.acme.get(path).await.expect(200).json();
    assert!(export["version"] == "99.0.0" && !export["values"].as_array().is_none_or(Vec::is_empty), "{export}");
    platform.acme.delete(path).await.expect(204);
    let export = platform.acme.get(path).await.expect(200).json().to_string();
    assert!(!export.contains("YmVmb3Jl"), "nothing of `before` is left: {export}");
    let rollback = "/api/v1/users/alice/addons/semantest.notes/rollback";
    platform.acme.post_with(rollback, &json!({}), "prefer", "wait=15").await.expect(200);
    let listed = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(listed["result"]["value"]["count"], 0, "{listed}");
    platform.end().await;
}
