//! What a client asks of its list of addons, of its users as a whole, and an admin of the queues.

use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{manifest, packed};
use crate::support::platform::Platform;

const UPDATES: &str = "/api/v1/addons/updates";

async fn publish(platform: &Platform, version: &str, capabilities: Value) {
    let mut wish = manifest("acme.art");
    wish["version"] = json!(version);
    wish["capabilities"] = capabilities;
    platform.publisher.publish_well(packed(&Guest::doing(""), &wish)).await;
}

#[tokio::test]
async fn a_list_of_addons_tells_which_have_something_newer_and_whether_it_asks_for_more() {
    let platform = Platform::start().await;
    publish(&platform, "1.0.0", json!([])).await;
    publish(&platform, "1.1.0", json!([])).await;
    let ask = async |body: Value| platform.acme.post(UPDATES, &body).await.expect(200).json()["data"].clone();
    let held = json!([{"id": "acme.art", "version": "1.0.0"}, {"id": "acme.none", "version": "1.0.0"}]);
    let told = ask(held.clone()).await;
    assert_eq!((&told[0]["known"], &told[0]["update"]["version"]), (&json!(true), &json!("1.1.0")), "{told}");
    assert_eq!(told[0]["update"]["asksForMore"], false, "{told}");
    assert_eq!((&told[1]["known"], &told[1]["update"]), (&json!(false), &Value::Null), "{told}");
    publish(&platform, "2.0.0", json!([{"kind": "kv", "reason": "remembers", "maxBytes": 1024}])).await;
    let told = ask(held).await;
    let update = &told[0]["update"];
    assert_eq!((&update["version"], &update["asksForMore"]), (&json!("2.0.0"), &json!(true)), "{told}");
    assert_eq!(update["newlyRequested"][0]["kind"], "kv", "{told}");
    assert!(update["newlyRequested"][0]["means"].is_string(), "{told}");
    assert_eq!(ask(json!([{"id": "acme.art", "version": "2.0.0"}])).await[0]["update"], Value::Null);
    assert_eq!(ask(json!([])).await, json!([]));
    let faulty = json!([{"id": "acme.art"}, {"id": "no", "version": "one", "x": 1}]);
    let problem = platform.acme.post(UPDATES, &faulty).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(problem.pointers(), ["/0/version", "/1/id", "/1/version", "/1/x"]);
    platform.acme.post(UPDATES, &json!({})).await.expect_problem(422, "VALIDATION_ERROR");
    platform.end().await;
}

#[tokio::test]
async fn a_user_who_leaves_takes_every_addon_along() {
    let platform = Platform::start().await;
    publish(&platform, "1.0.0", json!([])).await;
    platform.give("alice", "semantest.notes").await;
    for user in ["alice", "bob"] {
        platform.acme.enable_well(user, "acme.art", &json!({})).await;
    }
    let left = platform.acme.delete("/api/v1/users/alice?erase=true").await.expect(202).json();
    assert_eq!((left["jobs"].as_array().map(Vec::len), &left["left"]), (Some(2), &json!([])), "{left}");
    for job in left["jobs"].as_array().into_iter().flatten() {
        platform.acme.reaches(job["jobId"].as_str().expect("a job"), "completed").await;
    }
    assert_eq!(platform.acme.get("/api/v1/users/alice/addons").await.expect(200).json()["data"], json!([]));
    let again = platform.acme.delete("/api/v1/users/alice?erase=true").await.expect(200).json();
    assert_eq!(again, json!({"jobs": [], "left": []}));
    platform.other.delete("/api/v1/users/bob").await.expect(200);
    assert_eq!(platform.acme.enablement("bob", "acme.art").await.expect(200).json()["state"], "enabled");
    platform.end().await;
}

#[tokio::test]
async fn a_paused_queue_keeps_what_is_asked_for_until_it_is_resumed() {
    let platform = Platform::start().await;
    let path = "/api/v1/admin/queues/image-generation";
    for _ in 0..2 {
        let paused = platform.admin.post(&format!("{path}/pause"), &json!({})).await.expect(200).json();
        assert_eq!((&paused["queue"], &paused["isPaused"]), (&json!("image-generation"), &json!(true)), "{paused}");
    }
    let body = json!({"prompt": "A pond", "provider": "sketch"});
    let job = platform.acme.post("/api/v1/images/generate", &body).await.expect(202).json();
    let id = job["jobId"].as_str().expect("a job").to_owned();
    // A job of another queue goes by it.
    platform.give("alice", "semantest.notes").await;
    assert_eq!(platform.acme.job(&id).await["status"], "queued");
    let resumed = platform.admin.post(&format!("{path}/resume"), &json!({})).await.expect(200).json();
    assert_eq!(resumed["isPaused"], false, "{resumed}");
    platform.acme.reaches(&id, "completed").await;
    platform.admin.post("/api/v1/admin/queues/none/pause", &json!({})).await.expect_problem(404, "NOT_FOUND");
    platform.acme.post(&format!("{path}/pause"), &json!({})).await.expect_problem(403, "FORBIDDEN");
    platform.end().await;
}
