//! Addons that start work: pictures with an action that follows, and own actions later.

use semantest::model::units::Span;
use semantest::queue::AddOptions;
use semantest::queue::tickets::invoke::Invoke;
use serde_json::{Value, json};

use crate::support::platform::Platform;
use crate::support::tenant::id_of;
use crate::support::until;

pub(super) const STARTS: &str = "semantest.fixture-starts";

/// What one call answered.
pub(super) async fn said(platform: &Platform, action: &str, params: &Value) -> Value {
    let job = platform.acme.call("alice", STARTS, action, params).await;
    assert_eq!(job["status"], "completed", "{job}");
    job["result"]["value"].clone()
}

/// The id that one start was answered with.
fn started(answers: &Value) -> String {
    answers[0]["ok"].as_str().unwrap_or_else(|| panic!("nothing was started: {answers}")).to_owned()
}

/// The jobs of one kind that alice has, newest first.
pub(super) async fn jobs(platform: &Platform, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/jobs?userId=alice&kind={kind}&limit=100");
    platform.acme.get(&path).await.expect(200).json()["data"].as_array().expect("a list").clone()
}

/// The job that follows the end of another one, once it has ended too.
async fn follow_up(platform: &Platform, picture: &str) -> Value {
    let mut found = Value::Null;
    until("the action that follows has ended", async || {
        let all = jobs(platform, "invoke").await;
        let mut followers = all.into_iter().filter(|job| job["startedBy"]["follows"] == picture);
        found = followers.next().unwrap_or_default();
        assert!(followers.next().is_none(), "one end is followed once");
        found["finishedAt"].is_string()
    })
    .await;
    found
}

#[tokio::test]
async fn a_picture_that_an_addon_asked_for_is_made_and_its_action_gets_the_assets() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let call = platform.acme.call("alice", STARTS, "submit", &json!({"then": "drawn", "count": 2})).await;
    let picture = started(&call["result"]["value"]);
    let made = platform.acme.reaches(&picture, "completed").await;
    assert_eq!((&made["kind"], &made["userId"]), (&json!("generate"), &json!("alice")), "{made}");
    let expected = json!({"addonId": STARTS, "jobId": id_of(&call), "hops": 1, "thenAction": "drawn"});
    assert_eq!(made["startedBy"], expected, "the record says who asked");
    assert_eq!(made["result"]["hooks"], json!([]), "an addon's own hooks skip what it asked for: {made}");
    let then = follow_up(&platform, &picture).await;
    assert_eq!((&then["status"], &then["addonId"]), (&json!("completed"), &json!(STARTS)), "{then}");
    let value = &then["result"]["value"];
    assert_eq!((&value["imageJobId"], &value["status"]), (&json!(picture), &json!("Completed")), "{value}");
    let pictures = made["result"]["images"].as_array().expect("pictures");
    assert_eq!(value["opened"].as_array().map(Vec::len), Some(2), "{value}");
    for (opened, image) in value["opened"].as_array().into_iter().flatten().zip(pictures) {
        assert_eq!((&opened["id"], &opened["read"]), (&image["id"], &image["sizeBytes"]), "{value}");
    }
    let opened = said(&platform, "open", &json!({"id": pictures[0]["id"]})).await;
    assert_eq!(opened["kind"], "ErrorKind::Missing", "only the call that follows may open them: {opened}");
    platform.end().await;
}

#[tokio::test]
async fn a_failed_and_a_cancelled_picture_are_followed_too() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let ask = json!({"then": "drawn", "provider": "nobody"});
    let failed = started(&said(&platform, "submit", &ask).await);
    let value = follow_up(&platform, &failed).await["result"]["value"].clone();
    assert_eq!((&value["status"], &value["opened"]), (&json!("Failed"), &json!([])), "{value}");
    assert_eq!(said(&platform, "look", &json!({"id": failed})).await["ok"], "ImageState::Failed");
    assert_eq!(said(&platform, "stop", &json!({"id": failed})).await["ok"], false);

    let producer = platform.app.services.work.producer();
    producer.pause(semantest::queue::Lane::ImageGeneration).await.expect("paused");
    let waiting = started(&said(&platform, "submit", &json!({"then": "drawn"})).await);
    assert_eq!(said(&platform, "look", &json!({"id": waiting})).await["ok"], "ImageState::Queued");
    assert_eq!(said(&platform, "stop", &json!({"id": waiting})).await["ok"], true);
    let value = follow_up(&platform, &waiting).await["result"]["value"].clone();
    assert_eq!(value["status"], "Cancelled", "{value}");
    producer.resume(semantest::queue::Lane::ImageGeneration).await.expect("resumed");
    platform.end().await;
}

