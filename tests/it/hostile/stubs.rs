//! Doors of the cage: they take everything, and what they take goes nowhere. So what ends a guest is the host's own count.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use semantest::host::ports::{EventsPort, JobsPort, OpenSecret, PortError, Ports, Progress, ProgressPort, SecretsPort};
use semantest::model::secret_value::SecretValue;
use serde_json::Value;

use crate::host::guest::{AssetsInMemory, KvInMemory};

/// The ports of one call.
pub(super) fn ports() -> Ports {
    let mut ports = Ports::none();
    ports.kv = Some(Arc::new(KvInMemory::default()));
    ports.assets = Some(Arc::new(AssetsInMemory::default()));
    ports.progress = Some(Arc::new(Nobody));
    ports.events = Some(Arc::new(Nobody));
    ports.jobs = Some(Arc::new(Nobody));
    ports.secrets = Some(Arc::new(Nobody));
    ports
}

/// Takes everything, and keeps nothing.
struct Nobody;

#[async_trait]
impl ProgressPort for Nobody {
    async fn report(&self, _progress: Progress) {}

    async fn partial(&self, _chunk: Value) -> Result<(), PortError> {
        Ok(())
    }

    async fn save_checkpoint(&self, _state: Bytes) -> Result<(), PortError> {
        Ok(())
    }

    async fn load_checkpoint(&self) -> Result<Option<Bytes>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl EventsPort for Nobody {
    async fn emit(&self, _topic: &str, _payload: Value) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl JobsPort for Nobody {
    async fn enqueue(
        &self,
        _action: &str,
        _params: Value,
        _delay: Duration,
        _dedupe: Option<&str>,
    ) -> Result<String, PortError> {
        Ok(String::from("call_1"))
    }

    async fn cancel(&self, _id: &str) -> Result<bool, PortError> {
        Ok(false)
    }
}

#[async_trait]
impl SecretsPort for Nobody {
    fn open(&self, name: &str) -> Result<OpenSecret, PortError> {
        Ok(OpenSecret { name: name.to_owned(), placeholder: String::from("nothing") })
    }

    fn authenticate(&self, _secret: &OpenSecret, _message: &[u8]) -> Result<[u8; 32], PortError> {
        Ok([0; 32])
    }

    async fn reveal(&self, _secret: &OpenSecret) -> Result<SecretValue, PortError> {
        SecretValue::new(b"open sesame".to_vec()).map_err(|error| PortError::unavailable(error.to_string()))
    }

    fn without_revealed(&self, _text: &str) -> Option<String> {
        None
    }
}
