//! `kv` and `kv-shared`: small durable state behind a handle.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use wasmtime::component::Resource;

use crate::host::api::v1::imports::semantest::addon::{kv, kv_shared, kv_types};
use crate::host::ports::{KvEntry, KvPort, KvSwap, PortError};
use crate::host::resources::HostBucket;
use crate::host::state::GuestState;
use crate::model::limit::Limit;

/// Longest key, in bytes.
pub(in crate::host) const MAX_KEY_BYTES: usize = 256;
/// Largest value, in bytes.
pub(in crate::host) const MAX_VALUE_BYTES: usize = 256 * 1024;
/// Most keys of one page.
const MAX_PAGE_KEYS: u32 = 1000;
/// Longest life of a value: one year; longer wishes are cut, so that no store's clock overflows.
const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl kv::Host for GuestState {
    fn open(&mut self) -> Result<Resource<HostBucket>, PortError> {
        self.open_bucket(self.ports.kv.clone())
    }
}

impl kv_shared::Host for GuestState {
    fn open(&mut self) -> Result<Resource<HostBucket>, PortError> {
        self.open_bucket(self.ports.kv_shared.clone())
    }
}

impl GuestState {
    fn open_bucket(&mut self, port: Option<Arc<dyn KvPort>>) -> Result<Resource<HostBucket>, PortError> {
        let port = port.ok_or_else(|| PortError::unavailable("no store is attached to this call"))?;
        Ok(self.table.push(HostBucket(port))?)
    }

    /// The bucket behind a handle, for one operation that carries so many bytes of key and value.
    fn bucket(&mut self, handle: &Resource<HostBucket>, bytes: usize) -> Result<Arc<dyn KvPort>, PortError> {
        self.tally.kv(&self.limits, bytes)?;
        Ok(Arc::clone(&self.table.get(handle)?.0))
    }
}

impl kv_types::Host for GuestState {}

impl kv_types::HostBucket for GuestState {
    async fn get(&mut self, bucket: Resource<HostBucket>, key: String) -> Result<Option<kv_types::Entry>, PortError> {
        check_key(&key)?;
        let entry = self.bucket(&bucket, key.len())?.get(&key).await?;
        self.tally.kv_answer(&self.limits, entry.as_ref().map_or(0, |entry| entry.value.len()))?;
        Ok(entry.map(kv_types::Entry::from))
    }

    async fn set(
        &mut self,
        bucket: Resource<HostBucket>,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<u64, PortError> {
        check_key(&key)?;
        check_value(&value)?;
        self.bucket(&bucket, key.len().saturating_add(value.len()))?.set(&key, Bytes::from(value), ttl(ttl_ms)?).await
    }

    async fn compare_and_swap(
        &mut self,
        bucket: Resource<HostBucket>,
        key: String,
        value: Vec<u8>,
        expect: Option<u64>,
        ttl_ms: Option<u64>,
    ) -> Result<kv_types::Swap, PortError> {
        check_key(&key)?;
        check_value(&value)?;
        let port = self.bucket(&bucket, key.len().saturating_add(value.len()))?;
        Ok(match port.compare_and_swap(&key, Bytes::from(value), expect, ttl(ttl_ms)?).await? {
            KvSwap::Stored(version) => kv_types::Swap::Stored(version),
            KvSwap::Stale(entry) => {
                self.tally.kv_answer(&self.limits, entry.as_ref().map_or(0, |entry| entry.value.len()))?;
                kv_types::Swap::Stale(entry.map(kv_types::Entry::from))
            }
        })
    }

    async fn increment(
        &mut self,
        bucket: Resource<HostBucket>,
        key: String,
        delta: i64,
        ttl_ms: Option<u64>,
    ) -> Result<i64, PortError> {
        check_key(&key)?;
        self.bucket(&bucket, key.len())?.increment(&key, delta, ttl(ttl_ms)?).await
    }

    async fn delete(&mut self, bucket: Resource<HostBucket>, key: String) -> Result<bool, PortError> {
        check_key(&key)?;
        self.bucket(&bucket, key.len())?.delete(&key).await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<HostBucket>,
        prefix: String,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<kv_types::KeyPage, PortError> {
        if prefix.len() > MAX_KEY_BYTES {
            let refusal = PortError::bad_input(format!("a prefix has at most {MAX_KEY_BYTES} bytes"));
            return Err(over(refusal, prefix.len(), MAX_KEY_BYTES));
        }
        let limit = limit.clamp(1, MAX_PAGE_KEYS);
        let page = self.bucket(&bucket, prefix.len())?.list_keys(&prefix, cursor.as_deref(), limit).await?;
        self.tally.kv_answer(&self.limits, page.keys.iter().map(String::len).sum())?;
        Ok(kv_types::KeyPage { keys: page.keys, cursor: page.cursor })
    }

    fn drop(&mut self, bucket: Resource<HostBucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl From<KvEntry> for kv_types::Entry {
    fn from(entry: KvEntry) -> Self {
        Self { value: entry.value.into(), version: entry.version }
    }
}

fn check_key(key: &str) -> Result<(), PortError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || key.chars().any(char::is_control) {
        let refusal = PortError::bad_input(format!("a key has 1-{MAX_KEY_BYTES} bytes and no control characters"));
        return Err(if key.len() > MAX_KEY_BYTES { over(refusal, key.len(), MAX_KEY_BYTES) } else { refusal });
    }
    Ok(())
}

/// The refusal of a key with its numbers.
fn over(refusal: PortError, reached: usize, allowed: usize) -> PortError {
    let details = serde_json::json!({ "limit": Limit::KvKeyBytes, "reached": reached, "allowed": allowed });
    PortError { details: Some(details), ..refusal }
}

fn check_value(value: &[u8]) -> Result<(), PortError> {
    if value.len() > MAX_VALUE_BYTES {
        let number = |bytes| u64::try_from(bytes).unwrap_or(u64::MAX);
        let refusal = PortError::too_large("the value", number(value.len()), number(MAX_VALUE_BYTES));
        return Err(refusal.of(Limit::KvValueBytes));
    }
    Ok(())
}

fn ttl(millis: Option<u64>) -> Result<Option<Duration>, PortError> {
    match millis {
        None => Ok(None),
        Some(0) => Err(PortError::bad_input("a `ttl-ms` is at least 1")),
        Some(millis) => Ok(Some(Duration::from_millis(millis).min(MAX_TTL))),
    }
}
