//! What a guest hears where something it wanted to start is refused.

use std::time::Duration;

use serde_json::{Value, json};

use crate::addons::starts::StartError;
use crate::host::ports::{PortError, PortErrorKind};
use crate::model::disposition::Disposition;
use crate::model::limit::{Excess, Limit};

/// The guest's own faults in full, ours without the cause.
pub(super) fn refusal(error: &StartError) -> PortError {
    let of = |kind, code| PortError::new(kind, code, error.to_string());
    let over = |limit, reached: &u64, allowed: &u64, refusal: PortError| {
        let excess = Excess { limit, reached: *reached, allowed: *allowed };
        PortError { details: Some(excess.details()), ..refusal }
    };
    match error {
        StartError::TooDeep { reached, allowed } => {
            over(Limit::Hops, reached, allowed, of(PortErrorKind::Refused, "too-many-hops"))
        }
        StartError::NoCredit { reached, allowed, refills_in } => PortError {
            retry_after: Some(*refills_in),
            ..over(Limit::GrantedCreditsPerDay, reached, allowed, of(PortErrorKind::OverQuota, "over-quota"))
        },
        StartError::TooManyWaiting { reached, allowed } => {
            over(Limit::WaitingJobs, reached, allowed, of(PortErrorKind::OverQuota, "over-quota"))
        }
        StartError::DelayTooLong { reached, allowed } => {
            let millis = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let refusal = of(PortErrorKind::BadInput, "bad-input");
            over(Limit::JobDelayMs, &millis(reached), &millis(allowed), refusal)
        }
        StartError::UnknownAction { .. } => of(PortErrorKind::BadInput, "unknown-action"),
        StartError::Faulty { faults, .. } => {
            let faults: Vec<Value> =
                faults.iter().map(|fault| json!({ "pointer": fault.pointer, "message": fault.message })).collect();
            PortError { details: Some(json!({ "faults": faults })), ..of(PortErrorKind::BadInput, "bad-input") }
        }
        StartError::Missing { .. } => PortError::missing(error.to_string()),
        StartError::Store(cause) => trouble(cause.disposition(), error),
        StartError::Work(cause) => trouble(cause.disposition(), error),
    }
}

fn trouble(disposition: Disposition, error: &StartError) -> PortError {
    tracing::warn!(error = %error, cause = ?error, "An addon could not start work");
    let message = "the queue cannot be reached right now";
    match disposition {
        Disposition::RetryAfter(wait) => PortError { retry_after: Some(wait), ..PortError::unavailable(message) },
        Disposition::Retry | Disposition::GiveUp => PortError::unavailable(message),
    }
}
