//! What only the whole platform can show: parameters, stores, turns, budgets, and what is counted.

use semantest::model::code::JobCode;
use semantest::model::id::{AddonId, ClientId, JobId, UserId};
use semantest::model::job::{Failure, Outcome};
use semantest::model::limit::Limit;
use semantest::model::units::ByteSize;
use semantest::queue::AddOptions;
use semantest::queue::tickets::invoke::Invoke;
use semantest::store::usage::{UsageBook, Used};
use serde_json::{Value, json};

use crate::support::platform::Platform;
use crate::support::tenant::id_of;
use crate::support::until;

const FIXTURE: &str = "semantest.fixture-misbehave";

/// Which test shows which limit: here, and in `tests/it/net/egress/`.
pub(super) const SHOWN: [(Limit, &str); 13] = [
    (Limit::EgressRequests, "requests_are_counted_and_the_one_too_many_is_refused_with_the_numbers"),
    (Limit::EgressSentBytes, "request_bodies_have_a_budget_of_one_call_together"),
    (Limit::EgressReceivedBytes, "answers_have_a_budget_of_one_call_together"),
    (Limit::EgressHeaderBytes, "headers_larger_than_allowed_end_the_guest_with_the_number"),
    (Limit::ParamsBytes, "parameters_that_are_too_large_never_reach_the_guest"),
    (Limit::KvStoredBytes, "a_full_store_is_told_with_its_numbers"),
    (Limit::ConcurrentCalls, "two_calls_of_a_user_run_at_once_and_the_rest_wait_without_holding_anybody_up"),
    (Limit::CallsPerDay, "a_budget_of_calls_is_used_up_until_midnight"),
    (Limit::CpuMsPerDay, "each_measure_of_a_budget_stops_the_next_call"),
    (Limit::EgressRequestsPerDay, "each_measure_of_a_budget_stops_the_next_call"),
    (Limit::EgressBytesPerDay, "each_measure_of_a_budget_stops_the_next_call"),
    (Limit::KvBytesPerDay, "each_measure_of_a_budget_stops_the_next_call"),
    (Limit::CreditsPerDay, "each_measure_of_a_budget_stops_the_next_call"),
];

async fn street() -> Platform {
    let platform = Platform::with(|config| config.addons.quarantine.user_crashes = 0).await;
    platform.give("alice", FIXTURE).await;
    platform
}

async fn usage(platform: &Platform) -> Value {
    platform.acme.enablement("alice", FIXTURE).await.expect(200).json()["usage"].clone()
}

fn assert_over(job: &Value, limit: Limit, code: &str) {
    let error = &job["error"];
    assert_eq!((&job["status"], &error["code"]), (&json!("failed"), &json!(code)), "{job}");
    assert_eq!(error["details"]["limit"], json!(limit), "{job}");
    let number = |name: &str| error["details"][name].as_u64().unwrap_or_else(|| panic!("no {name}: {job}"));
    assert!(number("reached") >= number("allowed"), "{job}");
}

#[tokio::test]
async fn parameters_that_are_too_large_never_reach_the_guest() {
    let platform = Platform::with(|config| config.addons.params_limit = ByteSize::kib(1)).await;
    platform.give("alice", FIXTURE).await;
    let params = json!({ "text": "x".repeat(2000) });
    let refused = platform.acme.leave("alice", FIXTURE, "echo", &json!({ "params": params })).await;
    refused.expect_problem(422, "VALIDATION_ERROR");
    // Whoever writes to the queue is not stopped by the API.
    let call = Invoke {
        addon_id: FIXTURE.to_owned(),
        user_id: Some(String::from("alice")),
        action: String::from("echo"),
        params,
        ..Invoke::default()
    };
    let producer = platform.app.services.work.producer().clone();
    producer.add("large", &call, &AddOptions::default()).await.expect("an accepted ticket");
    let id = "ext_addon-calls_large";
    until("the job is there", async || platform.acme.get(&format!("/api/v1/jobs/{id}")).await.status == 200).await;
    assert_over(&platform.acme.reaches(id, "failed").await, Limit::ParamsBytes, "ADDON_BAD_INPUT");
    platform.end().await;
}

#[tokio::test]
async fn a_full_store_is_told_with_its_numbers() {
    let platform = street().await;
    let job = platform.acme.call("alice", FIXTURE, "fill-store", &json!({"bytes": 4096, "count": 100})).await;
    assert_over(&job, Limit::KvStoredBytes, "QUOTA_EXCEEDED");
    platform.end().await;
}

