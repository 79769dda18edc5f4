//! What standing endpoints hear of addons: each state that is reached, once, and from the same step on in which it is.

use semantest::clock;
use semantest::config::addons::{ConsentMode, QuarantineSettings};
use semantest::events::EnablementFacts;
use semantest::model::event::Announcement;
use semantest::model::id::{AddonId, ClientId, UserId};
use semantest::model::lifecycle::EnablementState;
use semantest::model::units::Span;
use semantest::queue::AddOptions;
use semantest::queue::tickets::upkeep::Upkeep;
use semantest::store::enablements::{Enablement, Enablements, Put, Written};
use semantest::store::outbox::{Owed, OwedEntry};
use serde_json::json;

use super::endpoints::endpoint;
use crate::support::components::built;
use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::until;

const NOTES: &str = "semantest.notes";
const FIXTURE: &str = "semantest.fixture-misbehave";
const HOOKS: &str = "semantest.fixture-hooks";

/// Type, user and sequence of everything that arrived about addons, in the order of their sequence.
fn heard(receiver: &Receiver) -> Vec<(String, String)> {
    let mut all: Vec<(u64, String, String)> = receiver
        .arrived()
        .iter()
        .map(|arrived| {
            let data = arrived.json()["data"].clone();
            let user = data["userId"].as_str().unwrap_or_default().to_owned();
            (data["sequence"].as_u64().expect("a number"), arrived.event(), user)
        })
        .filter(|(_, event, _)| event.starts_with("addon."))
        .collect();
    all.sort();
    all.into_iter().map(|(_, event, user)| (event, user)).collect()
}

fn of_alice(events: &[&str]) -> Vec<(String, String)> {
    events.iter().map(|event| ((*event).to_owned(), String::from("alice"))).collect()
}

#[tokio::test]
async fn each_state_that_an_addon_reaches_is_told_once_and_in_order() {
    let platform = Platform::with(|config| config.addons.consent = ConsentMode::Required).await;
    let (receiver, theirs) = (Receiver::content().await, Receiver::content().await);
    endpoint(&platform.acme, &receiver.url(), &[]).await;
    endpoint(&platform.other, &theirs.url(), &["addon.enabled"]).await;
    platform.admin.publish_well(built(NOTES)).await;
    platform.acme.enable("alice", NOTES, &json!({})).await.expect(200);
    let waiting = receiver.first("addon.awaiting-consent").await.json()["data"].clone();
    assert_eq!((&waiting["state"], &waiting["addonId"]), (&json!("awaiting-consent"), &json!(NOTES)));
    let digest = waiting["result"]["digest"].as_str().expect("what to consent to").to_owned();
    platform.acme.enable("alice", NOTES, &json!({"consent": digest})).await.expect(200);
    let enabled = receiver.first("addon.enabled").await.json()["data"].clone();
    assert_eq!((&enabled["kind"], &enabled["result"]["digest"]), (&json!("enablement"), &json!(digest)), "{enabled}");
    // A change that is no news.
    platform.acme.change("alice", NOTES, &json!({"order": 7})).await.expect(200);
    platform.acme.disable("alice", NOTES, false).await;
    receiver.first("addon.disabled").await;
    platform.drained().await;
    assert_eq!(heard(&receiver), of_alice(&["addon.awaiting-consent", "addon.enabled", "addon.disabled"]));
    assert_eq!(theirs.arrived().len(), 0);
    // Gone and back again it is another enablement: nothing that it tells was told before.
    platform.acme.disable("alice", NOTES, true).await;
    platform.acme.enable("alice", NOTES, &json!({"consent": digest})).await.expect(200);
    until("both are told", async || heard(&receiver).len() == 5).await;
    platform.drained().await;
    let ids: std::collections::BTreeSet<_> =
        receiver.arrived().iter().map(|arrived| arrived.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), receiver.arrived().len());
    let last = receiver.arrived().iter().filter(|arrived| arrived.event() == "addon.disabled").count();
    assert_eq!(last, 2);
    platform.end().await;
}

#[tokio::test]
async fn a_load_that_fails_a_quarantine_and_its_end_are_told_with_their_reasons() {
    let rules = QuarantineSettings { window: Span::secs(600), user_crashes: 1, everywhere_crashes: 0 };
    let platform = Platform::with(|config| config.addons.quarantine = rules).await;
    let receiver = Receiver::content().await;
    let types = ["addon.enabled", "addon.failed", "addon.quarantined"];
    endpoint(&platform.acme, &receiver.url(), &types).await;
    platform.admin.publish_well(built(FIXTURE)).await;
    platform.admin.publish_well(built(HOOKS)).await;
    platform.acme.enable("alice", HOOKS, &json!({"config": {"activate": "fail"}})).await;
    let failed = receiver.first("addon.failed").await.json()["data"].clone();
    assert_eq!((&failed["state"], &failed["error"]["code"]), (&json!("failed"), &json!("ACTIVATE_FAILED")), "{failed}");
    platform.acme.enable_well("alice", FIXTURE, &json!({})).await;
    platform.acme.call("alice", FIXTURE, "trap", &json!({})).await;
    let paused = receiver.first("addon.quarantined").await.json()["data"].clone();
    assert_eq!(paused["error"]["code"], "ADDON_QUARANTINED", "{paused}");
    platform.acme.post(&format!("/api/v1/users/alice/addons/{FIXTURE}/resume"), &json!({})).await.expect(200);
    until("it is told that it runs again", async || {
        heard(&receiver).iter().filter(|(event, _)| event == "addon.enabled").count() == 2
    })
    .await;
    platform.drained().await;
    platform.end().await;
}