#[tokio::test]
async fn a_call_that_is_made_again_asks_for_one_picture_and_pays_once() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    // Three of the six credits: a second payment would leave nothing.
    let ask = json!({"then": "drawn", "times": 3, "isFlaky": true});
    let call = platform.acme.call("alice", STARTS, "submit", &ask).await;
    assert_eq!((&call["status"], &call["attempts"]["made"]), (&json!("completed"), &json!(2)), "{call}");
    let ids: Vec<&Value> =
        call["result"]["value"].as_array().into_iter().flatten().map(|answer| &answer["ok"]).collect();
    assert_eq!(ids.len(), 3, "{call}");
    for id in &ids {
        follow_up(&platform, id.as_str().expect("an id")).await;
    }
    assert_eq!(jobs(&platform, "generate").await.len(), 3, "the second try found its pictures");
    let again = said(&platform, "submit", &json!({"count": 3})).await;
    assert!(again[0]["ok"].is_string(), "three credits are left: {again}");
    platform.end().await;
}

#[tokio::test]
async fn credits_run_out_by_the_day_and_say_when_they_are_back() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let answers = said(&platform, "submit", &json!({"count": 4, "times": 2})).await;
    assert!(answers[0]["ok"].is_string(), "{answers}");
    let refused = &answers[1];
    assert_eq!(
        (&refused["kind"], &refused["code"]),
        (&json!("ErrorKind::OverQuota"), &json!("over-quota")),
        "{refused}"
    );
    assert_eq!((&refused["details"]["reached"], &refused["details"]["allowed"]), (&json!(8), &json!(6)), "{refused}");
    assert_eq!(refused["details"]["limit"], "grantedCreditsPerDay", "{refused}");
    assert_eq!(refused["details"]["key"], "manifest", "{refused}");
    let wait = refused["retryAfterMs"].as_u64().expect("a time");
    assert!((1..=86_400_000).contains(&wait), "until midnight: {wait}");
    let answers = said(&platform, "submit", &json!({"count": 2, "times": 2})).await;
    assert!(
        answers[0]["ok"].is_string() && answers[1]["details"]["reached"] == 8,
        "the refusal cost nothing: {answers}"
    );
    let shown = platform.acme.enablement("alice", STARTS).await.expect(200).json();
    assert_eq!(shown["usage"]["today"]["credits"], 6, "what was paid is metered: {shown}");
    platform.acme.enable_well("bob", STARTS, &json!({})).await;
    let bob = platform.acme.call("bob", STARTS, "submit", &json!({"count": 4})).await;
    assert!(bob["result"]["value"][0]["ok"].is_string(), "another user's day is another day: {bob}");
    platform.end().await;
}

#[tokio::test]
async fn an_addon_that_starts_itself_ends_after_four_hops() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let mut id = said(&platform, "again", &json!({})).await["ok"].as_str().expect("a first picture").to_owned();
    for hops in 1..=4 {
        assert_eq!(platform.acme.reaches(&id, "completed").await["startedBy"]["hops"], hops);
        let then = follow_up(&platform, &id).await;
        assert_eq!(then["startedBy"]["hops"], hops, "what follows belongs to the same start: {then}");
        let value = &then["result"]["value"];
        if hops < 4 {
            id = value["ok"].as_str().expect("another picture").to_owned();
            continue;
        }
        assert_eq!(
            (&value["kind"], &value["code"]),
            (&json!("ErrorKind::Refused"), &json!("too-many-hops")),
            "{value}"
        );
        assert_eq!(value["details"], json!({"limit": "hops", "reached": 5, "allowed": 4}), "{value}");
    }
    assert_eq!(jobs(&platform, "generate").await.len(), 4);
    platform.end().await;
}

