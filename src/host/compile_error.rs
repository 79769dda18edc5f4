//! Why a component cannot be made ready, and what that means for the job that wanted it.

use std::error::Error;

use serde_json::Value;

use crate::host::compiler::CompilerFault;
use crate::host::export::Export;
use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::disposition::Disposition;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::limit::Excess;

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
    /// The compiling process gave no code.
    #[error(transparent)]
    Compiler(#[from] CompilerFault),
    /// The code of our own compiler does not load.
    #[error("the compiled code does not load")]
    Load {
        /// What the engine said.
        #[source]
        source: BoxError,
    },
    /// It holds more than one call may take out of the pool of instances.
    #[error("the component needs more than a call may have of {0} (`sandbox.pool`)")]
    NoRoom(Excess),
    /// The folder of compiled code does not answer.
    #[error("the folder of compiled code cannot be read or written")]
    Cache {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Work beside the async threads broke down.
    #[error("making the code ready broke down")]
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
            Self::Fetch { .. } | Self::Cache { .. } => Disposition::Retry,
            Self::Compiler(fault) => fault.disposition(),
            Self::Digest { .. }
            | Self::Invalid { .. }
            | Self::Import { .. }
            | Self::Export { .. }
            | Self::Load { .. }
            | Self::NoRoom(_)
            | Self::Crashed { .. } => Disposition::GiveUp,
        }
    }

    /// The job code that this failure ends a load with.
    #[must_use]
    pub const fn code(&self) -> JobCode {
        match self {
            Self::Fetch { .. } => JobCode::AddonFetchFailed,
            Self::Digest { .. } => JobCode::DigestMismatch,
            Self::Compiler(fault) => fault.code(),
            Self::Cache { .. } => JobCode::Internal,
            Self::Invalid { .. } | Self::Load { .. } | Self::Crashed { .. } => JobCode::CompileFailed,
            Self::NoRoom(_) => JobCode::TooLarge,
            Self::Import { .. } => JobCode::ImportForbidden,
            Self::Export { .. } => JobCode::ContractUnsupported,
        }
    }

    /// The whole story: the error and everything behind it.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut message = self.to_string();
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        message
    }

    /// Numbers and names behind the message, for programs.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::Compiler(fault) => fault.details(),
            Self::NoRoom(excess) => Some(excess.details()),
            Self::Fetch { .. }
            | Self::Digest { .. }
            | Self::Invalid { .. }
            | Self::Import { .. }
            | Self::Export { .. }
            | Self::Load { .. }
            | Self::Cache { .. }
            | Self::Crashed { .. } => None,
        }
    }
}

impl From<CompileError> for JobError {
    fn from(error: CompileError) -> Self {
        let disposition = error.disposition();
        let message = error.in_words();
        let failure = Failure {
            retryable: disposition.is_retryable(),
            details: error.details(),
            ..Failure::permanent(error.code(), message)
        };
        Self { failure, disposition }
    }
}
