//! Standing endpoints on the real road: who hears what, signed with what, and what becomes of deliveries.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use semantest::config::Config;
use semantest::config::webhooks::WebhookSettings;
use semantest::model::signature::PublicKey;
use semantest::model::units::Span;
use semantest::queue::tickets::message::Message;
use semantest::queue::{AddOptions, Lane};
use serde_json::{Value, json};

use crate::net::peer::{Peer, Script, answer};
use crate::support::http::Http;
use crate::support::platform::Platform;
use crate::support::receiver::{Arrived, Receiver};
use crate::support::tenant::id_of;
use crate::support::until;

const WEBHOOKS: &str = "/api/v1/webhooks";
const FIXTURE: &str = "semantest.fixture-misbehave";

/// Tries that come quickly after one another.
pub(super) fn quick(waits: &[u64]) -> impl Fn(&mut Config) {
    let schedule: Vec<Span> = waits.iter().map(|wait| Span::millis(*wait)).collect();
    move |config| {
        let settings = WebhookSettings { schedule: schedule.clone(), jitter_percent: 0, ..WebhookSettings::default() };
        config.webhooks = settings;
    }
}

/// Makes an endpoint; answers its path and its secret.
pub(super) async fn endpoint(client: &Http, url: &str, events: &[&str]) -> (String, String) {
    let made = client.post(WEBHOOKS, &json!({"url": url, "events": events})).await.expect(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (format!("{WEBHOOKS}/{}", text("id")), text("secret"))
}

/// Asks for a job that ends well at once, and answers its id.
async fn job(client: &Http) -> String {
    id_of(&client.post("/api/v1/chat/new", &json!({"prompt": "hello"})).await.expect(202).json())
}

async fn deliveries(client: &Http, path: &str, query: &str) -> Vec<Value> {
    let page = client.get(&format!("{path}/deliveries{query}")).await.expect(200).json();
    page["data"].as_array().cloned().unwrap_or_default()
}

/// Waits until the endpoint's newest delivery stands so.
async fn newest(client: &Http, path: &str, status: &str) -> Value {
    until(&format!("the newest delivery is {status}"), async || {
        deliveries(client, path, "").await.first().is_some_and(|delivery| delivery["status"] == status)
    })
    .await;
    deliveries(client, path, "").await.remove(0)
}

/// Whether a `v1a` signature of what arrived is the client's, by the words of the specification.
async fn is_signed_by(client: &Http, arrived: &Arrived) -> bool {
    let keys = client.get("/.well-known/webhook-keys").await.expect(200).json();
    let text = format!("{}.{}.", arrived.header("webhook-id"), arrived.header("webhook-timestamp"));
    let signed = [text.as_bytes(), arrived.bytes()].concat();
    let signatures = arrived.header("webhook-signature").to_owned();
    let mut signatures = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1a,")).peekable();
    assert!(signatures.peek().is_some(), "no v1a among {:?}", arrived.header("webhook-signature"));
    signatures.any(|signature| {
        let signature: [u8; 64] = STANDARD.decode(signature).expect("base64").try_into().expect("64 bytes");
        keys["keys"].as_array().into_iter().flatten().any(|key| {
            let key = key["whpk"].as_str().and_then(|key| key.strip_prefix("whpk_")).expect("a key");
            PublicKey::parse(key).expect("a key").verifies(&signed, &signature)
        })
    })
}

#[tokio::test]
async fn an_endpoint_hears_of_its_clients_jobs_signed_both_ways_and_nobody_elses_does() {
    let platform = Platform::start().await;
    let (receiver, theirs) = (Receiver::content().await, Receiver::content().await);
    let (path, secret) = endpoint(&platform.acme, &receiver.url(), &["job.completed"]).await;
    endpoint(&platform.other, &theirs.url(), &[]).await;
    let id = job(&platform.acme).await;
    let arrived = receiver.first("job.completed").await;
    platform.drained().await;
    assert_eq!((receiver.arrived().len(), theirs.arrived().len()), (1, 0));
    assert_eq!(arrived.json()["data"]["jobId"], id);
    assert!(arrived.is_signed_with(&secret));
    let default = platform.acme.get(&format!("{WEBHOOKS}/default-secret")).await.expect(200).json();
    assert!(!arrived.is_signed_with(default["secret"].as_str().expect("a secret")));
    assert!(is_signed_by(&platform.acme, &arrived).await);
    assert!(!is_signed_by(&platform.other, &arrived).await, "another client's key is another key");
    let delivery = newest(&platform.acme, &path, "delivered").await;
    assert_eq!((&delivery["webhookId"], &delivery["jobId"]), (&json!(arrived.header("webhook-id")), &json!(id)));
    let attempt = &delivery["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["status"], attempt.get("error")), (&json!(1), &json!(204), None));
    assert!(attempt["latencyMs"].is_u64() && attempt["at"].is_string(), "{attempt}");
    platform.end().await;
}

#[tokio::test]
async fn an_endpoint_that_names_no_events_hears_all_of_them_and_can_put_them_in_order() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    endpoint(&platform.acme, &receiver.url(), &[]).await;
    platform.acme.leave("alice", FIXTURE, "echo", &json!({"params": {}})).await.expect(202);
    receiver.first("job.completed").await;
    platform.drained().await;
    let mut heard: Vec<(u64, String)> = receiver
        .arrived()
        .iter()
        .map(|arrived| (arrived.json()["data"]["sequence"].as_u64().expect("a number"), arrived.event()))
        .collect();
    heard.sort();
    let ends = ["job.queued", "job.processing", "job.completed"];
    let told: Vec<&str> = heard.iter().map(|(_, event)| event.as_str()).filter(|event| ends.contains(event)).collect();
    assert_eq!(told, ends, "{heard:?}");
    platform.end().await;
}

#[tokio::test]
async fn the_address_of_a_request_and_the_endpoints_hear_the_same_event_under_the_same_id() {
    let platform = Platform::start().await;
    let (one, other, named) = (Receiver::content().await, Receiver::content().await, Receiver::content().await);
    endpoint(&platform.acme, &one.url(), &["job.completed"]).await;
    endpoint(&platform.acme, &other.url(), &["job.failed"]).await;
    let body = json!({"prompt": "hello", "webhookUrl": named.url()});
    platform.acme.post("/api/v1/chat/new", &body).await.expect(202);
    let (first, second) = (one.first("job.completed").await, named.first("job.completed").await);
    platform.drained().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.bytes(), second.bytes());
    assert_eq!((one.arrived().len(), named.arrived().len(), other.arrived().len()), (1, 1, 0));
    platform.end().await;
}

