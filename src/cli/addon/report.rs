//! What an inspection found, for people and for programs.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::say;
use crate::host::inspect::{InspectError, Inspection};

/// Prints what a component is, asks for and weighs.
pub(super) fn accepted(inspection: &Inspection, written: Option<&Path>) {
    let manifest = &inspection.manifest;
    match written {
        Some(path) => say::result(format_args!("{} {} → {}", manifest.id, manifest.version, path.display())),
        None => say::result(format_args!("{} {}: a server would take it", manifest.id, manifest.version)),
    }
    say::result(format_args!("  size          {} bytes, {} functions", inspection.size_bytes, inspection.counts.functions));
    say::result(format_args!("  digest        {}", inspection.digest));
    say::result(format_args!("  contract      {}", inspection.contract));
    say::result(format_args!("  exports       {}", names(inspection.exports.iter().map(|export| export.name.as_str()))));
    say::result(format_args!("  imports       {}", names(inspection.imports.iter().map(|import| import.name.as_str()))));
    say::result(format_args!("  capabilities  {}", names(inspection.capabilities.iter().map(|kind| kind.as_str()))));
    for warning in &inspection.warnings {
        say::note(format_args!("warning: {warning}"));
    }
}

/// Prints every reason against a component.
pub(super) fn refused(faults: &[InspectError]) {
    for fault in faults {
        say::note(format_args!("{}: {fault}", fault.code()));
    }
}

/// Both of the above as one JSON object.
pub(super) fn json(outcome: &Result<Inspection, Vec<InspectError>>) -> Value {
    match outcome {
        Ok(inspection) => json!({ "ok": true, "inspection": inspection, "faults": [] }),
        Err(faults) => {
            let faults: Vec<Value> = faults
                .iter()
                .map(|fault| {
                    json!({
                        "code": fault.code().as_str(),
                        "step": fault.step(),
                        "message": fault.to_string(),
                        "details": fault.details(),
                    })
                })
                .collect();
            json!({ "ok": false, "faults": faults })
        }
    }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { String::from("none") } else { names.join("\n                ") }
}
