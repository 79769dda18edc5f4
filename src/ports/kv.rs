//! `kv` and `kv-shared`: one addon's state for one user, and for all users of one client, each within its grant.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::addons::CallScope;
use crate::host::ports::{KvEntry, KvPage, KvPort, KvSwap, PortError, PortErrorKind};
use crate::model::limit::Limit;
use crate::model::right::Rights;
use crate::model::usage::Use;
use crate::store::StoreError;
use crate::store::kv::{self, KvError, KvStore, Swap, WriteOptions};

/// How long a write waits while the values are carried over to another version: as long as most migrations take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two looks whether that is over.
const PAUSE: Duration = Duration::from_millis(50);

/// The state that one call may touch.
pub(super) struct AddonKv {
    store: KvStore,
    scope: String,
    rights: Arc<Rights>,
    whose: Whose,
}

/// Whose state it is.
#[derive(Clone, Copy)]
enum Whose {
    /// One user's.
    User,
    /// That of all users of one client.
    Client,
}

impl AddonKv {
    /// The state of the call's user.
    pub(super) fn own(kv: &KvStore, call: &CallScope<'_>) -> Self {
        let store = kv.within(call.enablement);
        Self { store, scope: call.enablement.kv_scope(), rights: Arc::clone(call.rights), whose: Whose::User }
    }

    /// The state that all users of the call's client share.
    pub(super) fn shared(kv: &KvStore, call: &CallScope<'_>) -> Self {
        let store = kv.within_shared(call.enablement);
        let scope = kv::shared_scope_of(&call.owner.client, &call.owner.addon);
        Self { store, scope, rights: Arc::clone(call.rights), whose: Whose::Client }
    }

    fn options(&self, ttl: Option<Duration>) -> WriteOptions {
        let grants = self.rights.effective();
        let quota = match self.whose {
            Whose::User => grants.kv_bytes(),
            Whose::Client => grants.kv_shared_bytes(),
        };
        WriteOptions { quota, ttl }
    }

    /// A write that does not fit is told with the key that set the bound.
    fn refusal(&self, error: &KvError) -> PortError {
        let refusal = as_port_error(error);
        let KvError::Quota { wanted, .. } = error else { return refusal };
        let asked = match self.whose {
            Whose::User => Use::Kv { bytes: *wanted },
            Whose::Client => Use::KvShared { bytes: *wanted },
        };
        match self.rights.decide(&asked).denial() {
            Some(denial) => refusal.denied_by(&denial),
            None => refusal,
        }
    }
}

#[async_trait]
impl KvPort for AddonKv {
    async fn get(&self, key: &str) -> Result<Option<KvEntry>, PortError> {
        let entry = self.store.get(&self.scope, key).await.map_err(|error| as_port_error(&error))?;
        Ok(entry.map(entry_of))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<u64, PortError> {
        let options = self.options(ttl);
        let set = open(|| self.store.set(&self.scope, key, &value, options)).await;
        set.map_err(|error| self.refusal(&error))
    }

    async fn compare_and_swap(
        &self,
        key: &str,
        value: Bytes,
        expect: Option<u64>,
        ttl: Option<Duration>,
    ) -> Result<KvSwap, PortError> {
        let options = self.options(ttl);
        let swap = open(|| self.store.cas(&self.scope, key, &value, expect, options)).await;
        Ok(match swap.map_err(|error| self.refusal(&error))? {
            Swap::Stored(version) => KvSwap::Stored(version),
            Swap::Stale(entry) => KvSwap::Stale(entry.map(entry_of)),
        })
    }

    async fn increment(&self, key: &str, delta: i64, ttl: Option<Duration>) -> Result<i64, PortError> {
        let options = self.options(ttl);
        let sum = open(|| self.store.increment(&self.scope, key, delta, options)).await;
        sum.map_err(|error| self.refusal(&error))
    }

    async fn delete(&self, key: &str) -> Result<bool, PortError> {
        open(|| self.store.delete(&self.scope, key)).await.map_err(|error| as_port_error(&error))
    }

    async fn list_keys(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<KvPage, PortError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = self.store.list(&self.scope, prefix, cursor, limit).await.map_err(|error| as_port_error(&error))?;
        Ok(KvPage { keys: page.items, cursor: page.next_cursor })
    }
}

/// Writes as soon as nobody carries the values over to another version of the addon any more; the call's own deadline ends
/// the wait, and [`PATIENCE`] does.
async fn open<T, W: Future<Output = Result<T, KvError>>>(write: impl Fn() -> W) -> Result<T, KvError> {
    let asked = Instant::now();
    loop {
        match write().await {
            Err(KvError::Closed) if asked.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}

fn entry_of(entry: kv::KvEntry) -> KvEntry {
    KvEntry { value: Bytes::from(entry.value), version: entry.version }
}

/// What a guest hears of the store's trouble: its own faults in full, ours without the cause.
pub(super) fn as_port_error(error: &KvError) -> PortError {
    match error {
        KvError::Key(_) | KvError::NotANumber => PortError::bad_input(error.to_string()),
        KvError::Value(size) => {
            let number = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
            PortError::too_large("the value", number(*size), number(kv::MAX_VALUE_BYTES)).of(Limit::KvValueBytes)
        }
        KvError::Erased => PortError::new(PortErrorKind::Refused, "erased", error.to_string()),
        KvError::Moved | KvError::Closed => PortError::new(PortErrorKind::Unavailable, "moved", error.to_string()),
        KvError::Quota { quota, wanted } => {
            PortError::over_quota("the bytes in use", *wanted, *quota).of(Limit::KvStoredBytes)
        }
        KvError::Store(StoreError::Cursor) => PortError::bad_input("the cursor is not one of ours"),
        KvError::Store(cause) => {
            tracing::warn!(error = %cause, "An addon's state could not be read or written");
            PortError::unavailable("the state cannot be read or written right now")
        }
    }
}