#[tokio::test]
async fn jobs_of_foreign_producers_and_second_ends_reach_endpoints_too() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let receiver = Receiver::content().await;
    endpoint(&platform.acme, &receiver.url(), &["job.completed", "job.failed"]).await;
    let ticket = Message { prompt: String::from("from afar"), ..Message::default() };
    let producer = platform.app.services.work.producer().clone();
    producer.add("order-7", &ticket, &AddOptions::default()).await.expect("an accepted ticket");
    let arrived = receiver.first("job.completed").await;
    assert_eq!(arrived.json()["data"]["jobId"], "ext_addon-calls_order-7");
    // A job that fails because its addon was switched off, and ends well when it is asked for again.
    producer.pause(Lane::AddonCalls).await.expect("a paused queue");
    let left = platform.acme.leave("alice", FIXTURE, "echo", &json!({"params": {}})).await.expect(202).json();
    platform.acme.disable("alice", FIXTURE, false).await;
    producer.resume(Lane::AddonCalls).await.expect("a resumed queue");
    let id = id_of(&left);
    platform.acme.reaches(&id, "failed").await;
    platform.acme.enable_well("alice", FIXTURE, &json!({})).await;
    platform.acme.post(&format!("/api/v1/jobs/{id}/retry"), &json!({})).await.expect(202);
    let of_job = || -> Vec<String> {
        let arrived = receiver.arrived().into_iter().filter(|arrived| arrived.json()["data"]["jobId"] == json!(id));
        arrived.map(|arrived| arrived.event()).collect()
    };
    until("both ends are told", async || of_job().len() == 2).await;
    assert_eq!(of_job(), ["job.failed", "job.completed"]);
    platform.end().await;
}

