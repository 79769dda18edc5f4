//! Reading components without running them: what is refused, with which code and which words.

mod binaries;
mod exports;
mod imports;
mod in_tree;
mod manifests;
mod proposals;
mod worlds;

use anyhow::{Context as _, Result};
use semantest::host::inspect::{InspectError, InspectLimits, Inspection, examine, inspect};
use semantest::host::section;
use semantest::model::code::JobCode;
use semantest::model::manifest::Manifest;
use serde_json::{Value, json};

/// What stands in a component's text to export `actions`.
const ACTIONS: &str = r#"
    (core module $m (func (export "invoke")))
    (core instance $i (instantiate $m))
    (func $invoke (canon lift (core func $i "invoke")))
    (instance $actions (export "invoke" (func $invoke)))
    (export "semantest:addon/actions@1.0.0" (instance $actions))
"#;

/// A manifest with one action.
fn plain_manifest() -> Value {
    json!({
        "id": "acme.probe", "version": "1.0.0", "name": "Probe", "description": "Tries things.",
        "actions": [{ "name": "try" }],
    })
}

/// The plain manifest, which also asks for these capabilities.
fn asking_for(kinds: &[&str]) -> Value {
    let capabilities = kinds.iter().map(|kind| match *kind {
        "http" => json!({ "kind": kind, "reason": "needs it", "hosts": ["https://api.example"] }),
        _ => json!({ "kind": kind, "reason": "needs it" }),
    });
    with(plain_manifest(), "capabilities", capabilities.collect())
}

/// The manifest with one part more.
fn with(mut manifest: Value, part: &str, value: Value) -> Value {
    if let Some(parts) = manifest.as_object_mut() {
        parts.insert(part.to_owned(), value);
    }
    manifest
}

/// A component from text with a manifest in it.
fn packed(text: &str, manifest: &Value) -> Result<Vec<u8>> {
    let component = wat::parse_str(format!("(component {text})")).context(text.to_owned())?;
    Ok(section::embed(&component, &Manifest::from_value(manifest.clone())?)?)
}

fn inspected(bytes: &[u8]) -> Result<Inspection, InspectError> {
    inspect(bytes, &InspectLimits::default())
}

/// The refusal of bytes that must be refused.
fn refusal(bytes: &[u8]) -> Result<InspectError> {
    inspected(bytes).err().context("it was accepted")
}

/// Every code that an author is told at once.
fn codes(bytes: &[u8]) -> Vec<JobCode> {
    examine(bytes, &InspectLimits::default())
        .err()
        .map(|faults| faults.iter().map(InspectError::code).collect())
        .unwrap_or_default()
}
