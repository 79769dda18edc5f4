//! What a component exports against what its manifest promises.

use anyhow::Result;
use semantest::model::code::JobCode;
use serde_json::{Value, json};

use super::{ACTIONS, inspected, packed, plain_manifest, refusal};

fn promising(parts: Value) -> Value {
    let mut manifest = json!({ "id": "acme.probe", "version": "1.0.0", "name": "Probe", "description": "Tries." });
    if let (Some(manifest), Value::Object(parts)) = (manifest.as_object_mut(), parts) {
        manifest.extend(parts);
    }
    manifest
}

/// A manifest's parts for one schedule.
fn daily(cron: &str) -> Value {
    json!({
        "schedules": [{ "name": "daily", "cron": cron }],
        "capabilities": [{ "kind": "schedule", "reason": "wakes up" }],
    })
}

/// A component that exports this interface with this one function.
fn exporting(interface: &str, function: &str) -> String {
    format!(
        r#"(core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $e (export "{function}" (func $f)))
        (export "{interface}" (instance $e))"#
    )
}

#[test]
fn every_part_of_a_manifest_needs_its_export() -> Result<()> {
    for (parts, interface) in [
        (json!({ "actions": [{ "name": "try" }] }), "actions"),
        (json!({ "hooks": [{ "point": "before-image" }] }), "before-image"),
        (json!({ "hooks": [{ "point": "after-image" }] }), "after-image"),
        (json!({ "hooks": [{ "point": "before-prompt" }] }), "before-prompt"),
        (json!({ "hooks": [{ "point": "after-reply" }] }), "after-reply"),
        (daily("0 7 * * *"), "schedule-handler"),
        (json!({ "events": { "handles": ["job.completed"] } }), "event-handler"),
        (json!({ "provider": { "sizes": ["512x512"] } }), "image-provider"),
    ] {
        let refusal = refusal(&packed("", &promising(parts))?)?;
        assert_eq!(refusal.code(), JobCode::ExportMissing, "{interface}");
        assert_eq!(refusal.details(), json!({ "exports": [{ "interface": interface }] }));
    }
    Ok(())
}

#[test]
fn an_export_without_its_function_is_missing_too() -> Result<()> {
    let text = exporting("semantest:addon/actions@1.0.0", "run");
    let refusal = refusal(&packed(&text, &plain_manifest())?)?;
    assert_eq!(refusal.code(), JobCode::ExportMissing);
    assert_eq!(refusal.details(), json!({ "exports": [{ "interface": "actions", "functions": ["invoke"] }] }));
    Ok(())
}

#[test]
fn an_export_of_another_package_is_not_the_contracts() -> Result<()> {
    for name in ["acme:addon/actions@1.0.0", "semantest:addons/actions@1.0.0", "actions"] {
        let refusal = refusal(&packed(&exporting(name, "invoke"), &plain_manifest())?)?;
        assert_eq!(refusal.code(), JobCode::ExportMissing, "{name}");
    }
    Ok(())
}

#[test]
fn an_export_for_another_contract_is_refused() -> Result<()> {
    let text = exporting("semantest:addon/actions@9.0.0", "invoke");
    assert_eq!(refusal(&packed(&text, &plain_manifest())?)?.code(), JobCode::ContractUnsupported);
    Ok(())
}

#[test]
fn exports_that_nobody_calls_are_warned_about() -> Result<()> {
    for (name, function, words) in [
        ("semantest:addon/before-image@1.0.0", "run", "nothing in the manifest uses it"),
        ("semantest:addon/event-handler@1.0.0", "handle", "nothing in the manifest uses it"),
        ("semantest:addon/after-reply@1.0.0", "run", "nothing in the manifest uses it"),
        ("semantest:addon/future@1.0.0", "f", "the contract knows no export `future`"),
        ("wasi:cli/run@0.2.0", "run", "no host calls it"),
    ] {
        let text = format!("(component $inner {}) {ACTIONS}", "");
        let extra = format!(r#"(instance $x (export "{function}" (func $invoke))) (export "{name}" (instance $x))"#);
        let read = inspected(&packed(&format!("{text} {extra}"), &plain_manifest())?)?;
        assert!(read.warnings.iter().any(|warning| warning.contains(words)), "{name}: {:?}", read.warnings);
    }
    Ok(())
}

#[test]
fn an_optional_export_needs_no_word_in_the_manifest() -> Result<()> {
    let text = format!(
        r#"{ACTIONS} (instance $l (export "activate" (func $invoke)) (export "deactivate" (func $invoke)))
        (export "semantest:addon/lifecycle@1.0.0" (instance $l))"#
    );
    let read = inspected(&packed(&text, &plain_manifest())?)?;
    assert!(read.exports_interface("lifecycle") && read.warnings.is_empty(), "{:?}", read.warnings);
    Ok(())
}

#[test]
fn a_schedule_that_comes_more_often_than_this_host_lets_it_is_refused_with_both_numbers() -> Result<()> {
    let component = exporting("semantest:addon/schedule-handler@1.0.0", "tick");
    for (cron, reached_ms) in [("* * * * * *", Some(1000)), ("0,30 0 7 * * *", Some(30_000)), ("* * * * *", None)] {
        let bytes = packed(&component, &promising(daily(cron)))?;
        match reached_ms {
            None => assert!(inspected(&bytes).is_ok(), "{cron}"),
            Some(reached_ms) => {
                let refusal = refusal(&bytes)?;
                assert_eq!(refusal.code(), JobCode::ManifestInvalid, "{cron}");
                let details = json!({ "schedule": "daily", "reachedMs": reached_ms, "allowedMs": 60_000 });
                assert_eq!(refusal.details(), details, "{cron}");
            }
        }
    }
    Ok(())
}

#[test]
fn more_schedules_than_this_host_keeps_are_refused() -> Result<()> {
    let component = exporting("semantest:addon/schedule-handler@1.0.0", "tick");
    for (count, is_taken) in [(16, true), (17, false)] {
        let schedules: Vec<Value> =
            (0..count).map(|number| json!({ "name": format!("s{number}"), "cron": "0 7 * * *" })).collect();
        let mut parts = daily("0 7 * * *");
        if let Some(parts) = parts.as_object_mut() {
            parts.insert(String::from("schedules"), json!(schedules));
        }
        let bytes = packed(&component, &promising(parts))?;
        if is_taken {
            assert!(inspected(&bytes).is_ok());
        } else {
            let details = json!({ "what": "schedules", "found": 17, "limit": 16 });
            assert_eq!(refusal(&bytes)?.details(), details);
        }
    }
    Ok(())
}
