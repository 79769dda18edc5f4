//! `events`: what an addon announces to others.

use crate::host::api::v1::imports::semantest::addon::events::Host;
use crate::host::ports::PortError;
use crate::host::state::GuestState;
use crate::model::limit::Limit;

/// Largest payload, in bytes of JSON: it is copied to whoever handles the topic, and a webhook's body ends at 20 kB.
const MAX_PAYLOAD_BYTES: usize = 16 * 1024;

impl Host for GuestState {
    async fn emit(&mut self, topic: String, payload: String) -> Result<(), PortError> {
        self.tally.door(&self.limits)?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            let number = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
            let refusal = PortError::too_large("the payload", number(payload.len()), number(MAX_PAYLOAD_BYTES));
            return Err(refusal.of(Limit::EventBytes));
        }
        let payload = serde_json::from_str(&payload)
            .map_err(|error| PortError::bad_input(format!("the payload is not JSON: {error}")))?;
        match &self.ports.events {
            Some(port) => port.emit(&topic, payload).await,
            None => Err(PortError::unavailable("this call announces to nobody")),
        }
    }
}