#[tokio::test]
async fn a_chain_that_comes_in_by_the_queue_goes_on_counting() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let producer = platform.app.services.work.producer().clone();
    let ticket = |hops: u32| Invoke {
        addon_id: STARTS.to_owned(),
        user_id: Some(String::from("alice")),
        action: String::from("again"),
        params: json!({}),
        hops: Some(hops),
        ..Invoke::default()
    };
    for (hops, may_go_on) in [(3, true), (4, false)] {
        let id = format!("chain-{hops}");
        producer.add(&id, &ticket(hops), &AddOptions::default()).await.expect("an accepted ticket");
        let id = format!("ext_addon-calls_{id}");
        until("the record is there", async || platform.acme.get(&format!("/api/v1/jobs/{id}")).await.status == 200)
            .await;
        let value = platform.acme.reaches(&id, "completed").await["result"]["value"].clone();
        assert_eq!(value["ok"].is_string(), may_go_on, "{hops}: {value}");
        assert_eq!(value["code"] == "too-many-hops", !may_go_on, "{hops}: {value}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_picture_that_is_tried_again_is_followed_again() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let picture = started(&said(&platform, "submit", &json!({"then": "drawn", "provider": "nobody"})).await);
    follow_up(&platform, &picture).await;
    platform.acme.post(&format!("/api/v1/jobs/{picture}/retry"), &json!({})).await;
    until("the second end is followed too", async || {
        let all = jobs(&platform, "invoke").await;
        let followers = all.iter().filter(|job| job["startedBy"]["follows"] == picture.as_str());
        followers.filter(|job| job["status"] == "completed").count() == 2
    })
    .await;
    platform.end().await;
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_before_it_costs_anything() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    for (ask, kind, says) in [
        (json!({"then": "nothing"}), "ErrorKind::BadInput", "no action `nothing`"),
        (json!({"then": "strict"}), "ErrorKind::BadInput", "does not take a picture's end"),
        (json!({"prompt": " "}), "ErrorKind::BadInput", "`prompt`"),
        (json!({"count": 9}), "ErrorKind::BadInput", "`count`"),
        (json!({"side": 5}), "ErrorKind::BadInput", "`size`"),
        (json!({"image": "art_01KB2X6J5WZ5V0T8Q3M7N9PARS"}), "ErrorKind::Missing", "no asset"),
    ] {
        let answer = said(&platform, "submit", &ask).await[0].clone();
        assert_eq!(answer["kind"], kind, "{ask}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|text| text.contains(says)), "{ask}: {answer}");
    }
    assert!(said(&platform, "submit", &json!({"count": 4})).await[0]["ok"].is_string());
    assert!(said(&platform, "submit", &json!({"count": 2})).await[0]["ok"].is_string(), "all six credits were left");
    platform.end().await;
}

#[tokio::test]
async fn what_others_started_is_missing_for_an_addon() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    platform.acme.enable_well("bob", STARTS, &json!({})).await;
    let of_bob = platform.acme.call("bob", STARTS, "submit", &json!({})).await;
    let of_bob = started(&of_bob["result"]["value"]);
    let later = platform.acme.call("bob", STARTS, "later", &json!({"delayMs": 3_600_000})).await;
    let later = started(&later["result"]["value"]);
    let body = json!({"userId": "alice", "prompt": "a cat", "provider": "sketch", "size": "64x64"});
    let of_rest = id_of(&platform.acme.done("/api/v1/images/generate", &body).await);
    for id in [of_bob.as_str(), of_rest.as_str(), later.as_str(), "img_01KB2X6J5WZ5V0T8Q3M7N9PARS", "nonsense", ""] {
        for action in ["look", "stop", "never"] {
            let answer = said(&platform, action, &json!({"id": id})).await;
            assert_eq!(answer["kind"], "ErrorKind::Missing", "{action} {id}: {answer}");
        }
    }
    assert_eq!(platform.acme.job(&later).await["status"], "pending", "bob's job still waits");
    platform.end().await;
}

#[tokio::test]
async fn a_hooks_picture_runs_the_hooks_of_others_and_not_its_own() {
    let platform = Platform::start().await;
    platform.give_with("alice", STARTS, &json!({"hook": "submit"})).await;
    platform.give("alice", "semantest.fixture-hooks").await;
    let body = json!({"userId": "alice", "prompt": "a cat", "provider": "sketch", "size": "64x64"});
    let asked = platform.acme.done("/api/v1/images/generate", &body).await;
    assert_eq!(asked["status"], "completed", "{asked}");
    until("the hook's own picture is made", async || {
        let made = jobs(&platform, "generate").await;
        made.len() == 2 && made.iter().all(|job| job["status"] == "completed")
    })
    .await;
    let made = jobs(&platform, "generate").await;
    let own = made.iter().find(|job| job["startedBy"]["addonId"] == STARTS).expect("the hook's own picture");
    let hooked = |job: &Value| {
        let all = job["result"]["hooks"].as_array().cloned().unwrap_or_default();
        all.iter().any(|hook| hook["addonId"] == STARTS)
    };
    assert!(hooked(&asked) && !hooked(own), "{asked} {own}");
    assert!(own["result"]["hooks"].as_array().is_some_and(|hooks| !hooks.is_empty()), "the others looked: {own}");
    platform.end().await;
}

#[tokio::test]
async fn an_action_that_was_left_for_later_runs_as_a_job_of_its_own() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let left = started(&said(&platform, "later", &json!({"params": {"number": 7}, "delayMs": 50})).await);
    let job = platform.acme.reaches(&left, "completed").await;
    assert_eq!((&job["kind"], &job["addonId"]), (&json!("invoke"), &json!(STARTS)), "{job}");
    assert_eq!((&job["result"]["value"], &job["startedBy"]["hops"]), (&json!({"number": 7}), &json!(1)), "{job}");

    let waiting = started(&said(&platform, "later", &json!({"delayMs": 3_600_000})).await);
    assert_eq!(platform.acme.job(&waiting).await["status"], "pending");
    assert_eq!(said(&platform, "never", &json!({"id": waiting})).await["ok"], true);
    platform.acme.reaches(&waiting, "cancelled").await;
    assert_eq!(said(&platform, "never", &json!({"id": waiting})).await["ok"], false);

    for (ask, says) in [
        (json!({"action": "nothing"}), "no action `nothing`"),
        (json!({"action": "strict"}), "`/params"),
        (json!({"action": "strict", "params": {"number": "seven"}}), "`/params/number`"),
        (json!({"delayMs": 40_u64 * 24 * 3_600_000}), "at most 2592000000 ms are allowed"),
        (json!({"dedupe": "a\nb"}), "`/dedupe`"),
    ] {
        let answer = said(&platform, "later", &ask).await[0].clone();
        assert_eq!(answer["kind"], "ErrorKind::BadInput", "{ask}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|text| text.contains(says)), "{ask}: {answer}");
    }
    platform.end().await;
}

#[tokio::test]
async fn what_waits_is_cancelled_when_its_addon_is_switched_off() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    for erase in [false, true] {
        let waiting = started(&said(&platform, "later", &json!({"delayMs": 3_600_000})).await);
        assert_eq!(platform.acme.job(&waiting).await["status"], "pending");
        platform.acme.disable("alice", STARTS, erase).await;
        platform.acme.reaches(&waiting, "cancelled").await;
        platform.acme.enable_well("alice", STARTS, &json!({})).await;
    }
    platform.end().await;
}

