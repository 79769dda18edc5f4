//! Holding bytes against what was said of them; nothing of a guest runs here.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::addons::blocking::blocking;
use crate::addons::inspections::Inspections;
use crate::host::inspect::Inspection;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::units::ByteSize;
use crate::work::progress::Found;

/// Checks that the bytes are those that were named.
pub(super) async fn digest(bytes: Bytes, expected: Option<Digest>) -> Result<Found<Digest>, JobError> {
    let size = bytes.len();
    let actual = blocking(move || Ok(Digest::of(&bytes))).await?;
    match expected {
        Some(expected) if !expected.matches(&actual) => Err(Failure::permanent(
            JobCode::DigestMismatch,
            format!("the bytes are {actual}, but {expected} was named; fetch them again or correct the digest"),
        )
        .with_details(json!({ "expected": expected, "actual": actual }))
        .into()),
        _ => Ok(Found::with(actual, json!({ "digest": actual, "sizeBytes": size }))),
    }
}

/// Reads the component without running it: what it is, imports, exports and says of itself. `digest` is that of `bytes`.
pub(super) async fn component(
    known: &Inspections,
    digest: &Digest,
    bytes: Bytes,
    limit: ByteSize,
) -> Result<Found<Arc<Inspection>>, JobError> {
    let inspection = known.of(digest, bytes, limit).await?;
    let evidence = json!({
        "imports": inspection.imports, "exports": inspection.exports,
        "contract": inspection.contract.to_string(), "warnings": inspection.warnings,
    });
    Ok(Found::with(inspection, evidence))
}
