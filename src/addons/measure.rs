//! What `semantest bench` asks the service: one guest call without queue or Redis, and an enablement in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::Value;

use crate::addons::owner::Owner;
use crate::addons::running::Running;
use crate::addons::{Addons, Inner};
use crate::host::measure::BareCall;
use crate::host::ports::{KvEntry, KvPage, KvPort, KvSwap, PortError, PortErrorKind, Ports};
use crate::host::{CallFacts, CallRequest, CompiledAddon, Invocation};
use crate::model::code::JobCode;
use crate::model::job_error::JobError;
use tokio_util::sync::CancellationToken;

/// A call that can be made again and again, its state read from memory.
pub struct PreparedCall {
    service: Arc<Inner>,
    running: Arc<Running>,
    compiled: CompiledAddon,
    ports: Ports,
    action: String,
    params: Value,
}

impl Addons {
    /// Prepares calls of `action` on a copy of the enablement's state.
    ///
    /// # Errors
    /// [`JobError`]: not enabled, or the component cannot be had.
    pub async fn prepared_call(&self, owner: &Owner, action: &str, params: Value) -> Result<PreparedCall, JobError> {
        let running = self.must_run(owner).await?;
        let compiled = self.inner.compiled(&running).await?;
        let entries = self.inner.kv.export(&running.enablement.kv_scope()).await?;
        let state = entries
            .into_iter()
            .map(|(key, entry)| (key, KvEntry { value: Bytes::from(entry.value), version: entry.version }))
            .collect();
        let kv: Arc<dyn KvPort> = Arc::new(MemoryKv(Mutex::new(state)));
        let ports = Ports { kv: Some(kv), ..Ports::none() };
        let service = Arc::clone(&self.inner);
        Ok(PreparedCall { service, running, compiled, ports, action: action.to_owned(), params })
    }

    /// Reads the enablement and its component into memory, as a first call would.
    ///
    /// # Errors
    /// [`JobError`]: not enabled, or the component cannot be had.
    pub async fn warm(&self, owner: &Owner) -> Result<(), JobError> {
        let running = self.must_run(owner).await?;
        self.inner.compiled(&running).await.map(|_| ())
    }

    async fn must_run(&self, owner: &Owner) -> Result<Arc<Running>, JobError> {
        let running = self.inner.running(owner).await?;
        running
            .ok_or_else(|| JobError::permanent(JobCode::AddonNotEnabled, format!("`{}` is not enabled", owner.addon)))
    }
}

impl PreparedCall {
    /// Makes the call: fresh instance, answer, instance dropped.
    ///
    /// # Errors
    /// The call's own outcome.
    pub async fn run(&self) -> Result<(), JobError> {
        let invocation = Invocation::Action { name: self.action.clone(), params: self.params.clone() };
        let report = self.service.host()?.call(&self.compiled, self.request(), invocation).await;
        report.outcome.map(|_| ()).map_err(JobError::from)
    }

    /// The same call with wasmtime alone.
    ///
    /// # Errors
    /// This process has no sandbox.
    pub fn bare(&self) -> Result<BareCall, JobError> {
        Ok(self.service.host()?.bare_call(&self.compiled, self.request(), &self.action, &self.params))
    }

    fn request(&self) -> CallRequest {
        CallRequest {
            facts: CallFacts {
                job_id: String::from("call_measured"),
                attempt: 1,
                idempotency_key: String::from("call_measured"),
                subject: self.running.enablement.subject.clone(),
                enablement: self.running.enablement.id(),
                traceparent: None,
                locale: None,
            },
            limits: self.service.limits(&self.running.manifest, None, None),
            config: Arc::clone(&self.running.config),
            ports: self.ports.clone(),
            cancel: CancellationToken::new(),
            leave: None,
        }
    }
}

/// A store of keys and values that is empty and stays so.
#[must_use]
pub fn empty_kv() -> Arc<dyn KvPort> {
    Arc::new(MemoryKv(Mutex::default()))
}

/// State that is only read: what a measured call needs, and nothing that would wait for Redis.
struct MemoryKv(Mutex<HashMap<String, KvEntry>>);

fn read_only() -> PortError {
    PortError::new(PortErrorKind::Refused, "read-only", "measured calls only read")
}

#[async_trait]
impl KvPort for MemoryKv {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PortError> {
        Ok(self.0.lock().get(key).cloned())
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> Result<u64, PortError> {
        Err(read_only())
    }

    async fn compare_and_swap(
        &self,
        _: &str,
        _: Bytes,
        _: Option<u64>,
        _: Option<Duration>,
    ) -> Result<KvSwap, PortError> {
        Err(read_only())
    }

    async fn increment(&self, _: &str, _: i64, _: Option<Duration>) -> Result<i64, PortError> {
        Err(read_only())
    }

    async fn delete(&self, _: &str) -> Result<bool, PortError> {
        Err(read_only())
    }

    async fn list_keys(&self, prefix: &str, _: Option<&str>, _: u32) -> Result<KvPage, PortError> {
        let mut keys: Vec<String> = self.0.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.sort();
        Ok(KvPage { keys, cursor: None })
    }
}
