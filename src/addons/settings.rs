//! A user's settings for an addon, held against the addon's schema.

use serde_json::{Value, json};

use crate::addons::Fault;
use crate::model::manifest::Manifest;
use crate::model::schema;

/// The settings with the schema's defaults filled in, or every way in which they do not fit.
///
/// Pointers start with `/config`, where the request carries the settings.
pub(super) fn check(manifest: &Manifest, config: Option<&Value>) -> Result<Value, Vec<Fault>> {
    let declared = manifest.config_schema();
    let mut config = config.cloned().unwrap_or_else(|| json!({}));
    schema::apply_defaults(&declared, &mut config);
    let compiled = schema::compile(&declared)
        .map_err(|error| vec![Fault { pointer: String::from("/config"), message: error.to_string() }])?;
    let faults: Vec<Fault> = compiled
        .faults(&config)
        .into_iter()
        .map(|fault| Fault { pointer: format!("/config{}", fault.pointer), message: fault.message })
        .collect();
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// Faults as one text, for a job's error.
pub(super) fn in_words(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.message)).collect();
    texts.join("; ")
}