#[tokio::test]
async fn during_a_rotation_old_and_new_secret_verify_and_afterwards_only_the_new_one() {
    for (overlap, is_old_good) in [(Span::secs(3600), true), (Span::secs(0), false)] {
        let platform = Platform::with(|config| config.webhooks.rotation_overlap = overlap).await;
        let receiver = Receiver::content().await;
        let (path, old) = endpoint(&platform.acme, &receiver.url(), &["job.completed"]).await;
        let default = platform.acme.get(&format!("{WEBHOOKS}/default-secret")).await.expect(200).json();
        let rotated = platform.acme.post(&format!("{path}/rotate"), &json!({})).await.expect(200).json();
        platform.acme.post(&format!("{WEBHOOKS}/default-secret/rotate"), &json!({})).await.expect(200);
        job(&platform.acme).await;
        let arrived = receiver.first("job.completed").await;
        assert!(arrived.is_signed_with(rotated["secret"].as_str().expect("a secret")));
        assert_eq!(arrived.is_signed_with(&old), is_old_good);
        assert!(is_signed_by(&platform.acme, &arrived).await);
        let pairs = arrived.header("webhook-signature").split(' ').filter(|it| it.starts_with("v1a,")).count();
        assert_eq!(pairs, 1 + usize::from(is_old_good));
        let named = Receiver::content().await;
        let body = json!({"prompt": "hello", "webhookUrl": named.url()});
        platform.acme.post("/api/v1/chat/new", &body).await.expect(202);
        let arrived = named.first("job.completed").await;
        assert_eq!(arrived.is_signed_with(default["secret"].as_str().expect("a secret")), is_old_good);
        platform.end().await;
    }
}

#[tokio::test]
async fn an_endpoint_is_tried_out_once_by_an_event_that_takes_the_same_road() {
    let platform = Platform::with(quick(&[0, 10, 10])).await;
    let receiver = Receiver::answering(&[204, 500]).await;
    let (path, secret) = endpoint(&platform.acme, &receiver.url(), &["addon.blocked"]).await;
    for (arrivals, status) in [(1, "delivered"), (2, "failed")] {
        let test = platform.acme.post(&format!("{path}/test"), &json!({})).await.expect(202).json();
        let delivery = newest(&platform.acme, &path, status).await;
        assert_eq!((&delivery["id"], &delivery["event"]), (&test["id"], &json!("webhook.test")));
        assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1), "{delivery}");
        assert_eq!(receiver.arrived().len(), arrivals);
    }
    assert!(receiver.first("webhook.test").await.is_signed_with(&secret));
    platform.end().await;
}

#[tokio::test]
async fn what_was_given_up_is_listed_with_every_attempt_and_sent_again_under_the_same_id() {
    let platform = Platform::with(quick(&[0, 10])).await;
    let long = "x".repeat(3000);
    let peer =
        Peer::start(vec![answer(500, "", &long), answer(503, "", "busy"), answer(204, "", "")]).await.expect("a port");
    let url = peer.url("/hook").expect("a URL");
    let (path, _) = endpoint(&platform.acme, url.as_str(), &["job.completed"]).await;
    job(&platform.acme).await;
    let failed = newest(&platform.acme, &path, "failed").await;
    let attempts = failed["attempts"].as_array().expect("attempts");
    let shown: Vec<_> = attempts.iter().map(|attempt| (&attempt["number"], &attempt["status"])).collect();
    assert_eq!(shown, [(&json!(1), &json!(500)), (&json!(2), &json!(503))]);
    assert_eq!(attempts[0]["answer"].as_str().map(str::len), Some(1024));
    assert_eq!((&attempts[1]["answer"], &attempts[1]["error"]), (&json!("busy"), &json!("answered 503")));
    assert_eq!(deliveries(&platform.acme, &path, "?status=failed").await, std::slice::from_ref(&failed));
    let endpoint = platform.acme.get(&path).await.expect(200).json();
    assert_eq!(endpoint["failures"], 2, "{endpoint}");
    assert!(endpoint["failingSince"].is_string(), "{endpoint}");
    let replay = format!("{WEBHOOKS}/deliveries/{}/replay", failed["id"].as_str().expect("an id"));
    platform.other.post(&replay, &json!({})).await.expect_problem(404, "NOT_FOUND");
    platform.acme.post(&replay, &json!({})).await.expect(202);
    let delivered = newest(&platform.acme, &path, "delivered").await;
    assert_eq!((&delivered["id"], &delivered["webhookId"]), (&failed["id"], &failed["webhookId"]));
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(3));
    let ids: Vec<_> = peer.seen().iter().map(|seen| seen.header("webhook-id").map(str::to_owned)).collect();
    assert_eq!((ids.len(), ids.windows(2).all(|two| two[0] == two[1])), (3, true), "{ids:?}");
    assert_eq!(deliveries(&platform.acme, &path, "?status=failed").await, Vec::<Value>::new());
    let endpoint = platform.acme.get(&path).await.expect(200).json();
    assert_eq!((endpoint.get("failingSince"), &endpoint["failures"]), (None, &json!(0)), "{endpoint}");
    // What has arrived may be sent once more too.
    platform.acme.post(&replay, &json!({})).await.expect(202);
    until("it arrives once more", async || peer.seen().len() == 4).await;
    platform.end().await;
}

