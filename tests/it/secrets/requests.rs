//! Where secrets go: into requests to the servers they are bound to, by the host's hand, and nowhere by the guest's.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use semantest::model::id::{ClientId, JobId};
use semantest::store::audit::{Audit, AuditAction};
use serde_json::{Value, json};

use super::{ADDON, bound_to, of_user, set};
use crate::net::peer::{Peer, answer};
use crate::support::platform::Platform;
use crate::support::until;

const SECRET: &str = "s3cret-Value/with+signs";

/// A platform on which alice has the fixture, bound to one peer and allowed to speak to another.
struct Stage {
    platform: Platform,
    bound: Peer,
    other: Peer,
}

impl Stage {
    async fn set_up() -> Self {
        let platform = Platform::with(|config| config.addons.quarantine.user_crashes = 0).await;
        let peer = async || Peer::start(vec![answer(200, "", "ok")]).await.expect("a free port");
        let (bound, other) = (peer().await, peer().await);
        let origin = |peer: &Peer| peer.url("").expect("a URL").origin().ascii_serialization();
        platform.admin.publish_well(bound_to(&origin(&bound), &origin(&other))).await;
        platform.acme.enable("alice", ADDON, &json!({})).await.expect(200);
        set(&platform.acme, &of_user("alice"), "key", SECRET).await.expect(204);
        let is_enabled = async || platform.acme.enablement("alice", ADDON).await.json()["state"] == "enabled";
        until("the fixture is enabled", is_enabled).await;
        Self { platform, bound, other }
    }

    async fn send(&self, peer: &Peer, query: &str, headers: Value, body: &str) -> Value {
        let url = peer.url(&format!("/path{query}")).expect("a URL");
        // The braces of placeholders are no part of a URL, so they are put in behind it.
        let url = url.as_str().replace("%7B", "{").replace("%7D", "}").replace("%5B", "[").replace("%5D", "]");
        let params = json!({ "url": url, "headers": headers, "body": body });
        self.platform.acme.call("alice", ADDON, "send", &params).await
    }
}

#[tokio::test]
async fn the_host_puts_a_secret_in_for_the_servers_that_it_is_bound_to() {
    let stage = Stage::set_up().await;
    let basic = "Bearer {{key}}";
    let sent = stage.send(&stage.bound, "?q=1&key={{key}}", json!({ "authorization": basic }), "").await;
    assert_eq!(sent["status"], "completed", "{sent}");
    let seen = stage.bound.seen();
    assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {SECRET}").as_str()));
    assert_eq!(seen[0].line, "GET /path?q=1&key=s3cret-Value%2Fwith%2Bsigns HTTP/1.1");
    // In the path and the body what stands for it stays what it is.
    let sent = stage.send(&stage.bound, "", json!({}), "key={{key}}").await;
    assert_eq!(sent["status"], "completed", "{sent}");
    let body = String::from_utf8_lossy(&stage.bound.seen()[1].body).into_owned();
    assert!(body.starts_with("key=semantest-secret-") && !body.contains(SECRET), "{body}");
    stage.platform.end().await;
}

#[tokio::test]
async fn another_server_gets_what_stands_for_a_secret_and_nothing_else() {
    let stage = Stage::set_up().await;
    let headers = json!({ "authorization": "Bearer {{key}}", "x-key": "{{key}}" });
    let sent = stage.send(&stage.other, "?key={{key}}", headers, "key={{key}}").await;
    assert_eq!(sent["status"], "completed", "the request goes on: {sent}");
    let seen = stage.other.seen();
    let whole = format!("{:?} {}", seen[0], String::from_utf8_lossy(&seen[0].body));
    for spelling in [SECRET.to_owned(), hex::encode(SECRET), BASE64_STANDARD.encode(SECRET)] {
        assert!(!whole.contains(&spelling), "{whole}");
    }
    let placeholder = seen[0].header("x-key").expect("a header").to_owned();
    assert!(placeholder.starts_with("semantest-secret-"), "{placeholder}");
    // What stood for it in one call means nothing in the next one, not even for the server it is bound to.
    let again = stage.send(&stage.bound, "", json!({ "authorization": format!("Bearer {placeholder}") }), "").await;
    assert_eq!(again["status"], "completed", "{again}");
    assert_eq!(stage.bound.seen()[0].header("authorization"), Some(format!("Bearer {placeholder}").as_str()));
    stage.platform.end().await;
}

#[tokio::test]
async fn what_stands_for_a_secret_is_the_same_within_a_call_and_another_one_in_each() {
    let stage = Stage::set_up().await;
    let mut all = Vec::new();
    for _ in 0..2 {
        let job = stage.platform.acme.call("alice", ADDON, "placeholder", &json!({})).await;
        let value = job["result"]["value"].clone();
        assert_eq!((&value[0], &value[2]), (&value[1], &json!("key")), "{job}");
        all.push(value[0].clone());
    }
    assert_ne!(all[0], all[1]);
    for (name, code) in [("spare", "secret-missing"), ("nothing", "not-granted")] {
        let job = stage.platform.acme.call("alice", ADDON, "placeholder", &json!({ "name": name })).await;
        assert_eq!(job["error"]["addonCode"], code, "{job}");
    }
    stage.platform.end().await;
}

