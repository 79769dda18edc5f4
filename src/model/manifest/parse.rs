//! Reading a manifest with all of its faults at once.
//!
//! Three passes, each of which finds everything it can: the text, the shape
//! (by a JSON Schema made from the types themselves, so the two cannot drift),
//! and the rules that a schema cannot say.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::model::id::AddonId;
use crate::model::manifest::fault::ManifestFault;
use crate::model::manifest::{MAX_MANIFEST_BYTES, Manifest, rules};

/// Why a manifest was refused: every fault that was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest has {} fault(s): {}", .faults.len(), summary(.faults))]
pub struct ManifestError {
    /// At least one.
    pub faults: Vec<ManifestFault>,
}

/// Most faults that one error text spells out; all of them are in the list.
const FAULTS_IN_TEXT: usize = 10;
/// Most faults that are collected: a hostile manifest can hold as many as it has bytes.
const MAX_FAULTS: usize = 100;

fn summary(faults: &[ManifestFault]) -> String {
    let texts: Vec<String> = faults
        .iter()
        .take(FAULTS_IN_TEXT)
        .map(|fault| {
            let place = if fault.pointer.is_empty() { "/" } else { &fault.pointer };
            format!("{place} {}", fault.message)
        })
        .collect();
    texts.join("; ")
}

/// The manifest's JSON Schema, made from the types.
pub static SCHEMA: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Manifest).to_value());

/// The schema, compiled once.
static VALIDATOR: LazyLock<Result<Validator, String>> =
    LazyLock::new(|| jsonschema::validator_for(&SCHEMA).map_err(|error| error.to_string()));

impl Manifest {
    /// Reads the JSON of a custom section.
    ///
    /// # Errors
    /// [`ManifestError`] with every fault.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            let message = format!("is {} bytes, at most {MAX_MANIFEST_BYTES} are read", bytes.len());
            return Err(ManifestError { faults: vec![ManifestFault::at("", message)] });
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| single(format!("is not JSON: {error}")))?;
        Self::from_value(value)
    }

    /// Reads the text of an `addon.toml` in which files are inlined already.
    ///
    /// # Errors
    /// [`ManifestError`] with every fault.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        let value: Value = toml::from_str(text).map_err(|error| single(format!("is not TOML: {error}")))?;
        Self::from_value(value)
    }

    /// Reads a value that was parsed already.
    ///
    /// # Errors
    /// [`ManifestError`] with every fault.
    pub fn from_value(value: Value) -> Result<Self, ManifestError> {
        let faults = shape_faults(&value);
        if !faults.is_empty() {
            return Err(ManifestError { faults });
        }
        let manifest: Self = serde_json::from_value(value).map_err(|error| single(error.to_string()))?;
        let faults = rules::faults(&manifest);
        if faults.is_empty() { Ok(manifest) } else { Err(ManifestError { faults }) }
    }
}

fn single(message: String) -> ManifestError {
    ManifestError { faults: vec![ManifestFault::at("", message)] }
}

fn shape_faults(value: &Value) -> Vec<ManifestFault> {
    let validator = match VALIDATOR.as_ref() {
        Ok(validator) => validator,
        Err(error) => return vec![ManifestFault::at("", format!("cannot be checked: {error}"))],
    };
    validator
        .iter_errors(value)
        .take(MAX_FAULTS)
        .map(|error| {
            let pointer = error.instance_path().to_string();
            let message = in_words(&pointer, error.instance()).unwrap_or_else(|| error.to_string());
            ManifestFault::at(pointer, message)
        })
        .collect()
}

/// What the pattern of a name asks for; nobody should have to read it.
fn in_words(pointer: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    match pointer {
        "/id" => AddonId::parse(text).err().map(|error| error.to_string()),
        "/version" => Some(format!("is {text:?} and must be a semantic version such as 1.4.0")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
id = "acme.weather-art"
version = "1.4.0"
name = "Weather art"
description = "Turns the weather into a picture."

[[capabilities]]
kind = "kv"
reason = "remembers the last city"
maxBytes = 65536

[config.schema]
type = "object"
properties.city = { type = "string", maxLength = 80 }

[[actions]]
name = "today"
params = { type = "object" }

[[hooks]]
point = "before-image"
onFailure = "closed"
"#;

    #[test]
    fn a_good_manifest_survives_toml_and_json() -> Result<(), Box<dyn std::error::Error>> {
        let manifest = Manifest::from_toml(GOOD)?;
        assert_eq!(Manifest::from_json(&manifest.to_json()?)?, manifest);
        assert_eq!(manifest.promised_exports(), ["actions", "before-image"]);
        Ok(())
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = r#"
id = "nope"
version = "one"
name = ""
description = "x"
colour = "red"
[[hooks]]
point = "before-lunch"
"#;
        let faults = Manifest::from_toml(text).map_err(|error| error.faults).err().unwrap_or_default();
        let text = format!("{faults:?}");
        assert!(text.contains("colour"), "{text}");
        assert!(text.contains("/hooks/0/point"), "{text}");
        assert!(text.contains("`nope` is not an addon id") && text.contains("such as 1.4.0"), "{text}");
    }

    #[test]
    fn the_patterns_take_what_their_types_take() -> Result<(), Box<dyn std::error::Error>> {
        let good: Value = serde_json::to_value(Manifest::from_toml(GOOD)?)?;
        let ids = ["ac.me", "a.weather", "-ac.me", "ac-.me", "a-c.m-e", "acme", "acme.art.x", "Acme.art", "acme.art\n"];
        let long = format!("{}.{}", "a".repeat(40), "b".repeat(40));
        let longer = format!("{}.me", "a".repeat(41));
        for id in ids.into_iter().chain([long.as_str(), longer.as_str()]) {
            let faults = shape_faults(&Value::from_iter([("id", id)])).into_iter().any(|fault| fault.pointer == "/id");
            assert_eq!(faults, AddonId::parse(id).is_err(), "{id}");
        }
        for version in
            ["1.0.0", "1.0", "01.0.0", "1.0.0-rc.1", "1.0.0-01", "1.0.0+a.b", "1.0.0-a..b", "v1.0.0", "1.0.0-0a"]
        {
            let mut manifest = good.clone();
            manifest["version"] = version.into();
            assert_eq!(shape_faults(&manifest).is_empty(), semver::Version::parse(version).is_ok(), "{version}");
        }
        Ok(())
    }

    #[test]
    fn rules_beyond_the_shape_are_told_at_once_too() {
        let text = r#"
id = "nope"
version = "1.0.0"
name = ""
description = "x"
"#;
        let error = Manifest::from_toml(text).err();
        assert!(error.is_some());
    }
}
