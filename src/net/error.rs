//! What can go wrong on the way out, what strangers hear of it, and whether to try again.

use crate::model::disposition::Disposition;
use crate::model::units::ByteSize;
use crate::net::guard::Denied;

/// What strangers hear of every refusal and every failure to connect: any difference would let them map our network.
pub const UNREACHABLE: &str = "destination not allowed or unreachable";

/// Why a request got no usable answer. Its `Display` and its sources are for the admin's log.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The policy refuses the destination.
    #[error("destination refused")]
    Denied(#[source] Denied),
    /// The name did not resolve, or nothing took the connection, or TLS failed.
    #[error("could not connect")]
    Connect(#[source] reqwest::Error),
    /// The time for the whole exchange ran out.
    #[error("no complete answer in time")]
    TimedOut,
    /// The connection broke in the middle.
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
    /// The body came slower than `ClientLimits::slowest_bytes_per_second`.
    #[error("the answer comes slower than {bytes_per_second} bytes a second")]
    TooSlow {
        /// The slowest rate that is waited for.
        bytes_per_second: u64,
    },
    /// The answer's headers are larger than any honest server's.
    #[error("the answer's headers are larger than {limit}")]
    HeadersTooLarge {
        /// The limit.
        limit: ByteSize,
    },
    /// The answer's body is larger than allowed.
    #[error("the answer is larger than {limit}")]
    TooLarge {
        /// The limit.
        limit: ByteSize,
    },
    /// A download was answered with something else than 2xx.
    #[error("answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// More redirects than the purpose follows, or one to nowhere, or one from `https` down to `http`.
    #[error("redirect not followed: {why}")]
    Redirect {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Our own request is malformed: a header with a line break, for instance.
    #[error("the request is malformed: {part}")]
    Malformed {
        /// Which part of it.
        part: &'static str,
    },
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
}

impl NetError {
    /// What a stranger may hear: one text for all refusals and failures to connect.
    #[must_use]
    pub fn public_message(&self) -> String {
        match self {
            Self::Denied(_) | Self::Connect(_) | Self::TimedOut | Self::Broken(_) | Self::Redirect { .. } => {
                UNREACHABLE.to_owned()
            }
            Self::TooSlow { .. } | Self::HeadersTooLarge { .. } | Self::TooLarge { .. } | Self::Status { .. } => {
                self.to_string()
            }
            Self::Malformed { .. } | Self::Setup(_) => String::from("the request could not be made"),
        }
    }

    /// The error with its causes, in one line, for the admin's log.
    #[must_use]
    pub fn detail(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Whether to try again.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Connect(_) | Self::TimedOut | Self::Broken(_) | Self::TooSlow { .. } | Self::Setup(_) => {
                Disposition::Retry
            }
            Self::Status { status: 408 | 425 | 429 | 500..=599 } => Disposition::Retry,
            Self::Denied(_)
            | Self::HeadersTooLarge { .. }
            | Self::TooLarge { .. }
            | Self::Status { .. }
            | Self::Redirect { .. }
            | Self::Malformed { .. } => Disposition::GiveUp,
        }
    }

    /// Sorts an error of the library; addresses that the resolver refused come back as the refusal that they are.
    pub(crate) fn of(error: reqwest::Error) -> Self {
        // The URL may carry a secret in its query or user part.
        let error = error.without_url();
        if let Some(denied) = refusal_in(&error) {
            return Self::Denied(denied.clone());
        }
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Connect(error)
        } else if error.is_builder() {
            Self::Malformed { part: "its URL" }
        } else {
            Self::Broken(error)
        }
    }
}

/// The policy's refusal among an error's causes.
fn refusal_in(error: &reqwest::Error) -> Option<&Denied> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return Some(denied);
        }
        cause = error.source();
    }
    None
}
