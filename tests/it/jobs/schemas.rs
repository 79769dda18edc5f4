//! Schemas that strangers write: none of them reads a file, calls home, or holds up the platform.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::host::guest::Guest;
use crate::support::components::{manifest, packed, packed_badly};
use crate::support::platform::Platform;
use crate::support::receiver::Receiver;
use crate::support::tenant::failed_step;

fn with_params(id: &str, schema: &Value) -> Value {
    let mut odd = manifest(id);
    odd["actions"][0]["params"] = schema.clone();
    odd
}

/// Fifty definitions of which each uses the next one twice.
fn doubling() -> Value {
    let definitions: serde_json::Map<String, Value> = (0..50)
        .map(|number| {
            let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
            (format!("d{number}"), json!({"allOf": [next, next]}))
        })
        .chain([(String::from("d50"), json!({"type": "object"}))])
        .collect();
    json!({"$defs": definitions, "$ref": "#/$defs/d0"})
}

#[tokio::test]
async fn a_schema_that_leads_outside_or_never_ends_is_refused_with_the_manifest() {
    let platform = Platform::start().await;
    let home = Receiver::content().await;
    for schema in [
        json!({"$ref": home.url()}),
        json!({"properties": {"a": {"$ref": format!("{}#/x", home.url())}}}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"$ref": "file:///etc/hostname"}),
        json!({"$id": home.url(), "$ref": "other.json"}),
        json!({"$ref": "#"}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        json!({"$defs": {"a": {"$anchor": "again", "$ref": "#again"}}, "$ref": "#/$defs/a"}),
        json!({"$dynamicAnchor": "again", "$dynamicRef": "#again"}),
        json!({"dependentSchemas": {"a": {"$ref": "#"}}}),
        json!({"$defs": {"a b": {"allOf": [{"$ref": "#/$defs/a%20b"}]}}, "$ref": "#/$defs/a%20b"}),
        json!({"pattern": "(?=a)b"}),
        doubling(),
    ] {
        let began = Instant::now();
        let component = packed_badly(&Guest::doing(""), &with_params("acme.odd", &schema));
        let job = platform.publisher.publish(component).await.expect(200).json();
        assert_eq!(failed_step(&job), (String::from("manifest"), String::from("MANIFEST_INVALID")), "{schema}: {job}");
        assert!(began.elapsed() < Duration::from_secs(5), "{schema} took {:?}", began.elapsed());
    }
    assert_eq!(home.connections(), 0, "a schema called home");
    platform.end().await;
}

#[tokio::test]
async fn a_pattern_that_takes_other_engines_for_ever_takes_this_one_no_time() {
    let platform = Platform::start().await;
    let schema = json!({"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}});
    platform.publisher.publish_well(packed(&Guest::doing(""), &with_params("acme.pattern", &schema))).await;
    platform.acme.enable_well("alice", "acme.pattern", &json!({})).await;
    let began = Instant::now();
    let evil = format!("{}!", "a".repeat(50_000));
    let answer = platform.acme.leave("alice", "acme.pattern", "run", &json!({"params": {"text": evil}})).await;
    answer.expect_problem(422, "VALIDATION_ERROR");
    assert!(began.elapsed() < Duration::from_secs(5), "took {:?}", began.elapsed());
    platform.end().await;
}

#[tokio::test]
async fn a_schema_of_trees_is_fine_and_ends_with_the_value() {
    let platform = Platform::start().await;
    let schema = json!({"type": "object", "additionalProperties": {"$ref": "#"}});
    platform.publisher.publish_well(packed(&Guest::doing(""), &with_params("acme.tree", &schema))).await;
    platform.acme.enable_well("alice", "acme.tree", &json!({})).await;
    let job = platform.acme.call("alice", "acme.tree", "run", &json!({"a": {"b": {"c": {}}}})).await;
    assert_eq!(job["status"], "completed", "{job}");
    let wrong = json!({"params": {"a": {"b": {"c": 1}}}});
    let answer = platform.acme.leave("alice", "acme.tree", "run", &wrong).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/params/a/b/c"]);
    platform.end().await;
}

#[tokio::test]
async fn a_schema_that_leads_back_to_itself_on_two_ways_does_not_hold_the_platform_up_over_a_deep_value() {
    let platform = Platform::start().await;
    let again = json!({"additionalProperties": {"$ref": "#"}});
    let schema = json!({"type": "object", "allOf": [again, again]});
    platform.publisher.publish_well(packed(&Guest::doing(""), &with_params("acme.double", &schema))).await;
    platform.acme.enable_well("alice", "acme.double", &json!({})).await;
    let nested = |depth: usize| (0..depth).fold(json!({}), |inner, _| json!({"a": inner}));
    let job = platform.acme.call("alice", "acme.double", "run", &nested(5)).await;
    assert_eq!(job["status"], "completed", "{job}");
    let deep = json!({"params": nested(60)});
    let answer =
        platform.acme.leave("alice", "acme.double", "run", &deep).await.expect_problem(422, "VALIDATION_ERROR");
    assert_eq!(answer.pointers(), ["/params"]);
    platform.end().await;
}
