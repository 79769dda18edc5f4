//! Why the queue could not do what it was asked.

use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::model::disposition::Disposition;
use crate::model::job_error::JobError;

/// Why the queue could not do what it was asked. Cheap to clone: one failed batch answers many callers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis does not answer, or is not ready to.
    #[error("the queue cannot be reached")]
    Unavailable {
        /// What was seen, where anything was.
        #[source]
        source: Option<Arc<bullmq::Error>>,
    },
    /// Redis is full and refuses to write.
    #[error("the queue's Redis is out of memory")]
    Full {
        /// What Redis said.
        #[source]
        source: Arc<bullmq::Error>,
    },
    /// Redis or one of BullMQ's scripts said no.
    #[error("the queue refused")]
    Refused {
        /// What it said.
        #[source]
        source: Arc<bullmq::Error>,
    },
    /// BullMQ does not take such an id: no `:`, no bare number, not empty.
    #[error("`{id}` cannot be the id of a job")]
    Id {
        /// The id.
        id: String,
    },
    /// The ticket cannot be written as JSON.
    #[error("the ticket cannot be written")]
    Encode {
        /// Why.
        #[source]
        source: Arc<serde_json::Error>,
    },
    /// Settings that no queue can be worked with.
    #[error("the queue's settings contradict: {0}")]
    Settings(String),
}

impl QueueError {
    /// Whether trying again may help.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unavailable { .. } | Self::Full { .. } => Disposition::RetryAfter(Duration::from_secs(1)),
            Self::Refused { .. } => Disposition::Retry,
            Self::Id { .. } | Self::Encode { .. } | Self::Settings(_) => Disposition::GiveUp,
        }
    }

    /// Whether Redis is away, in which case a fresh connection is worth a try.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Redis did not answer in time.
    pub(super) const fn silence() -> Self {
        Self::Unavailable { source: None }
    }
}

impl From<bullmq::Error> for QueueError {
    fn from(error: bullmq::Error) -> Self {
        let verdict = match &error {
            bullmq::Error::Redis(cause) => of_redis(cause),
            bullmq::Error::ConnectionClosed | bullmq::Error::WorkerClosed => Seen::Away,
            _ => Seen::Refusal,
        };
        let source = Arc::new(error);
        match verdict {
            Seen::Away => Self::Unavailable { source: Some(source) },
            Seen::Full => Self::Full { source },
            Seen::Refusal => Self::Refused { source },
        }
    }
}

impl From<RedisError> for QueueError {
    fn from(error: RedisError) -> Self {
        Self::from(bullmq::Error::Redis(error))
    }
}

impl From<serde_json::Error> for QueueError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encode { source: Arc::new(error) }
    }
}

enum Seen {
    Away,
    Full,
    Refusal,
}

/// Sorts what Redis said by its error kind; `OOM` has none of its own, so its code is read.
fn of_redis(error: &RedisError) -> Seen {
    let is_connection = error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_unrecoverable_error();
    if is_connection {
        return Seen::Away;
    }
    match (error.kind(), error.code()) {
        (_, Some("OOM")) => Seen::Full,
        (
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown,
            ),
            _,
        ) => Seen::Away,
        _ => Seen::Refusal,
    }
}

impl From<QueueError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: QueueError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not reach the queues");
        Self::internal(error.disposition())
    }
}
