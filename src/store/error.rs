//! What can go wrong between us and Redis, and what to do about it.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::model::disposition::Disposition;
use crate::model::job_error::JobError;

/// Why the store could not answer. Cheap to clone: one failed batch answers many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis cannot be reached, is starting, failing over or does not answer in time.
    #[error("Redis is away")]
    Unavailable(#[source] RedisError),
    /// Redis has no memory left for writes.
    #[error("Redis is full")]
    Full(#[source] RedisError),
    /// Redis refuses this user or this command: a fault in the set-up.
    #[error("Redis refuses us: check the URL, the password and the user's ACL")]
    Refused(#[source] RedisError),
    /// The URL is not one of a Redis.
    #[error("the Redis URL cannot be used")]
    Settings(#[source] RedisError),
    /// Redis answered something that this version does not understand.
    #[error("Redis answered unexpectedly")]
    Protocol(#[source] RedisError),
    /// A stored record cannot be read.
    #[error("the stored {what} cannot be read")]
    Corrupt {
        /// What kind of record.
        what: &'static str,
        /// Why.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// A record cannot be written as JSON.
    #[error("the {what} cannot be written")]
    Unwritable {
        /// What kind of record.
        what: &'static str,
        /// Why.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// A cursor that this server did not make.
    #[error("the cursor is not one of ours")]
    Cursor,
}

impl StoreError {
    /// Whether trying again may help.
    #[must_use]
    pub const fn disposition(&self) -> Disposition {
        match self {
            Self::Unavailable(_) | Self::Full(_) => Disposition::Retry,
            Self::Refused(_)
            | Self::Settings(_)
            | Self::Protocol(_)
            | Self::Corrupt { .. }
            | Self::Unwritable { .. }
            | Self::Cursor => Disposition::GiveUp,
        }
    }

    /// Makes the error of a stored `what` that cannot be read.
    pub(crate) fn corrupt(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Corrupt { what, source: Arc::new(source) }
    }

    /// Makes the error of a `what` that cannot be written.
    pub(crate) fn unwritable(what: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Unwritable { what, source: Arc::new(source) }
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io
            | ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly,
            ) => Self::Unavailable(error),
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => Self::Refused(error),
            ErrorKind::InvalidClientConfig => Self::Settings(error),
            _ => match error.code() {
                Some("OOM") => Self::Full(error),
                // MISCONF: cannot persist now. BUSY: a script of somebody else blocks it. NOREPLICAS: too few replicas.
                Some("MISCONF" | "BUSY" | "NOREPLICAS") => Self::Unavailable(error),
                Some("NOAUTH" | "WRONGPASS") => Self::Refused(error),
                _ => Self::Protocol(error),
            },
        }
    }
}

impl From<StoreError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: StoreError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not reach the record store");
        Self::internal(error.disposition())
    }
}