#[tokio::test]
async fn two_calls_of_a_user_run_at_once_and_the_rest_wait_without_holding_anybody_up() {
    // Fewer hands than alice has calls: were her calls to wait in them, nobody else would get one.
    let platform = Platform::with(|config| config.queues.addon_calls.concurrency = 6).await;
    platform.give("alice", FIXTURE).await;
    platform.acme.enable_well("bob", FIXTURE, &json!({})).await;
    let mut jobs = Vec::new();
    for _ in 0..12 {
        let body = json!({ "params": { "milliseconds": 400 } });
        jobs.push(id_of(&platform.acme.leave("alice", FIXTURE, "sleep", &body).await.expect(202).json()));
    }
    let mut most = 0;
    for _ in 0..5 {
        assert_eq!(platform.acme.call("bob", FIXTURE, "echo", &json!({})).await["status"], "completed");
        let running = platform.acme.get("/api/v1/jobs?userId=alice&status=processing").await.expect(200).json();
        most = most.max(running["data"].as_array().map_or(0, Vec::len));
    }
    assert!(most <= 2, "{most} calls ran at once");
    let first = platform.acme.job(&jobs[11]).await;
    assert_ne!(first["status"], "completed", "bob waited for all of alice's calls: {first}");
    for id in jobs {
        let job = platform.acme.reaches(&id, "completed").await;
        assert_eq!(job["attempts"]["made"], 1, "waiting is no attempt: {job}");
    }
    assert_eq!(usage(&platform).await["today"]["calls"], 12);
    platform.end().await;
}

#[tokio::test]
async fn what_calls_use_is_counted_once_and_shown_on_the_enablement() {
    let platform = street().await;
    assert_eq!(usage(&platform).await["today"]["calls"], 0);
    platform.acme.call("alice", FIXTURE, "echo", &json!({})).await;
    platform.acme.call("alice", FIXTURE, "fill-store", &json!({"bytes": 1000, "count": 2})).await;
    let crashed = platform.acme.call("alice", FIXTURE, "loop", &json!({})).await;
    assert_over(&crashed, Limit::CpuMs, "CPU_LIMIT");
    let used = usage(&platform).await;
    assert_eq!(used["today"], used["last30Days"], "{used}");
    assert_eq!(used["today"]["calls"], 3, "{used}");
    let number = |name: &str| used["today"][name].as_u64().unwrap_or_default();
    assert!(number("cpuMs") >= 500, "the loop had 500 ms: {used}");
    assert!(number("kvBytes") >= 2000 && number("kvBytes") < 4000, "{used}");
    assert!(number("peakMemoryBytes") >= 65_536, "{used}");
    // Each attempt is a call: it was made, and it cost something.
    let flaky = platform.acme.call("alice", FIXTURE, "flaky", &json!({"failures": 1, "how": "transient"})).await;
    assert_eq!((&flaky["status"], &flaky["attempts"]["made"]), (&json!("completed"), &json!(2)), "{flaky}");
    assert_eq!(usage(&platform).await["today"]["calls"], 5);
    // What is erased leaves nothing behind.
    platform.acme.disable("alice", FIXTURE, true).await;
    platform.acme.enable_well("alice", FIXTURE, &json!({})).await;
    assert_eq!(usage(&platform).await["last30Days"]["calls"], 0);
    platform.end().await;
}

#[tokio::test]
async fn a_budget_of_calls_is_used_up_until_midnight() {
    let platform = street().await;
    let body = json!({ "budget": { "callsPerDay": 2 } });
    let changed = platform.acme.change("alice", FIXTURE, &body).await.expect(200).json();
    assert_eq!(changed["budget"], json!({ "callsPerDay": 2, "onExceeded": "reject" }), "{changed}");
    for _ in 0..2 {
        assert_eq!(platform.acme.call("alice", FIXTURE, "echo", &json!({})).await["status"], "completed");
    }
    let refused = platform.acme.call("alice", FIXTURE, "echo", &json!({})).await;
    assert_over(&refused, Limit::CallsPerDay, "QUOTA_EXCEEDED");
    let error = &refused["error"];
    assert_eq!((&error["retryable"], &refused["attempts"]["made"]), (&json!(true), &json!(1)), "{refused}");
    let retry_at = error["retryAt"].as_str().unwrap_or_default();
    assert!(retry_at.contains("T00:00:00"), "not midnight: {refused}");
    assert_eq!(usage(&platform).await["today"]["calls"], 2, "a call that was refused is none");
    // Others have budgets of their own, and a wider one lets it run.
    platform.acme.enable_well("bob", FIXTURE, &json!({})).await;
    assert_eq!(platform.acme.call("bob", FIXTURE, "echo", &json!({})).await["status"], "completed");
    let wider = platform.acme.change("alice", FIXTURE, &json!({ "budget": {} })).await.expect(200).json();
    assert_eq!(wider["budget"], Value::Null, "{wider}");
    assert_eq!(platform.acme.call("alice", FIXTURE, "echo", &json!({})).await["status"], "completed");
    let wrong = json!({ "budget": { "callsPerDay": -1, "onExceeded": "explode", "callsPerWeek": 3 } });
    platform.acme.change("alice", FIXTURE, &wrong).await.expect_problem(422, "VALIDATION_ERROR");
    platform.end().await;
}

