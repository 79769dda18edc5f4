//! What can go wrong with a registry.

use crate::model::digest::Digest;
use crate::model::disposition::Disposition;
use crate::model::units::ByteSize;
use crate::net::error::NetError;

/// Why a registry gave nothing usable, or took nothing.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The way there is closed, or broke.
    #[error("asking the registry")]
    Net(#[from] NetError),
    /// There is no such repository, tag or blob.
    #[error("the registry has no {what}")]
    Missing {
        /// What was asked for.
        what: String,
    },
    /// The registry does not let us in.
    #[error("the registry refuses us; an operator sets a login under `addons.registries`")]
    Refused,
    /// The registry answers with something else.
    #[error("the registry answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The answer cannot be read.
    #[error("the registry's answer has no usable {what}")]
    Answer {
        /// The part that is wrong.
        what: &'static str,
    },
    /// What lies there is no component in the layout that `wkg` pushes.
    #[error("the artifact is no component: {found}")]
    NotAComponent {
        /// What it is instead.
        found: String,
    },
    /// The registry says one digest and sends another's bytes.
    #[error("the registry's {what} is {found}, but {expected} was named")]
    Digest {
        /// Manifest or layer.
        what: &'static str,
        /// What was named.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The component is larger than allowed.
    #[error("the component is {size} and at most {limit} are taken here")]
    TooLarge {
        /// What the manifest says.
        size: ByteSize,
        /// What is allowed.
        limit: ByteSize,
    },
}

impl OciError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Net(error) => error.disposition(),
            Self::Status { status: 408 | 425 | 429 | 500..=599 } => Disposition::Retry,
            Self::Missing { .. }
            | Self::Refused
            | Self::Status { .. }
            | Self::Answer { .. }
            | Self::NotAComponent { .. }
            | Self::Digest { .. }
            | Self::TooLarge { .. } => Disposition::GiveUp,
        }
    }

    /// What a stranger may hear.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::Net(error) => error.public_message(),
            Self::Missing { .. }
            | Self::Refused
            | Self::Status { .. }
            | Self::Answer { .. }
            | Self::NotAComponent { .. }
            | Self::Digest { .. }
            | Self::TooLarge { .. } => self.to_string(),
        }
    }

    /// The error with its causes, in one line, for the admin's log.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Net(error) => error.detail(),
            other => other.to_string(),
        }
    }
}