#[tokio::test]
async fn a_secret_that_was_read_in_clear_does_not_leave_in_a_request() {
    let stage = Stage::set_up().await;
    // Larger than what waits, so that the request is under way when the secret comes.
    let long = "x".repeat(40_000);
    for peer in [&stage.bound, &stage.other] {
        for (query, headers, body) in [
            ("", json!({}), "the key is [[key]]".to_owned()),
            ("", json!({}), format!("{long}[[key]]{long}")),
            ("", json!({}), format!("{long}[[key:hex]]{long}")),
            ("", json!({ "x-key": "[[key]]" }), String::new()),
            ("?key=[[key]]", json!({}), String::new()),
        ] {
            let job = stage.send(peer, query, headers, &body).await;
            assert_eq!(job["error"]["code"], "EGRESS_DENIED", "{query} {} bytes: {job}", body.len());
            let rule = job["error"]["details"]["rule"].as_str().unwrap_or_default();
            assert!(rule.contains("may read in clear"), "{job}");
            assert!(!job.to_string().contains(SECRET), "{job}");
        }
        for seen in peer.seen() {
            let whole = format!("{seen:?} {}", String::from_utf8_lossy(&seen.body));
            assert!(!whole.contains("s3cret") && !whole.contains(&hex::encode("s3cret")), "{whole}");
        }
    }
    let sent = stage.send(&stage.bound, "", json!({ "authorization": "Bearer {{key}}" }), &long).await;
    assert_eq!(sent["status"], "completed", "an innocent one leaves as before: {sent}");
    assert_eq!(stage.bound.seen().last().map(|seen| seen.body.len()), Some(long.len()));
    stage.platform.end().await;
}

#[tokio::test]
async fn every_reading_in_clear_is_written_down_and_there_is_an_end_to_it() {
    let stage = Stage::set_up().await;
    let read = async |times: u32| stage.platform.acme.call("alice", ADDON, "length", &json!({ "times": times })).await;
    let job = read(3).await;
    assert_eq!(job["result"]["value"], SECRET.len(), "{job}");
    let audit = Audit::new(stage.platform.app.redis.store().await);
    let entries = audit.newest(100).await.expect("the trail");
    let (revealed, set): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.action == AuditAction::SecretRevealed);
    assert_eq!((revealed.len(), set.len()), (3, 1), "{entries:?}");
    for entry in revealed {
        let client = entry.client.as_ref().map(ClientId::as_str);
        let job_id = entry.job.as_ref().map(JobId::as_str);
        assert_eq!(
            (entry.by.as_str(), client, job_id),
            (&*format!("addon:{ADDON}"), Some("acme"), job["jobId"].as_str())
        );
        assert_eq!((entry.name.as_str(), entry.scope.as_str()), ("key", "user"));
    }
    let greedy = read(33).await;
    assert_eq!(greedy["error"]["addonCode"], "over-quota", "{greedy}");
    assert_eq!(greedy["error"]["details"], json!({ "limit": "secretReveals", "reached": 33, "allowed": 32 }));
    // A consent of its own: without it the handles stay.
    let grants = json!({ "grants": [
        { "kind": "http", "hosts": [stage.bound.url("").expect("a URL").origin().ascii_serialization()] },
        { "kind": "secrets", "secrets": [{ "name": "key", "origins": [] }] },
        { "kind": "secrets-reveal", "secrets": [] },
    ] });
    stage.platform.acme.change("alice", ADDON, &grants).await.expect(200);
    let refused = read(1).await;
    assert_eq!(refused["error"]["addonCode"], "not-granted", "{refused}");
    assert_eq!(refused["error"]["details"]["key"], "grant", "{refused}");
    let sent = stage.send(&stage.bound, "", json!({ "authorization": "Bearer {{key}}" }), "").await;
    assert_eq!(sent["status"], "completed", "{sent}");
    let header = stage.bound.seen()[0].header("authorization").unwrap_or_default().to_owned();
    assert!(header.starts_with("Bearer semantest-secret-"), "the user binds it to no server any more: {header}");
    stage.platform.end().await;
}

#[tokio::test]
async fn a_secret_too_short_to_be_seen_again_is_not_given_out() {
    let stage = Stage::set_up().await;
    set(&stage.platform.acme, &of_user("alice"), "key", "1234567").await.expect(204);
    let job = stage.platform.acme.call("alice", ADDON, "length", &json!({})).await;
    assert_eq!(
        (&job["error"]["addonCode"], &job["error"]["code"]),
        (&json!("secret-too-short"), &json!("ADDON_REFUSED"))
    );
    stage.platform.end().await;
}

#[tokio::test]
async fn a_secret_with_a_line_end_is_not_put_into_a_header() {
    let stage = Stage::set_up().await;
    set(&stage.platform.acme, &of_user("alice"), "key", "value\r\nx-admin: 1").await.expect(204);
    let job = stage.send(&stage.bound, "", json!({ "authorization": "Bearer {{key}}" }), "").await;
    assert_eq!(job["error"]["code"], "EGRESS_DENIED", "{job}");
    assert!(job["error"]["message"].as_str().is_some_and(|text| text.contains("no header may have")), "{job}");
    assert_eq!(stage.bound.connections(), 0);
    stage.platform.end().await;
}
