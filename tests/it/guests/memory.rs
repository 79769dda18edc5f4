//! Every port in memory, with what a test wants to know about their use.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use semantest::host::ports::{
    AssetFacts, AssetsPort, KvEntry, KvPage, KvPort, KvSwap, PortError, Progress, ProgressPort,
};
use semantest::model::digest::Digest;
use serde_json::{Value, json};

/// What one user's addon reaches.
#[derive(Default)]
pub(super) struct Memory {
    entries: Mutex<HashMap<String, KvEntry>>,
    assets: Mutex<HashMap<String, Bytes>>,
    checkpoint: Mutex<Option<Bytes>>,
    pub(super) reports: Mutex<Vec<Progress>>,
    pub(super) parts: Mutex<Vec<Value>>,
    /// Calls of the key-value port.
    pub(super) kv_calls: AtomicUsize,
    /// Compare-and-swaps that are answered as if somebody else had been faster.
    pub(super) rivals: AtomicUsize,
}

impl Memory {
    /// Keeps bytes as an asset and answers its facts.
    pub(super) fn keep(&self, media_type: &str, bytes: Bytes, metadata: Value) -> AssetFacts {
        let digest = Digest::of(&bytes).hex();
        let mut assets = self.assets.lock();
        let id = format!("art_{}", assets.len());
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        assets.insert(id.clone(), bytes);
        AssetFacts { id, media_type: media_type.to_owned(), size, digest, metadata }
    }

    pub(super) fn bytes_of(&self, asset: &AssetFacts) -> Bytes {
        self.assets.lock().get(&asset.id).cloned().unwrap_or_default()
    }

    fn write(&self, key: &str, value: Bytes) -> u64 {
        let mut entries = self.entries.lock();
        let version = entries.get(key).map_or(0, |entry| entry.version) + 1;
        entries.insert(key.to_owned(), KvEntry { value, version });
        version
    }
}

#[async_trait]
impl KvPort for Memory {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PortError> {
        self.kv_calls.fetch_add(1, Ordering::Relaxed);
        Ok(self.entries.lock().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Bytes, _ttl: Option<Duration>) -> Result<u64, PortError> {
        self.kv_calls.fetch_add(1, Ordering::Relaxed);
        let reached: usize = self.entries.lock().values().map(|entry| entry.value.len()).sum::<usize>() + value.len();
        if reached > 65_536 {
            return Err(PortError::over_quota("bytes", u64::try_from(reached).unwrap_or(u64::MAX), 65_536));
        }
        Ok(self.write(key, value))
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        value: Bytes,
        expect: Option<u64>,
        _ttl: Option<Duration>,
    ) -> Result<KvSwap, PortError> {
        self.kv_calls.fetch_add(1, Ordering::Relaxed);
        let current = self.entries.lock().get(key).cloned();
        let has_rival =
            self.rivals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        if has_rival || current.as_ref().map(|entry| entry.version) != expect {
            return Ok(KvSwap::Stale(current));
        }
        Ok(KvSwap::Stored(self.write(key, value)))
    }

    async fn increment(&self, _key: &str, _delta: i64, _ttl: Option<Duration>) -> Result<i64, PortError> {
        Err(PortError::unavailable("not in these tests"))
    }

    async fn delete(&self, key: &str) -> Result<bool, PortError> {
        Ok(self.entries.lock().remove(key).is_some())
    }

    async fn list_keys(&self, prefix: &str, _cursor: Option<&str>, _limit: u32) -> Result<KvPage, PortError> {
        let mut keys: Vec<_> = self.entries.lock().keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.sort();
        Ok(KvPage { keys, cursor: None })
    }
}

#[async_trait]
impl AssetsPort for Memory {
    async fn open(&self, id: &str) -> Result<AssetFacts, PortError> {
        let bytes =
            self.assets.lock().get(id).cloned().ok_or_else(|| PortError::missing(format!("no asset `{id}`")))?;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let digest = Digest::of(&bytes).hex();
        Ok(AssetFacts { id: id.to_owned(), media_type: String::from("image/png"), size, digest, metadata: json!({}) })
    }

    async fn read(&self, asset: &AssetFacts, offset: u64, len: u32) -> Result<Bytes, PortError> {
        let bytes = self.bytes_of(asset);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(bytes.len());
        Ok(bytes.slice(start..end))
    }

    async fn create(&self, media_type: &str, bytes: Bytes, metadata: Value) -> Result<AssetFacts, PortError> {
        Ok(self.keep(media_type, bytes, metadata))
    }
}

#[async_trait]
impl ProgressPort for Memory {
    async fn report(&self, progress: Progress) {
        self.reports.lock().push(progress);
    }

    async fn partial(&self, chunk: Value) -> Result<(), PortError> {
        self.parts.lock().push(chunk);
        Ok(())
    }

    async fn save_checkpoint(&self, state: Bytes) -> Result<(), PortError> {
        *self.checkpoint.lock() = Some(state);
        Ok(())
    }

    async fn load_checkpoint(&self) -> Result<Option<Bytes>, PortError> {
        Ok(self.checkpoint.lock().clone())
    }
}