#[tokio::test]
async fn one_dedupe_text_has_one_job_that_waits() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    let hour = |dedupe: &str, times: u32| json!({"dedupe": dedupe, "times": times, "delayMs": 3_600_000});
    let first = said(&platform, "later", &hour("morning", 3)).await;
    assert!(first[0] == first[1] && first[1] == first[2], "three wishes are one job: {first}");
    assert_eq!(said(&platform, "later", &hour("morning", 1)).await[0], first[0], "in another call too");
    assert_ne!(said(&platform, "later", &hour("evening", 1)).await[0], first[0]);
    platform.acme.enable_well("bob", STARTS, &json!({})).await;
    let bob = platform.acme.call("bob", STARTS, "later", &hour("morning", 1)).await;
    assert_ne!(bob["result"]["value"][0], first[0], "another user's mornings are others");
    said(&platform, "never", &json!({"id": first[0]["ok"]})).await;
    let anew = said(&platform, "later", &hour("morning", 1)).await;
    assert!(anew[0]["ok"].is_string() && anew[0] != first[0], "a cancelled one waits no more: {anew}");
    let soon = said(&platform, "later", &json!({"dedupe": "soon"})).await;
    platform.acme.reaches(&started(&soon), "completed").await;
    assert_ne!(said(&platform, "later", &json!({"dedupe": "soon"})).await, soon, "nor does one that ran");
    platform.end().await;
}