/// Puts a policy with this budget in the place of the one that holds.
async fn policy(platform: &Platform, budget: &Value) {
    let policy = json!({ "approval": "auto", "ceilings": {}, "budget": budget });
    let request = platform.admin.request(reqwest::Method::PUT, "/api/v1/admin/policy").header("if-match", "*");
    let stored = platform.admin.send(request.json(&policy)).await.expect(200).json();
    assert_eq!(stored["budget"]["callsPerDay"], budget["callsPerDay"], "{stored}");
}

#[tokio::test]
async fn an_admins_budget_counts_beside_the_users_and_may_pause() {
    let platform = street().await;
    policy(&platform, &json!({ "callsPerDay": 1, "onExceeded": "pause" })).await;
    platform.acme.change("alice", FIXTURE, &json!({ "budget": { "callsPerDay": 100 } })).await.expect(200);
    assert_eq!(platform.acme.call("alice", FIXTURE, "echo", &json!({})).await["status"], "completed");
    let refused = platform.acme.call("alice", FIXTURE, "echo", &json!({})).await;
    assert_over(&refused, Limit::CallsPerDay, "QUOTA_EXCEEDED");
    let paused = platform.acme.enablement("alice", FIXTURE).await.expect(200).json();
    assert_eq!(
        (&paused["state"], &paused["error"]["code"]),
        (&json!("quarantined"), &json!("QUOTA_EXCEEDED")),
        "{paused}"
    );
    policy(&platform, &json!({ "callsPerDay": 10 })).await;
    let path = format!("/api/v1/users/alice/addons/{FIXTURE}/resume");
    let resumed = platform.acme.post(&path, &json!({})).await.expect(200).json();
    assert_eq!(resumed["state"], "enabled", "{resumed}");
    assert_eq!(platform.acme.call("alice", FIXTURE, "echo", &json!({})).await["status"], "completed");
    platform.end().await;
}

#[tokio::test]
async fn each_measure_of_a_budget_stops_the_next_call() {
    let platform = street().await;
    let (client, user) = (ClientId::parse("acme").expect("a client"), UserId::parse("alice").expect("a user"));
    let addon = AddonId::parse(FIXTURE).expect("an addon");
    let used = Used { cpu_us: 5000, egress_requests: 5, egress_bytes: 5, kv_bytes: 5, credits: 5, ..Used::default() };
    // A job that ends by our hand, with these numbers in its book.
    let body = json!({ "params": { "milliseconds": 2000 } });
    let job = platform.acme.leave("alice", FIXTURE, "sleep", &body).await.expect(202).json();
    let id = id_of(&job);
    platform.acme.reaches(&id, "processing").await;
    let book = UsageBook::default();
    book.note((&client, &user, &addon), &used);
    let failure = Failure::permanent(JobCode::Internal, "ended by a test");
    let records = platform.app.services.work.records();
    let id = JobId::parse(&id).expect("an id");
    records.finish_metered(&id, &Outcome::Failed(failure), &book).await.expect("an end");
    for (limit, name) in [
        (Limit::CpuMsPerDay, "cpuMsPerDay"),
        (Limit::EgressRequestsPerDay, "egressRequestsPerDay"),
        (Limit::EgressBytesPerDay, "egressBytesPerDay"),
        (Limit::KvBytesPerDay, "kvBytesPerDay"),
        (Limit::CreditsPerDay, "creditsPerDay"),
    ] {
        platform.acme.change("alice", FIXTURE, &json!({ "budget": { name: 5 } })).await.expect(200);
        let refused = platform.acme.call("alice", FIXTURE, "echo", &json!({})).await;
        assert_over(&refused, limit, "QUOTA_EXCEEDED");
    }
    platform.end().await;
}
