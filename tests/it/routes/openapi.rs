//! The description of the API: generated, committed, and true to the answers.
//!
//! `SEMANTEST_WRITE_SNAPSHOTS=1 cargo test --test it openapi` writes `docs/openapi.json` anew.

use std::path::Path;

use semantest::api::problem::ProblemCode;
use semantest::model::code::JobCode;
use serde_json::{Value, json};

use crate::support::app::TestApp;

#[test]
fn the_committed_description_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let generated = semantest::api::openapi_json().expect("a description");
    if std::env::var_os("SEMANTEST_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &generated).expect("a written description");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "docs/openapi.json is not what the code says; look at the difference after \
         `SEMANTEST_WRITE_SNAPSHOTS=1 cargo test --test it openapi`"
    );
}

fn description() -> Value {
    serde_json::from_str(&semantest::api::openapi_json().expect("a description")).expect("JSON")
}

#[test]
fn every_documented_code_appears() {
    let schemas = &description()["components"]["schemas"];
    let problems = schemas["Problem"]["properties"]["code"]["enum"].as_array().cloned().unwrap_or_default();
    for code in ProblemCode::ALL {
        assert!(problems.contains(&json!(code.as_str())), "{}", code.as_str());
    }
    let jobs = schemas["JobError"]["properties"]["code"]["enum"].as_array().cloned().unwrap_or_default();
    for code in JobCode::ALL {
        assert!(jobs.contains(&json!(code.as_str())), "{code}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_named_once() {
    let description = description();
    let text = description.to_string();
    for piece in text.split("\"#/components/schemas/").skip(1) {
        let name = piece.split('"').next().unwrap_or("");
        assert!(description["components"]["schemas"].get(name).is_some(), "{name} is not described");
    }
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let id = operation["operationId"].as_str().unwrap_or("").to_owned();
            assert!(!operations.contains(&id), "`{id}` names {method} {path} and another operation");
            operations.push(id);
        }
    }
}

#[tokio::test]
async fn answers_have_no_member_that_is_not_described() {
    let app = TestApp::api_only().await;
    let client = app.client().await;
    let served = app.stranger().get("/openapi.json").await.expect(200).json();
    assert_eq!(served, description());
    let body = json!({"prompt": "hello", "metadata": {"a": 1}, "webhookUrl": "http://127.0.0.1:9/"});
    let accepted = client.post("/api/v1/chat/new", &body).await.expect(202).json();
    let job = client.get(accepted["statusUrl"].as_str().unwrap_or("")).await.expect(200).json();
    for (name, answer) in [("Accepted", &accepted), ("Job", &job)] {
        let properties = &served["components"]["schemas"][name]["properties"];
        for member in answer.as_object().expect("an object").keys() {
            assert!(properties.get(member).is_some(), "`{member}` of {name} is not described");
        }
        for required in served["components"]["schemas"][name]["required"].as_array().expect("required members") {
            assert!(answer.get(required.as_str().unwrap_or("")).is_some(), "{required} of {name} is missing");
        }
    }
}

#[test]
fn the_committed_list_of_problems_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROBLEMS.md");
    let generated = problems();
    if std::env::var_os("SEMANTEST_WRITE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &generated).expect("a written list");
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == generated,
        "docs/PROBLEMS.md is not what the code says"
    );
}

/// Every kind of problem as a page for people.
fn problems() -> String {
    let mut text = String::from(
        "# Problems\n\nEvery answer that is not success is `application/problem+json` (RFC 9457) with one of these codes. \
         The server shows the same texts at `/problems/{slug}`. Generated from `src/api/problem_code.rs` by \
         `SEMANTEST_WRITE_SNAPSHOTS=1 cargo test --test it openapi`; codes of failed jobs stand in `docs/openapi.json`.\n",
    );
    for code in ProblemCode::ALL {
        let again = if code.is_retryable() { " The same request may succeed later." } else { "" };
        let (name, status) = (code.as_str(), code.status().as_u16());
        text.push_str(&format!("\n## `{name}` ({status})\n\n{}.{again} {}\n", code.title(), code.advice()));
    }
    text
}
