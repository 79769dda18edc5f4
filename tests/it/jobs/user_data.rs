//! Taking a user's data of an addon along.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use semantest::config::addons::ConsentMode;
use serde_json::{Value, json};

use super::upgrade::{MOVING, PATH, put, upgradable};

fn value_of(values: &Value, key: &str) -> String {
    let found = values.as_array().and_then(|values| values.iter().find(|value| value["key"] == key));
    let text = found.and_then(|value| value["value"].as_str()).expect("a value");
    String::from_utf8(BASE64_STANDARD.decode(text).expect("base64")).expect("text")
}

#[tokio::test]
async fn an_export_holds_settings_grants_versions_consent_and_every_value() {
    let platform = upgradable(ConsentMode::Implied, &[("2.0.0", 1 << 21)]).await;
    let large = "x".repeat(200_000);
    for number in 0..40 {
        put(&platform, &format!("key-{number:02}"), &format!("value {number} \"}}]")).await;
    }
    put(&platform, "large", &large).await;
    let path = format!("{PATH}/data");
    let data = platform.acme.get(&path).await.expect(200).json();
    assert_eq!(
        (&data["addonId"], &data["userId"], &data["version"]),
        (&json!(MOVING), &json!("alice"), &json!("1.0.0"))
    );
    assert_eq!((&data["config"]["mark"], &data["grants"][0]["kind"]), (&json!("one"), &json!("kv")), "{data}");
    assert_eq!(data["consent"], data["digest"]);
    assert_eq!(data["previous"], Value::Null);
    assert_eq!(data["values"].as_array().map(Vec::len), Some(43), "41, the note, and what the addon itself keeps");
    for number in 0..40 {
        assert_eq!(value_of(&data["values"], &format!("key-{number:02}")), format!("value {number} \"}}]"));
    }
    assert_eq!(value_of(&data["values"], "large"), large);
    platform.acme.enable("alice", MOVING, &json!({ "version": "2.0.0" })).await.expect(200);
    put(&platform, "note", "second").await;
    let data = platform.acme.get(&path).await.expect(200).json();
    assert_eq!((&data["version"], &data["previous"]["version"]), (&json!("2.0.0"), &json!("1.0.0")));
    assert_eq!(value_of(&data["values"], "note"), "second");
    assert_eq!(value_of(&data["previousValues"], "note"), "first");
    platform.other.get(&path).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.acme.disable("alice", MOVING, false).await;
    platform.acme.get(&path).await.expect(200);
    platform.acme.disable("alice", MOVING, true).await;
    platform.acme.get(&path).await.expect_problem(404, "ADDON_NOT_FOUND");
    platform.end().await;
}
