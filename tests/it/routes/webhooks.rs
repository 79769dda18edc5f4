//! Standing webhook endpoints as their client keeps them.

use reqwest::Method;
use semantest::model::id::{DeliveryId, EndpointId};
use semantest::store::keys::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::http::{Answer, Http};

const WEBHOOKS: &str = "/api/v1/webhooks";

async fn made(client: &Http) -> String {
    let endpoint = client.post(WEBHOOKS, &json!({"url": "http://127.0.0.1:9/hook"})).await.expect(201).json();
    endpoint["id"].as_str().expect("an id").to_owned()
}

async fn patch(client: &Http, id: &str, body: &Value) -> Answer {
    client.send(client.request(Method::PATCH, &format!("{WEBHOOKS}/{id}")).json(body)).await
}

#[tokio::test]
async fn an_endpoint_is_made_listed_read_changed_and_removed() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let wish = json!({
        "url": "http://127.0.0.1:9/hook", "events": ["job.started", "addon.blocked", "job.processing"],
        "description": "the shop",
    });
    let answer = client.post(WEBHOOKS, &wish).await.expect(201);
    let made = answer.json();
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(answer.header("location"), path);
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made}");
    assert_eq!(made["events"], json!(["job.processing", "addon.blocked"]), "older names are read, each type once");
    let read = client.get(&path).await.expect(200).json();
    assert_eq!(
        (&read["state"], &read["description"], &read["failures"]),
        (&json!("active"), &json!("the shop"), &json!(0))
    );
    assert!(read.get("secret").is_none(), "{read}");
    assert_eq!(client.get(WEBHOOKS).await.expect(200).json(), json!({"data": [read], "nextCursor": null}));
    let id = made["id"].as_str().unwrap_or_default();
    let change = json!({"url": "http://127.0.0.1:9/new", "events": [], "description": null, "state": "disabled"});
    let changed = patch(&client, id, &change).await.expect(200).json();
    assert_eq!((&changed["url"], &changed["events"]), (&json!("http://127.0.0.1:9/new"), &json!([])));
    assert!(changed.get("description").is_none(), "{changed}");
    assert_eq!((&changed["state"], &changed["disabled"]["reason"]), (&json!("disabled"), &json!("requested")));
    client.post(&format!("{path}/test"), &json!({})).await.expect_problem(409, "CONFLICT");
    let again = patch(&client, id, &json!({"state": "active"})).await.expect(200).json();
    assert_eq!((&again["state"], again.get("disabled")), (&json!("active"), None));
    assert_eq!(again["url"], "http://127.0.0.1:9/new", "what is left out stays");
    client.delete(&path).await.expect(204);
    for answer in [client.get(&path).await, client.delete(&path).await] {
        answer.expect_problem(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn every_fault_of_an_endpoint_is_named_at_once() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let id = made(&client).await;
    let bad = json!({
        "url": "http://10.0.0.1/hook", "events": ["job.done", "webhook.test"], "description": "x".repeat(300),
        "secret": "whsec_short", "colour": 1,
    });
    let problem = client.post(WEBHOOKS, &bad).await.expect_problem(422, "VALIDATION_ERROR");
    let all = ["/colour", "/description", "/events/0", "/events/1", "/secret", "/url"];
    assert_eq!(problem.pointers(), all);
    assert_eq!(client.post(WEBHOOKS, &json!({})).await.expect_problem(422, "VALIDATION_ERROR").pointers(), ["/url"]);
    let bad = json!({"url": "ftp://a.example/", "events": "all", "description": 1, "state": "asleep", "secret": "x"});
    let problem = patch(&client, &id, &bad).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(problem.pointers(), ["/description", "/events", "/secret", "/state", "/url"]);
    for url in ["", "example.com", "https://user:word@example.com/", "https://"] {
        let problem = client.post(WEBHOOKS, &json!({"url": url})).await.expect_problem(422, "VALIDATION_ERROR");
        assert_eq!(problem.pointers(), ["/url"], "{url}");
    }
    let rotate = client.post(&format!("{WEBHOOKS}/{id}/rotate"), &json!({"secret": 1})).await;
    assert_eq!(rotate.expect_problem(422, "VALIDATION_ERROR").pointers(), ["/secret"]);
    for (query, faults) in [("", 1), ("?since=yesterday", 1), ("?since=&status=some&limit=3", 3)] {
        let problem = client.post(&format!("{WEBHOOKS}/{id}/replay{query}"), &json!({})).await;
        let problem = problem.expect_problem(422, "VALIDATION_ERROR").json();
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(faults), "{query}: {problem}");
    }
    for query in ["status=lost", "cursor=x", "limit=0"] {
        let list = client.get(&format!("{WEBHOOKS}/{id}/deliveries?{query}")).await;
        list.expect_problem(422, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn a_client_has_as_many_endpoints_as_it_may_and_no_more() {
    let app = TestApp::start(super::api_alone(), |config| config.webhooks.max_endpoints = 2).await;
    let client = app.client().await;
    let ids = [made(&client).await, made(&client).await];
    let body = json!({"url": "http://127.0.0.1:9/hook"});
    let problem = client.post(WEBHOOKS, &body).await.expect_problem(409, "CONFLICT").json();
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("has 2") && detail.contains("may have 2") && detail.contains("delete"), "{detail}");
    let other = app.caller("other", &[KeyScope::Client]).await;
    made(&other).await;
    client.delete(&format!("{WEBHOOKS}/{}", ids[0])).await.expect(204);
    made(&client).await;
}

#[tokio::test]
async fn another_clients_endpoint_does_not_exist() {
    let app = TestApp::api_only().await;
    let (client, other) = (app.client().await, app.caller("other", &[KeyScope::Client]).await);
    let id = made(&client).await;
    let delivery = client.post(&format!("{WEBHOOKS}/{id}/test"), &json!({})).await.expect(202).json();
    let delivery = delivery["id"].as_str().expect("an id").to_owned();
    let unknown = (EndpointId::fresh().to_string(), DeliveryId::of(&EndpointId::fresh(), "msg_1").to_string());
    let admin = app.caller("acme", &[KeyScope::Admin]).await;
    for (id, delivery) in [(id.clone(), delivery), unknown, (String::from("x"), String::from("x"))] {
        for (method, path) in [
            (Method::GET, format!("{WEBHOOKS}/{id}")),
            (Method::PATCH, format!("{WEBHOOKS}/{id}")),
            (Method::DELETE, format!("{WEBHOOKS}/{id}")),
            (Method::POST, format!("{WEBHOOKS}/{id}/test")),
            (Method::GET, format!("{WEBHOOKS}/{id}/secret")),
            (Method::POST, format!("{WEBHOOKS}/{id}/rotate")),
            (Method::GET, format!("{WEBHOOKS}/{id}/deliveries")),
            (Method::POST, format!("{WEBHOOKS}/{id}/replay?since=2026-01-01T00:00:00Z")),
            (Method::POST, format!("{WEBHOOKS}/deliveries/{delivery}/replay")),
        ] {
            for (caller, status, code) in [(&other, 404, "NOT_FOUND"), (&admin, 403, "FORBIDDEN")] {
                let request = caller.request(method.clone(), &path).json(&json!({}));
                caller.send(request).await.expect_problem(status, code);
            }
        }
    }
    assert_eq!(other.get(WEBHOOKS).await.expect(200).json()["data"], json!([]));
    client.get(&format!("{WEBHOOKS}/{id}")).await.expect(200);
}

#[tokio::test]
async fn a_secret_is_made_or_given_shown_again_and_rotated() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let wish = json!({"url": "http://127.0.0.1:9/hook", "secret": given});
    let made = client.post(WEBHOOKS, &wish).await.expect(201).json();
    assert_eq!(made["secret"], given);
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(client.get(&format!("{path}/secret")).await.expect(200).json(), json!({"secret": given}));
    // A body is not needed.
    let rotated = client.send(client.request(Method::POST, &format!("{path}/rotate"))).await.expect(200).json();
    assert_ne!(rotated["secret"], given);
    assert_eq!(rotated["previous"]["secret"], given);
    assert_eq!(client.get(&format!("{path}/secret")).await.expect(200).json(), rotated);
    let until = client.get(&path).await.expect(200).json()["previousSecretUntil"].clone();
    assert_eq!(rotated["previous"]["until"], until);
    let hours = (until.as_str().expect("a time").parse::<chrono::DateTime<chrono::Utc>>().expect("a time")
        - chrono::Utc::now())
    .num_minutes();
    assert!((23 * 60..=24 * 60).contains(&hours), "{hours} minutes");
    let again = client.post(&format!("{path}/rotate"), &json!({"secret": given})).await.expect(200).json();
    assert_eq!((&again["secret"], &again["previous"]["secret"]), (&json!(given), &rotated["secret"]));
}

#[tokio::test]
async fn the_default_secret_and_the_key_pair_rotate_together_and_public_keys_need_no_key() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let keys = |client: Http, query: &'static str| async move {
        let answer = client.get(&format!("/.well-known/webhook-keys{query}")).await.expect(200).json();
        answer["keys"].as_array().cloned().unwrap_or_default()
    };
    let first = client.get(&format!("{WEBHOOKS}/default-secret")).await.expect(200).json();
    let before = keys(app.stranger(), "?client=acme").await;
    assert_eq!(before.len(), 1);
    assert_eq!(keys(client.clone(), "").await, before, "a client's own key names it");
    assert_ne!(keys(app.stranger(), "?client=other").await, before);
    app.stranger().get("/.well-known/webhook-keys").await.expect_problem(401, "UNAUTHENTICATED");
    app.stranger().get("/.well-known/webhook-keys?client=A%20B").await.expect_problem(422, "VALIDATION_ERROR");
    let rotated = client.post(&format!("{WEBHOOKS}/default-secret/rotate"), &json!({})).await.expect(200).json();
    assert_eq!(rotated["previous"]["secret"], first["secret"]);
    assert_ne!(rotated["secret"], first["secret"]);
    assert_eq!(client.get(&format!("{WEBHOOKS}/default-secret")).await.expect(200).json(), rotated);
    let after = keys(app.stranger(), "?client=acme").await;
    assert_eq!((after.len(), after.get(1)), (2, before.first()));
}

