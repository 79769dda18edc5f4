//! `kv-shared`: one store for all users of one client, with a quota of its own.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::platform::Platform;

const SIGNALS: &str = "semantest.fixture-signals";

async fn keys(client: &crate::support::http::Http, user: &str) -> Value {
    client.call(user, SIGNALS, "shared", &json!({})).await["result"]["value"].clone()
}

#[tokio::test]
async fn users_of_one_client_see_the_same_and_those_of_another_see_nothing_of_it() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.acme.enable_well("bob", SIGNALS, &json!({})).await;
    platform.other.enable_well("alice", SIGNALS, &json!({})).await;
    platform.acme.call("alice", SIGNALS, "share", &json!({"key": "a", "bytes": 10})).await;
    assert_eq!(keys(&platform.acme, "bob").await, json!(["a"]));
    assert_eq!(keys(&platform.other, "alice").await, json!([]));
    platform.end().await;
}

#[tokio::test]
async fn writers_at_the_same_time_neither_lose_a_count_nor_pass_the_quota() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.acme.enable_well("bob", SIGNALS, &json!({})).await;
    let users = ["alice", "bob"];
    let calls: Vec<(&str, Value)> =
        (0..20).map(|number| (users[number % 2], json!({"key": format!("k{number:02}"), "bytes": 500}))).collect();
    let nothing = json!({});
    let counted = calls.iter().map(|(user, _)| platform.acme.call(user, SIGNALS, "count", &nothing));
    let mut counts: Vec<u64> =
        join_all(counted).await.iter().filter_map(|job| job["result"]["value"].as_u64()).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=20).collect::<Vec<u64>>());
    let shared = join_all(calls.iter().map(|(user, params)| platform.acme.call(user, SIGNALS, "share", params))).await;
    let (kept, refused): (Vec<&Value>, Vec<&Value>) = shared.iter().partition(|job| job["status"] == "completed");
    // 4096 bytes: the counter has 7, each value 503 with its key.
    assert_eq!((kept.len(), refused.len()), (8, 12), "{shared:?}");
    for job in refused {
        assert_eq!(
            (&job["error"]["code"], &job["error"]["addonCode"]),
            (&json!("QUOTA_EXCEEDED"), &json!("over-quota"))
        );
        assert_eq!(
            (&job["error"]["details"]["allowed"], &job["error"]["details"]["capability"]),
            (&json!(4096), &json!("kv-shared"))
        );
    }
    platform.end().await;
}

#[tokio::test]
async fn what_is_shared_outlives_a_user_and_goes_with_the_last_one() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.acme.enable_well("bob", SIGNALS, &json!({})).await;
    platform.acme.call("alice", SIGNALS, "share", &json!({"key": "a", "bytes": 10})).await;
    platform.acme.disable("alice", SIGNALS, true).await;
    assert_eq!(keys(&platform.acme, "bob").await, json!(["a"]), "one user's erase leaves what all share");
    platform.acme.disable("bob", SIGNALS, false).await;
    platform.acme.enable_well("bob", SIGNALS, &json!({})).await;
    assert_eq!(keys(&platform.acme, "bob").await, json!(["a"]), "switching off keeps it");
    platform.acme.disable("bob", SIGNALS, true).await;
    platform.acme.enable_well("carol", SIGNALS, &json!({})).await;
    assert_eq!(keys(&platform.acme, "carol").await, json!([]), "the last user took it along");
    platform.end().await;
}

#[tokio::test]
async fn what_is_shared_stays_where_it_is_when_a_version_changes() {
    let platform = Platform::start().await;
    platform.give("alice", SIGNALS).await;
    platform.acme.enable_well("bob", SIGNALS, &json!({})).await;
    platform.acme.call("bob", SIGNALS, "share", &json!({"key": "a", "bytes": 10})).await;
    let newer = crate::support::components::built_as(SIGNALS, |manifest| manifest["version"] = json!("1.1.0"));
    platform.admin.publish_well(newer).await;
    platform.acme.enable_well("alice", SIGNALS, &json!({})).await;
    platform.acme.call("alice", SIGNALS, "share", &json!({"key": "b", "bytes": 10})).await;
    assert_eq!(keys(&platform.acme, "bob").await, json!(["a", "b"]), "both versions write the same store");
    platform.end().await;
}
