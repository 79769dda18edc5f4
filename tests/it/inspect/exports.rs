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
        (json!({ "schedules": [{ "name": "daily", "cron": "0 7 * * *" }] }), "schedule-handler"),
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
        ("semantest:addon/event-handler@1.0.0", "handle", "does not call it yet"),
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