#[tokio::test]
async fn everything_that_was_given_up_since_a_time_is_sent_again_page_by_page_and_nothing_else() {
    let platform = Platform::with(quick(&[0])).await;
    let receiver = Receiver::answering(&[204, 500, 500, 500, 204]).await;
    let (path, _) = endpoint(&platform.acme, &receiver.url(), &["job.completed"]).await;
    for count in 1..=4 {
        job(&platform.acme).await;
        receiver.arrived_at_least(count).await;
        newest(&platform.acme, &path, if count == 1 { "delivered" } else { "failed" }).await;
    }
    let first = platform.acme.get(&format!("{path}/deliveries?limit=3")).await.expect(200).json();
    let cursor = first["nextCursor"].as_str().expect("a cursor");
    let rest = deliveries(&platform.acme, &path, &format!("?limit=3&cursor={cursor}")).await;
    assert_eq!((first["data"].as_array().map(Vec::len), rest.len()), (Some(3), 1));
    assert_eq!(rest[0]["status"], "delivered", "the oldest comes last");
    let replay = async |since: &str, more: &str| {
        let answer = platform.acme.post(&format!("{path}/replay?since={since}{more}"), &json!({})).await;
        answer.expect(202).json()["replayed"].clone()
    };
    assert_eq!(replay("2100-01-01T00:00:00Z", "").await, 0);
    assert_eq!(replay("2026-01-01T00:00:00Z", "").await, 3);
    until("nothing failed is left", async || deliveries(&platform.acme, &path, "?status=failed").await.is_empty())
        .await;
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 7);
    assert_eq!(replay("2026-01-01T00:00:00Z", "").await, 0, "nothing is left to replay");
    assert_eq!(replay("2026-01-01T00:00:00Z", "&status=all").await, 4);
    receiver.arrived_at_least(11).await;
    platform.end().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_told_nothing_more_until_its_client_says_so() {
    let platform = Platform::with(quick(&[0, 10, 10])).await;
    let receiver = Receiver::answering(&[410, 204]).await;
    let (path, _) = endpoint(&platform.acme, &receiver.url(), &["job.completed"]).await;
    job(&platform.acme).await;
    newest(&platform.acme, &path, "failed").await;
    until("it is disabled", async || platform.acme.get(&path).await.json()["state"] == "disabled").await;
    let disabled = platform.acme.get(&path).await.expect(200).json()["disabled"].clone();
    assert_eq!(disabled["reason"], "gone", "{disabled}");
    assert!(disabled["note"].as_str().is_some_and(|note| note.contains("410")), "{disabled}");
    let id = job(&platform.acme).await;
    platform.acme.reaches(&id, "completed").await;
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 1);
    let replay = format!("{path}/replay?since=2026-01-01T00:00:00Z");
    platform.acme.post(&replay, &json!({})).await.expect_problem(409, "CONFLICT");
    let patch = platform.acme.request(Method::PATCH, &path).json(&json!({"state": "active"}));
    platform.acme.send(patch).await.expect(200);
    assert_eq!(platform.acme.post(&replay, &json!({})).await.expect(202).json()["replayed"], 1);
    newest(&platform.acme, &path, "delivered").await;
    platform.end().await;
}

