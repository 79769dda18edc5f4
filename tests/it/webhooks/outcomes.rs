//! The table of outcomes: receivers of every temper, on the real road from a job's end to the list of deliveries.

use std::time::Duration;

use semantest::config::webhooks::WebhookSettings;
use semantest::model::units::Span;
use semantest::net::UNREACHABLE;
use serde_json::{Value, json};

use super::endpoints::endpoint;
use crate::net::peer::{Peer, Script, answer, redirect};
use crate::support::platform::Platform;
use crate::support::until;

const PAUSE: Duration = Duration::from_millis(20);

/// What one receiver does, and what its client reads of it afterwards.
struct Row {
    what: &'static str,
    scripts: Vec<Script>,
    delivery: &'static str,
    /// Of each attempt the receiver's status and why it does not count.
    attempts: Vec<(Option<u16>, Option<&'static str>)>,
    endpoint: &'static str,
}

fn row(
    what: &'static str,
    scripts: Vec<Script>,
    delivery: &'static str,
    attempts: &[(Option<u16>, Option<&'static str>)],
) -> Row {
    Row { what, scripts, delivery, attempts: attempts.to_vec(), endpoint: "active" }
}

fn table() -> Vec<Row> {
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let accepted = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    let mute = [(None, Some(UNREACHABLE)), (None, Some(UNREACHABLE))];
    let moved = Some("answered 302; redirects are not followed");
    let (ok, failed) = ((Some(204), None), (Some(500), Some("answered 500")));
    vec![
        row("takes it", vec![answer(204, "", "")], "delivered", &[ok]),
        row("fails once", vec![answer(500, "", ""), answer(204, "", "")], "delivered", &[failed, ok]),
        row("fails always", vec![answer(500, "", "")], "failed", &[failed, failed]),
        row("hangs", vec![Script::Silence], "failed", &mute),
        row(
            "redirects",
            vec![redirect(302, "http://127.0.0.1:1/")],
            "failed",
            &[(Some(302), moved), (Some(302), moved)],
        ),
        row("drips its head", vec![Script::Drip(head, b"x-slow: drip\r\n".to_vec(), PAUSE)], "failed", &mute),
        row(
            "accepts, then drips",
            vec![Script::Drip(accepted, b"x".to_vec(), PAUSE)],
            "delivered",
            &[(Some(200), None)],
        ),
        row("resets", vec![Script::Reset], "failed", &mute),
        row("closes", vec![Script::Say(Vec::new())], "failed", &mute),
        row("speaks no HTTP", vec![Script::Say(b"hello".to_vec())], "failed", &mute),
        Row {
            endpoint: "disabled",
            ..row("is gone", vec![answer(410, "", "")], "failed", &[(Some(410), Some("answered 410: it is gone"))])
        },
    ]
}

#[tokio::test]
async fn every_temper_of_a_receiver_ends_as_it_is_documented() {
    let platform = Platform::with(|config| {
        config.webhooks = WebhookSettings {
            schedule: vec![Span::millis(0), Span::millis(10)],
            jitter_percent: 0,
            timeout: Span::millis(600),
            ..WebhookSettings::default()
        };
    })
    .await;
    let mut open = Vec::new();
    for row in table() {
        let peer = Peer::start(row.scripts.clone()).await.expect("a port");
        let url = peer.url("/hook").expect("a URL");
        let (path, _) = endpoint(&platform.acme, url.as_str(), &["job.completed"]).await;
        open.push((row, peer, path));
    }
    platform.acme.post("/api/v1/chat/new", &json!({"prompt": "hello"})).await.expect(202);
    for (row, peer, path) in open {
        let delivery = async || {
            let page = platform.acme.get(&format!("{path}/deliveries")).await.expect(200).json();
            page["data"][0].clone()
        };
        until(row.what, async || delivery().await["status"] == row.delivery).await;
        let delivery = delivery().await;
        let attempts: Vec<_> = delivery["attempts"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|attempt| (attempt["status"].as_u64(), attempt["error"].as_str()))
            .collect();
        let expected: Vec<_> = row.attempts.iter().map(|(status, why)| (status.map(u64::from), *why)).collect();
        assert_eq!(attempts, expected, "{}", row.what);
        assert_eq!(peer.connections(), expected.len(), "{}", row.what);
        until(row.what, async || platform.acme.get(&path).await.json()["state"] == row.endpoint).await;
        let ids: Vec<_> = peer.seen().iter().map(|seen| seen.header("webhook-id").map(str::to_owned)).collect();
        assert!(ids.iter().all(|id| id.as_deref() == delivery["webhookId"].as_str()), "{}: {ids:?}", row.what);
        let is_dead = platform.acme.get(&format!("{path}/deliveries?status=failed")).await.json()["data"] != json!([]);
        assert_eq!(is_dead, row.delivery == "failed", "{}", row.what);
        assert_eq!(delivery["nextAttemptAt"], Value::Null);
    }
    platform.end().await;
}