#[tokio::test]
async fn answers_about_endpoints_have_no_member_that_is_not_described() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let described = app.stranger().get("/openapi.json").await.expect(200).json();
    let wish = json!({"url": "http://127.0.0.1:9/hook", "description": "d"});
    let mut endpoint = client.post(WEBHOOKS, &wish).await.expect(201).json();
    let path = format!("{WEBHOOKS}/{}", endpoint["id"].as_str().expect("an id"));
    endpoint.as_object_mut().expect("an object").remove("secret");
    let delivery = client.post(&format!("{path}/test"), &json!({})).await.expect(202).json();
    let rotated = client.post(&format!("{path}/rotate"), &json!({})).await.expect(200).json();
    let key = client.get("/.well-known/webhook-keys").await.expect(200).json()["keys"][0].clone();
    for (name, answer) in [
        ("Webhook", &endpoint),
        ("WebhookDelivery", &delivery),
        ("WebhookSecret", &rotated),
        ("PreviousWebhookSecret", &rotated["previous"]),
        ("WebhookKey", &key),
    ] {
        let schema = &described["components"]["schemas"][name];
        for member in answer.as_object().expect("an object").keys() {
            assert!(schema["properties"].get(member).is_some(), "`{member}` of {name} is not described");
        }
        for required in schema["required"].as_array().expect("required members") {
            assert!(answer.get(required.as_str().unwrap_or("")).is_some(), "{required} of {name} is missing");
        }
    }
}
