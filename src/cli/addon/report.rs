//! What an inspection found, for people and for programs.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::say;
use crate::host::inspect::{InspectError, Inspection};
use crate::host::{CompileError, Effort};

/// Prints what a component is, asks for and weighs.
pub(super) fn accepted(inspection: &Inspection, written: Option<&Path>) {
    let manifest = &inspection.manifest;
    match written {
        Some(path) => say::line(&format!("{} {} → {}", manifest.id, manifest.version, path.display())),
        None => say::line(&format!("{} {}: a server would take it", manifest.id, manifest.version)),
    }
    say::line(&format!("  size          {} bytes, {} functions", inspection.size_bytes, inspection.counts.functions));
    say::line(&format!("  digest        {}", inspection.digest));
    say::line(&format!("  contract      {}", inspection.contract));
    say::line(&format!("  exports       {}", names(inspection.exports.iter().map(|export| export.name.as_str()))));
    say::line(&format!("  imports       {}", names(inspection.imports.iter().map(|import| import.name.as_str()))));
    say::line(&format!("  capabilities  {}", names(inspection.capabilities.iter().map(|kind| kind.as_str()))));
    for warning in &inspection.warnings {
        say::error(&format!("warning: {warning}"));
    }
}

/// Prints every reason against a component.
pub(super) fn refused(faults: &[InspectError]) {
    for fault in faults {
        say::error(&format!("{}: {fault}", fault.code()));
    }
}

/// Prints what compiling took, or why there is no code.
pub(super) fn compiled(outcome: &Result<Effort, CompileError>) {
    match outcome {
        Ok(effort) => say::line(&format!(
            "  compiles in   {} ms of processor time, with {} MiB of memory",
            effort.cpu_time.as_millis(),
            effort.peak_memory.as_u64().div_ceil(1024 * 1024)
        )),
        Err(error) => say::error(&format!("{}: {}", error.code(), error.in_words())),
    }
}

/// All of the above as one JSON object.
pub(super) fn json(
    outcome: &Result<Inspection, Vec<InspectError>>,
    compiled: Option<&Result<Effort, CompileError>>,
) -> Value {
    match outcome {
        Ok(inspection) => match compiled {
            Some(Err(error)) => {
                let fault = json!({
                    "code": error.code().as_str(), "step": "compile",
                    "message": error.in_words(), "details": error.details(),
                });
                json!({ "ok": false, "inspection": inspection, "faults": [fault] })
            }
            Some(Ok(_)) | None => json!({ "ok": true, "inspection": inspection, "faults": [] }),
        },
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
