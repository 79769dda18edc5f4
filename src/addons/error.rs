//! How requests about addons and runs of addons go wrong.

use crate::model::lifecycle::IllegalChange;
use crate::store::StoreError;
use crate::store::blobs::{BlobError, StagingError};
use crate::store::secrets::envelope::EnvelopeError;
use crate::work::WorkError;

/// One fault of a request: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer into the request's body.
    pub pointer: String,
    /// For people.
    pub message: String,
}

/// Why a request about an addon could not be met.
#[derive(Debug, thiserror::Error)]
pub enum AddonsError {
    /// There is no such addon, version, enablement or action.
    #[error("{0}")]
    NotFound(String),
    /// The addon is there, and what is asked for of it is not.
    #[error("{0}")]
    Missing(String),
    /// The state of things does not allow it now.
    #[error("{message}")]
    Conflict {
        /// The stable code, such as `VERSION_EXISTS`.
        code: &'static str,
        /// What stands in the way and what to do.
        message: String,
    },
    /// The request is at fault.
    #[error("the request has {} fault(s)", .0.len())]
    Invalid(Vec<Fault>),
    /// The caller may not.
    #[error("{0}")]
    Forbidden(String),
    /// The component is larger than allowed.
    #[error("the component is larger than {limit}")]
    TooLarge {
        /// What is allowed.
        limit: crate::model::units::ByteSize,
    },
    /// Redis holds no usable record.
    #[error("reading or writing a record")]
    Store(#[from] StoreError),
    /// A secret could not be encrypted.
    #[error("closing an envelope")]
    Envelope(#[source] EnvelopeError),
    /// The blob store does not answer.
    #[error("reading or writing bytes")]
    Blob(#[from] BlobError),
    /// No job could be made.
    #[error("asking for work")]
    Work(#[from] WorkError),
}

impl AddonsError {
    /// A fault at one place.
    #[must_use]
    pub fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.to_owned(), message: message.into() }])
    }

    /// A conflict without a code of its own.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { code: "CONFLICT", message: message.into() }
    }
}

impl From<StagingError> for AddonsError {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::TooLarge { limit } => Self::TooLarge { limit },
            StagingError::Disk(source) => Self::Blob(BlobError::Disk(source)),
        }
    }
}

impl From<IllegalChange> for AddonsError {
    fn from(error: IllegalChange) -> Self {
        Self::conflict(error.to_string())
    }
}