#[tokio::test]
async fn a_block_is_told_to_everybody_whose_addon_it_stops_and_to_nobody_else() {
    let platform = Platform::start().await;
    let (receiver, theirs) = (Receiver::content().await, Receiver::content().await);
    endpoint(&platform.acme, &receiver.url(), &["addon.blocked"]).await;
    endpoint(&platform.other, &theirs.url(), &["addon.blocked"]).await;
    platform.give("alice", NOTES).await;
    platform.acme.enable_well("bob", NOTES, &json!({})).await;
    platform.acme.enable_well("carol", NOTES, &json!({})).await;
    platform.acme.disable("carol", NOTES, false).await;
    let version = platform.acme.enablement("alice", NOTES).await.expect(200).json()["digest"].clone();
    let block = json!({"digest": version, "reason": "it steals"});
    let dry = json!({"digest": version, "dryRun": true});
    platform.admin.post("/api/v1/admin/blocks", &dry).await.expect(200);
    let blocked = platform.admin.post("/api/v1/admin/blocks", &block).await.expect(201).json();
    receiver.arrived_at_least(2).await;
    platform.drained().await;
    let told: Vec<(String, String)> =
        ["alice", "bob"].map(|user| (String::from("addon.blocked"), user.into())).to_vec();
    let mut arrived = heard(&receiver);
    arrived.sort();
    assert_eq!((arrived, theirs.arrived().len()), (told, 0));
    let data = receiver.first("addon.blocked").await.json()["data"].clone();
    let message = data["error"]["message"].as_str().unwrap_or_default();
    assert_eq!((&data["state"], &data["error"]["code"]), (&json!("blocked"), &json!("ADDON_BLOCKED")), "{data}");
    assert!(message.contains("it steals"), "{message}");
    // Blocked anew it is told anew.
    let id = blocked["block"]["blockId"].as_str().expect("an id");
    platform.admin.delete(&format!("/api/v1/admin/blocks/{id}")).await.expect(204);
    platform.admin.post("/api/v1/admin/blocks", &block).await.expect(201);
    receiver.arrived_at_least(4).await;
    platform.end().await;
}

#[tokio::test]
async fn a_change_whose_maker_died_before_it_could_announce_it_is_announced_by_upkeep() {
    let platform = Platform::start().await;
    let receiver = Receiver::content().await;
    endpoint(&platform.acme, &receiver.url(), &["addon.quarantined"]).await;
    let client = ClientId::parse("acme").expect("a client");
    let (user, addon) = (UserId::parse("alice").expect("a user"), AddonId::parse(NOTES).expect("an addon"));
    let facts = EnablementFacts {
        user_id: &user,
        addon_id: &addon,
        state: EnablementState::Quarantined,
        version: None,
        job_id: None,
        error: None,
        revision: 1,
    };
    let body = facts.event(clock::now()).expect("an event");
    let news = Announcement { client: client.clone(), subject: String::from("enb_1 1"), body };
    let owed = OwedEntry::of(Owed::Event(Box::new(news))).expect("an entry");
    let book = Enablements::new(platform.app.redis.store().await);
    let record = Enablement { state: EnablementState::Quarantined, ..Enablement::fresh(client, user, addon) };
    // As a worker leaves it that dies right after its write; the very same write again owes nothing more.
    for _ in 0..2 {
        let put = book.put(0, Written::announced(&record, Some(&owed))).await.expect("an answer");
        assert_eq!(put, Put::Stored(1));
    }
    let producer = platform.app.services.work.producer().clone();
    let mut sweeps = 0;
    until("upkeep announces it", async || {
        sweeps += 1;
        producer.add(&format!("upkeep-{sweeps}"), &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
        platform.drained().await;
        !receiver.arrived().is_empty()
    })
    .await;
    producer.add("upkeep-again", &Upkeep::default(), &AddOptions::default()).await.expect("a sweep");
    platform.drained().await;
    assert_eq!(receiver.arrived().len(), 1);
    assert_eq!(receiver.first("addon.quarantined").await.json()["data"]["sequence"], 1);
    let outbox = platform.app.services.work.outbox().owed_before(clock::now(), 10).await.expect("an answer");
    assert_eq!(outbox, Vec::new());
    platform.end().await;
}

#[tokio::test]
async fn a_write_that_comes_too_late_announces_nothing() {
    let platform = Platform::start().await;
    let book = Enablements::new(platform.app.redis.store().await);
    let names = (ClientId::parse("acme"), UserId::parse("alice"), AddonId::parse(NOTES));
    let (client, user, addon) = (names.0.expect("a client"), names.1.expect("a user"), names.2.expect("an addon"));
    let record = Enablement::fresh(client, user, addon);
    assert_eq!(book.put(0, &record).await.expect("an answer"), Put::Stored(1));
    let owed = OwedEntry::of(Owed::Block { id: String::from("blk_1"), at_ms: 1 }).expect("an entry");
    let late = Enablement { order: 3, ..record };
    let put = book.put(0, Written::announced(&late, Some(&owed))).await.expect("an answer");
    assert!(matches!(put, Put::Conflict(Some(_))), "{put:?}");
    let outbox = platform.app.services.work.outbox().owed_before(clock::now(), 10).await.expect("an answer");
    assert_eq!(outbox, Vec::new());
    platform.end().await;
}
