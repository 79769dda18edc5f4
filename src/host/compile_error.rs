//! Why a component cannot be made ready, and what that means for the job that wanted it.

use std::error::Error;

use crate::host::export::Export;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::disposition::Disposition;
use crate::model::job::Failure;
use crate::model::job_error::JobError;

/// An error of somebody else's, kept as a cause.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a component cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Its bytes could not be had.
    #[error("the component's bytes cannot be read")]
    Fetch {
        /// What the caller's source said.
        #[source]
        source: BoxError,
    },
    /// Its bytes are not those that were asked for.
    #[error("the bytes are {actual}, not {expected}")]
    Digest {
        /// What was asked for.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// It is no component, or one that this engine does not run.
    #[error("the component does not compile")]
    Invalid {
        /// What the compiler said.
        #[source]
        source: BoxError,
    },
    /// It imports something that is not linked for it.
    #[error("an import of the component is not offered to it")]
    Import {
        /// Which one, in the linker's words.
        #[source]
        source: BoxError,
    },
    /// It exports an interface of the contract with other types.
    #[error("the export `{export}` does not have the contract's types")]
    Export {
        /// Which one.
        export: Export,
        /// What differs.
        #[source]
        source: BoxError,
    },
    /// The compiler itself broke down.
    #[error("the compiler broke down")]
    Crashed {
        /// How.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl CompileError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Fetch { .. } => Disposition::Retry,
            Self::Digest { .. }
            | Self::Invalid { .. }
            | Self::Import { .. }
            | Self::Export { .. }
            | Self::Crashed { .. } => Disposition::GiveUp,
        }
    }

    /// The job code that this failure ends a load with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::Fetch { .. } => JobCode::AddonFetchFailed,
            Self::Digest { .. } => JobCode::DigestMismatch,
            Self::Invalid { .. } | Self::Crashed { .. } => JobCode::CompileFailed,
            Self::Import { .. } => JobCode::ImportForbidden,
            Self::Export { .. } => JobCode::ContractUnsupported,
        }
    }
}

impl From<CompileError> for JobError {
    fn from(error: CompileError) -> Self {
        let disposition = error.disposition();
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        let failure = Failure { retryable: disposition.is_retryable(), ..Failure::permanent(error.code(), message) };
        Self { failure, disposition }
    }
}