#[tokio::test]
async fn an_endpoint_at_which_nothing_arrives_for_too_long_is_disabled_with_what_to_do() {
    let platform = Platform::with(|config| {
        quick(&[0, 20, 20])(config);
        config.webhooks.disable_after = Span::millis(10);
    })
    .await;
    let receiver = Receiver::answering(&[500]).await;
    let (path, _) = endpoint(&platform.acme, &receiver.url(), &["job.completed"]).await;
    job(&platform.acme).await;
    until("it is disabled", async || platform.acme.get(&path).await.json()["state"] == "disabled").await;
    let delivery = newest(&platform.acme, &path, "failed").await;
    assert_eq!(receiver.arrived().len(), 2, "the first failure is no proof: {delivery}");
    let disabled = platform.acme.get(&path).await.expect(200).json()["disabled"].clone();
    assert_eq!(disabled["reason"], "failing", "{disabled}");
    assert!(
        disabled["note"].as_str().is_some_and(|note| note.contains("10ms") && note.contains("PATCH")),
        "{disabled}"
    );
    platform.end().await;
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_follows_the_endpoint_and_is_dropped_with_it() {
    let platform = Platform::with(quick(&[0, 300])).await;
    let (before, after) = (Receiver::answering(&[500]).await, Receiver::content().await);
    let (path, _) = endpoint(&platform.acme, &before.url(), &["job.completed"]).await;
    job(&platform.acme).await;
    until("the first attempt failed", async || {
        deliveries(&platform.acme, &path, "").await.first().is_some_and(|it| it["nextAttemptAt"].is_string())
    })
    .await;
    let patch = platform.acme.request(Method::PATCH, &path).json(&json!({"url": after.url()}));
    platform.acme.send(patch).await.expect(200);
    after.first("job.completed").await;
    assert_eq!(before.arrived().len(), 1);
    let patch = platform.acme.request(Method::PATCH, &path).json(&json!({"url": before.url()}));
    platform.acme.send(patch).await.expect(200);
    job(&platform.acme).await;
    before.arrived_at_least(2).await;
    platform.acme.delete(&path).await.expect(204);
    let producer = platform.app.services.work.producer().clone();
    until("no attempt waits", async || producer.depth(Lane::Webhooks).await.is_ok_and(|depth| depth.delayed == 0))
        .await;
    platform.drained().await;
    assert_eq!((before.arrived().len(), after.arrived().len()), (2, 1));
    platform.end().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    let platform = Platform::with(|config| {
        quick(&[0])(config);
        config.webhooks.timeout = Span::secs(3);
        config.webhooks.receiver_concurrency = 1;
        config.queues.webhooks.concurrency = 4;
    })
    .await;
    let dead = Peer::start(vec![Script::Silence]).await.expect("a port");
    let well = Receiver::content().await;
    let (path, _) = endpoint(&platform.acme, dead.url("/hook").expect("a URL").as_str(), &["job.completed"]).await;
    endpoint(&platform.other, &well.url(), &["job.completed"]).await;
    for _ in 0..8 {
        job(&platform.acme).await;
    }
    until("the dead one was called", async || dead.connections() > 0).await;
    for _ in 0..8 {
        job(&platform.other).await;
    }
    well.arrived_at_least(8).await;
    assert!(dead.connections() <= 2, "{} attempts at once hang at one receiver", dead.connections());
    // What is put off is dropped with its endpoint.
    platform.acme.delete(&path).await.expect(204);
    platform.end().await;
}

#[tokio::test]
async fn that_nobody_listens_is_known_without_asking() {
    let platform = Platform::start().await;
    platform.acme.reaches(&job(&platform.acme).await, "completed").await;
    let before = endpoints_read(&platform).await;
    for _ in 0..20 {
        let id = job(&platform.acme).await;
        platform.acme.reaches(&id, "completed").await;
    }
    let after = endpoints_read(&platform).await;
    assert!(after - before <= 4, "{} times for 20 jobs", after - before);
    platform.end().await;
}

/// How often Redis was asked for a whole hash's values, which is how endpoints are read.
async fn endpoints_read(platform: &Platform) -> u64 {
    let stats = platform.app.redis.info("commandstats").await;
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_hvals:calls="));
    line.and_then(|rest| rest.split(',').next()).and_then(|calls| calls.parse().ok()).unwrap_or(0)
}