#[tokio::test]
async fn so_many_jobs_may_wait_and_no_more() {
    let platform = Platform::with(|config| {
        config.addons.starts.max_waiting = 2;
        config.addons.starts.max_delay = Span::secs(7200);
    })
    .await;
    platform.give("alice", STARTS).await;
    let answers = said(&platform, "later", &json!({"delayMs": 3_600_000, "times": 3})).await;
    let refused = &answers[2];
    assert_eq!(
        (&refused["kind"], &refused["code"]),
        (&json!("ErrorKind::OverQuota"), &json!("over-quota")),
        "{answers}"
    );
    assert_eq!(refused["details"], json!({"limit": "waitingJobs", "reached": 3, "allowed": 2}), "{answers}");
    let late = said(&platform, "later", &json!({"delayMs": 7_200_001})).await;
    let numbers = json!({"limit": "jobDelayMs", "reached": 7_200_001, "allowed": 7_200_000});
    assert_eq!(late[0]["details"], numbers, "{late}");
    assert_eq!(said(&platform, "never", &json!({"id": answers[0]["ok"]})).await["ok"], true);
    let again = said(&platform, "later", &json!({"delayMs": 3_600_000})).await;
    assert!(again[0]["ok"].is_string(), "what was cancelled makes room: {again}");
    let path = format!("/api/v1/jobs/{}/cancel", answers[1]["ok"].as_str().expect("an id"));
    platform.acme.post(&path, &json!({})).await;
    let again = said(&platform, "later", &json!({"delayMs": 3_600_000})).await;
    assert!(again[0]["ok"].is_string(), "also where the client cancelled it: {again}");
    platform.end().await;
}

#[tokio::test]
async fn without_the_grant_an_addon_that_starts_work_does_not_run() {
    let platform = Platform::start().await;
    platform.give("alice", STARTS).await;
    platform.admin.bound(&json!({"images": {"allowed": false}}), &json!({})).await;
    until("the ceiling holds", async || {
        let job = platform.acme.call("alice", STARTS, "echo", &json!({})).await;
        job["error"]["code"] == "NOT_GRANTED"
            && job["error"]["details"]["interface"] == "semantest:addon/images"
            && job["error"]["details"]["key"] == "ceiling"
    })
    .await;
    platform.admin.bound(&json!({"images": {"creditsPerDay": 2}}), &json!({})).await;
    until("the lower ceiling holds", async || {
        platform.acme.call("alice", STARTS, "echo", &json!({})).await["status"] == "completed"
    })
    .await;
    let refused = said(&platform, "submit", &json!({"count": 3})).await[0].clone();
    assert_eq!(
        (&refused["details"]["allowed"], &refused["details"]["key"]),
        (&json!(2), &json!("ceiling")),
        "{refused}"
    );
    platform.end().await;
}
