//! `jobs`: one enablement's own actions, later.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::addons::starts::Starts;
use crate::host::ports::{JobsPort, PortError};
use crate::ports::starts::refusal;

/// The queue of calls as one call reaches it.
pub(super) struct AddonJobs {
    starts: Starts,
}

impl AddonJobs {
    pub(super) const fn new(starts: Starts) -> Self {
        Self { starts }
    }
}

#[async_trait]
impl JobsPort for AddonJobs {
    async fn enqueue(
        &self,
        action: &str,
        params: Value,
        delay: Duration,
        dedupe: Option<&str>,
    ) -> Result<String, PortError> {
        let left = self.starts.enqueue(action, params, delay, dedupe).await;
        left.map(|id| id.to_string()).map_err(|error| refusal(&error))
    }

    async fn cancel(&self, id: &str) -> Result<bool, PortError> {
        self.starts.cancel_job(id).await.map_err(|error| refusal(&error))
    }
}
