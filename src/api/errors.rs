//! Services' errors as problems: the one place that knows both.

use std::error::Error;
use std::time::Duration;

use super::problem::{Fault, Place, Problem, ProblemCode};
use crate::addons::AddonsError;
use crate::imaging::gallery::GalleryError;
use crate::model::causes;
use crate::model::disposition::Disposition;
use crate::model::rate::RateStanding;
use crate::queue::QueueError;
use crate::store::StoreError;
use crate::store::blobs::BlobError;
use crate::webhooks::WebhooksError;
use crate::work::WorkError;

/// What may pass is the queue being away; what will not is a fault of ours.
fn by_disposition(disposition: Disposition, error: &(dyn Error + 'static)) -> Problem {
    let problem = match disposition {
        Disposition::Retry => Problem::queue_unavailable(),
        Disposition::RetryAfter(wait) => Problem::queue_unavailable().retry_after(wait),
        Disposition::GiveUp => Problem::internal(),
    };
    problem.because(causes::in_one_line(error))
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cursor => bad_cursor(),
            error => by_disposition(error.disposition(), &error),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        by_disposition(error.disposition(), &error)
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        by_disposition(error.disposition(), &error)
    }
}

impl From<GalleryError> for Problem {
    fn from(error: GalleryError) -> Self {
        match error {
            GalleryError::Store(error) => error.into(),
            GalleryError::Blob(error) => error.into(),
        }
    }
}

impl From<WorkError> for Problem {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::IdempotencyMismatch => Self::new(ProblemCode::IdempotencyMismatch, error.to_string()),
            WorkError::IdempotencyBusy => {
                Self::new(ProblemCode::Conflict, error.to_string()).retry_after(Duration::from_secs(1))
            }
            WorkError::RateLimited(standing) => too_often(&standing),
            WorkError::CursorInvalid => bad_cursor(),
            WorkError::Store(error) => error.into(),
            WorkError::Queue(error) => error.into(),
            WorkError::Id(_) => Self::internal().because(causes::in_one_line(&error)),
        }
    }
}

impl From<WebhooksError> for Problem {
    fn from(error: WebhooksError) -> Self {
        match error {
            WebhooksError::NoEndpoint | WebhooksError::NoDelivery => {
                Self::new(ProblemCode::NotFound, error.to_string())
            }
            WebhooksError::TooMany { .. }
            | WebhooksError::Disabled
            | WebhooksError::Pending
            | WebhooksError::Seal(_) => Self::new(ProblemCode::Conflict, error.to_string()),
            WebhooksError::Store(error) => error.into(),
            WebhooksError::Queue(error) => error.into(),
            WebhooksError::Id(_) => Self::internal().because(causes::in_one_line(&error)),
        }
    }
}

impl From<AddonsError> for Problem {
    fn from(error: AddonsError) -> Self {
        match error {
            AddonsError::NotFound(message) => Self::new(ProblemCode::AddonNotFound, message),
            AddonsError::Missing(message) => Self::new(ProblemCode::NotFound, message),
            AddonsError::Envelope(_) => Self::internal().because(causes::in_one_line(&error)),
            AddonsError::Conflict { code, message } => {
                Self::new(ProblemCode::parse(code).unwrap_or(ProblemCode::Conflict), message)
            }
            AddonsError::Invalid(faults) => {
                Self::invalid(faults.into_iter().map(|fault| Fault::at(fault.pointer, fault.message)).collect())
            }
            AddonsError::Forbidden(message) => Self::new(ProblemCode::Forbidden, message),
            AddonsError::TooLarge { .. } => Self::new(ProblemCode::PayloadTooLarge, error.to_string()),
            AddonsError::Store(error) => error.into(),
            AddonsError::Blob(error) => error.into(),
            AddonsError::Work(error) => error.into(),
        }
    }
}

/// With the limit, and when the request fits again.
fn too_often(standing: &RateStanding) -> Problem {
    let seconds = u64::try_from(standing.wait.unwrap_or_default().as_millis().div_ceil(1000)).unwrap_or(1).max(1);
    let detail = format!(
        "all {} requests a minute of the limit `{}` are used; the next one fits in {seconds} s",
        standing.limit,
        standing.counter.as_str()
    );
    Problem::new(ProblemCode::RateLimited, detail).retry_after(Duration::from_secs(seconds))
}

fn bad_cursor() -> Problem {
    Problem::invalid(vec![Fault::of(Place::Query, "cursor", "is not a cursor of this list")])
}
