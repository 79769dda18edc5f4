//! What can go wrong with standing endpoints.

use crate::model::disposition::Disposition;
use crate::model::id::IdError;
use crate::model::job_error::JobError;
use crate::queue::QueueError;
use crate::store::StoreError;
use crate::webhooks::keyring::SealError;

/// Why an endpoint, or a delivery to one, could not be had, changed or sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WebhooksError {
    /// The client has no such endpoint.
    #[error("there is no such webhook endpoint")]
    NoEndpoint,
    /// The client has no such delivery, or it is not kept any more.
    #[error("there is no such delivery, or it is not kept any more")]
    NoDelivery,
    /// The client has as many endpoints as it may.
    #[error("this client has {most} webhook endpoints, and may have {most}; delete one first")]
    TooMany {
        /// How many it may have.
        most: usize,
    },
    /// The endpoint gets nothing.
    #[error("the endpoint is disabled; PATCH it with `state: \"active\"` first")]
    Disabled,
    /// The delivery is on its way.
    #[error("an attempt of this delivery is to come already")]
    Pending,
    /// The stored secret does not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A ticket names what cannot be named.
    #[error("the ticket cannot be read")]
    Id(#[from] IdError),
    /// Redis holds no usable record.
    #[error("reading or writing webhook records")]
    Store(#[from] StoreError),
    /// The queue did not take a ticket.
    #[error("reaching the queue")]
    Queue(#[from] QueueError),
}

impl WebhooksError {
    /// Whether trying again may help.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Store(error) => error.disposition(),
            Self::Queue(error) => error.disposition(),
            Self::NoEndpoint
            | Self::NoDelivery
            | Self::TooMany { .. }
            | Self::Disabled
            | Self::Pending
            | Self::Seal(_)
            | Self::Id(_) => Disposition::GiveUp,
        }
    }
}

impl From<WebhooksError> for JobError {
    /// The client hears that it is ours; the log has the cause.
    fn from(error: WebhooksError) -> Self {
        tracing::warn!(error = %error, cause = ?error, "A job could not deliver a webhook");
        Self::internal(error.disposition())
    }
}
