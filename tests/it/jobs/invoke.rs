//! `invoke`: an action is called, again where that helps, and its answer is held against its word.

use serde_json::json;

use crate::support::platform::Platform;
use crate::support::tenant::id_of;

const NOTES: &str = "semantest.notes";
const FIXTURE: &str = "semantest.fixture-misbehave";

#[tokio::test]
async fn notes_are_added_listed_and_searched() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    for (number, text) in [(1, "buy milk"), (2, "call Bob about milk"), (3, "sleep")] {
        let job = platform.acme.call("alice", NOTES, "add", &json!({"text": text})).await;
        assert_eq!(job["result"]["value"], json!({"id": number, "count": number}), "{job}");
        assert_eq!(job["attempts"], json!({"made": 1, "max": 3}), "the default number of attempts is told");
    }
    let all = platform.acme.call("alice", NOTES, "list", &json!({"limit": 2})).await;
    let texts: Vec<_> =
        all["result"]["value"]["notes"].as_array().into_iter().flatten().map(|note| &note["text"]).collect();
    assert_eq!(texts, ["sleep", "call Bob about milk"], "{all}");
    let found = platform.acme.call("alice", NOTES, "search", &json!({"query": "MILK bob"})).await;
    assert_eq!(found["result"]["value"]["notes"], json!([{"id": 2, "text": "call Bob about milk"}]), "{found}");
    platform.end().await;
}

#[tokio::test]
async fn parameters_are_held_against_the_actions_schema_before_anything_is_queued() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    let body = json!({"params": {"text": "", "colour": "red"}});
    let answer = platform.acme.leave("alice", NOTES, "add", &body).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers().len(), 2, "{:?}", answer.json());
    platform.acme.leave("alice", NOTES, "fly", &json!({"params": {}})).await.expect(404);
    platform.acme.leave("alice", "acme.nothing", "fly", &json!({"params": {}})).await.expect(404);
    platform.end().await;
}

#[tokio::test]
async fn a_call_that_fails_for_now_is_tried_again_and_says_how_often() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let job = platform.acme.call("alice", FIXTURE, "flaky", &json!({"failures": 2, "how": "transient"})).await;
    assert_eq!((&job["result"]["value"], &job["attempts"]["made"]), (&json!(3), &json!(3)), "{job}");
    // A guest that traps would trap again: it costs one attempt, not three.
    let job = platform.acme.call("alice", FIXTURE, "flaky", &json!({"failures": 2, "how": "trap"})).await;
    assert_eq!((&job["error"]["code"], &job["attempts"]["made"]), (&json!("ADDON_TRAPPED"), &json!(1)), "{job}");
    let saved = platform.acme.call("alice", FIXTURE, "checkpoint", &json!({})).await;
    assert_eq!(saved["result"]["value"], 1, "the second attempt reads what the first one saved: {saved}");
    platform.end().await;
}

#[tokio::test]
async fn each_kind_of_failure_has_its_own_code() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    for (action, params, code, attempts) in [
        ("fail", json!({"kind": "bad-input"}), "ADDON_BAD_INPUT", 1),
        ("fail", json!({"kind": "refused"}), "ADDON_REFUSED", 1),
        ("fail", json!({"kind": "permanent"}), "ADDON_FAILED", 1),
        ("fail", json!({"kind": "transient"}), "ADDON_FAILED", 3),
        ("wrong-result", json!({}), "ADDON_RESULT_INVALID", 1),
        ("not-json", json!({}), "ADDON_RESULT_INVALID", 1),
    ] {
        let job = platform.acme.call("alice", FIXTURE, action, &params).await;
        assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)), "{action}: {job}");
        assert_eq!(job["attempts"]["made"], attempts, "{action} {params}: {job}");
    }
    platform.end().await;
}

#[tokio::test]
async fn a_failed_job_is_a_dead_letter_and_can_be_tried_again() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let job = platform.acme.call("alice", FIXTURE, "fail", &json!({"kind": "permanent"})).await;
    let id = id_of(&job);
    let dead = platform.acme.get("/api/v1/jobs?status=failed&code=ADDON_FAILED&userId=alice").await.expect(200).json();
    assert_eq!((dead["data"].as_array().map(Vec::len), &dead["data"][0]["jobId"]), (Some(1), &json!(id)), "{dead}");
    platform.acme.post(&format!("/api/v1/jobs/{id}/retry"), &json!({})).await.expect(202);
    let again = platform.acme.reaches(&id, "failed").await;
    assert_eq!(again["error"]["addonCode"], "fixture-permanent", "{again}");
    let fine = platform.acme.call("alice", FIXTURE, "echo", &json!({})).await;
    platform
        .acme
        .post(&format!("/api/v1/jobs/{}/retry", id_of(&fine)), &json!({}))
        .await
        .expect_problem(409, "CONFLICT");
    platform.end().await;
}

#[tokio::test]
async fn an_idempotency_key_makes_one_job_of_two_requests_through_the_whole_platform() {
    let platform = Platform::start().await;
    platform.give("alice", NOTES).await;
    let path = format!("/api/v1/users/alice/addons/{NOTES}/actions/add");
    let body = json!({"params": {"text": "once"}});
    let first = platform.acme.post_with(&path, &body, "idempotency-key", "one").await.expect(202).json();
    platform.acme.reaches(&id_of(&first), "completed").await;
    let again = platform.acme.post_with(&path, &body, "idempotency-key", "\"one\"").await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json()["jobId"], first["jobId"]);
    let other = json!({"params": {"text": "twice"}});
    let mismatch = platform.acme.post_with(&path, &other, "idempotency-key", "one").await;
    mismatch.expect_problem(422, "IDEMPOTENCY_MISMATCH");
    let notes = platform.acme.call("alice", NOTES, "list", &json!({})).await;
    assert_eq!(notes["result"]["value"]["count"], 1, "{notes}");
    platform.end().await;
}

#[tokio::test]
async fn waiting_answers_200_with_the_end_or_202_when_time_runs_out() {
    let platform = Platform::start().await;
    platform.give("alice", FIXTURE).await;
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/actions/sleep");
    let quick = json!({"params": {"milliseconds": 1}});
    let answer = platform.acme.post_with(&path, &quick, "prefer", "wait=10").await.expect(200);
    assert_eq!((answer.header("preference-applied"), &answer.json()["status"]), ("wait=10", &json!("completed")));
    let slow = json!({"params": {"milliseconds": 3000}});
    let answer = platform.acme.post_with(&path, &slow, "prefer", "wait=1").await.expect(202).json();
    let ended = platform.acme.reaches(&id_of(&answer), "completed").await;
    assert_eq!(ended["result"]["value"], 3000, "{ended}");
    platform.end().await;
}
