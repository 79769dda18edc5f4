//! Holding bytes against what was said of them; nothing of a guest runs here.

use bytes::Bytes;
use serde_json::json;

use crate::host::inspect::{InspectLimits, Inspection, inspect};
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

/// Reads the component without running it: what it is, imports, exports and says of itself.
pub(super) async fn component(bytes: Bytes, limit: ByteSize) -> Result<Found<Inspection>, JobError> {
    let inspection = blocking(move || {
        inspect(&bytes, &InspectLimits::for_size(limit)).map_err(|error| {
            JobError::from(Failure {
                details: Some(error.details()),
                ..Failure::permanent(error.code(), error.to_string())
            })
        })
    })
    .await?;
    let evidence = json!({
        "imports": inspection.imports, "exports": inspection.exports,
        "contract": inspection.contract.to_string(), "warnings": inspection.warnings,
    });
    Ok(Found::with(inspection, evidence))
}

/// Runs processor work beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JobError> + Send + 'static,
) -> Result<T, JobError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(JobError::permanent(JobCode::Internal, "checking the component ended abruptly")))
}
