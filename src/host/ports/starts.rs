//! What a guest can start: pictures, and its own actions later.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::host::ports::PortError;
use crate::model::image::ImageRequest;
use crate::model::job::JobStatus;

/// Requests to the host's image queue (`wit/images.wit`).
#[async_trait]
pub trait ImagesPort: Send + Sync {
    /// Asks for pictures and answers the job's id; the action `then` runs when the job has ended.
    async fn submit(&self, request: ImageRequest, then: Option<&str>) -> Result<String, PortError>;
    /// Where a picture stands that this enablement asked for.
    async fn state(&self, id: &str) -> Result<JobStatus, PortError>;
    /// Whether there was something left to cancel.
    async fn cancel(&self, id: &str) -> Result<bool, PortError>;
}

/// The addon's own actions, later (`wit/jobs.wit`).
#[async_trait]
pub trait JobsPort: Send + Sync {
    /// Leaves an action and answers the job's id; one that waits under the same `dedupe` text is the answer instead.
    async fn enqueue(
        &self,
        action: &str,
        params: Value,
        delay: Duration,
        dedupe: Option<&str>,
    ) -> Result<String, PortError>;
    /// Whether there was something left to cancel.
    async fn cancel(&self, id: &str) -> Result<bool, PortError>;
}
