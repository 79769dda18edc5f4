//! `jobs`: the addon's own actions, later.

use std::sync::Arc;
use std::time::Duration;

use crate::host::api::v1::imports::semantest::addon::jobs;
use crate::host::ports::{JobsPort, PortError};
use crate::host::state::GuestState;

impl GuestState {
    /// The port, for one request.
    fn jobs_port(&mut self) -> Result<Arc<dyn JobsPort>, PortError> {
        self.tally.door(&self.limits)?;
        self.ports.jobs.clone().ok_or_else(|| PortError::unavailable("no queue is attached to this call"))
    }
}

impl jobs::Host for GuestState {
    async fn enqueue(
        &mut self,
        action: String,
        params: String,
        delay_ms: u64,
        dedupe: Option<String>,
    ) -> Result<String, PortError> {
        let params = serde_json::from_str(&params)
            .map_err(|error| PortError::bad_input(format!("the parameters are no JSON: {error}")))?;
        let delay = Duration::from_millis(delay_ms);
        self.jobs_port()?.enqueue(&action, params, delay, dedupe.as_deref()).await
    }

    async fn cancel(&mut self, id: String) -> Result<bool, PortError> {
        self.jobs_port()?.cancel(&id).await
    }
}
