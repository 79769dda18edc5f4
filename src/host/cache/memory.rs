//! Components that are ready to run, the most recently used ones.

use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use wasmtime::component::Component;

use crate::host::interface::InterfaceSet;
use crate::host::linked::Linked;
use crate::model::digest::Digest;

/// One component: compiled once, linked once per set of doors.
#[derive(Default)]
pub(in crate::host) struct Slot {
    /// Whoever comes first fills it, everybody else waits here.
    pub(in crate::host) component: OnceCell<Component>,
    linked: Mutex<Vec<Arc<Linked>>>,
}

impl Slot {
    /// The component linked with exactly these doors, if somebody asked for that before.
    pub(in crate::host) fn linked(&self, interfaces: InterfaceSet) -> Option<Arc<Linked>> {
        self.linked.lock().iter().find(|linked| linked.interfaces() == interfaces).cloned()
    }

    /// Keeps a linked component; of two that were made at once, the first stays.
    pub(in crate::host) fn keep(&self, linked: Arc<Linked>) -> Arc<Linked> {
        let mut all = self.linked.lock();
        if let Some(earlier) = all.iter().find(|earlier| earlier.interfaces() == linked.interfaces()) {
            return Arc::clone(earlier);
        }
        all.push(Arc::clone(&linked));
        linked
    }
}

/// The slots, bounded by the bytes of code in them.
pub(in crate::host) struct MemoryCache {
    max_bytes: u64,
    inner: Mutex<Inner>,
}

struct Inner {
    slots: LruCache<Digest, (Arc<Slot>, u64)>,
    bytes: u64,
}

impl MemoryCache {
    pub(in crate::host) fn new(max_bytes: u64) -> Self {
        Self { max_bytes, inner: Mutex::new(Inner { slots: LruCache::unbounded(), bytes: 0 }) }
    }

    /// The slot of `digest`, empty where nobody asked for it before.
    pub(in crate::host) fn slot(&self, digest: &Digest) -> Arc<Slot> {
        let mut inner = self.inner.lock();
        if let Some((slot, _)) = inner.slots.get(digest) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::default());
        inner.slots.put(*digest, (Arc::clone(&slot), 0));
        slot
    }

    /// Counts the code of `digest`, and forgets the least recently used ones where it is too much.
    pub(in crate::host) fn account(&self, digest: &Digest, bytes: u64) {
        let mut inner = self.inner.lock();
        let Some((_, counted)) = inner.slots.peek_mut(digest) else { return };
        let before = std::mem::replace(counted, bytes);
        inner.bytes = inner.bytes.saturating_sub(before).saturating_add(bytes);
        while inner.bytes > self.max_bytes && inner.slots.len() > 1 {
            let Some((_, (_, freed))) = inner.slots.pop_lru() else { break };
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// Forgets a slot that could not be filled, so that broken components do not pile up.
    pub(in crate::host) fn forget(&self, digest: &Digest) {
        let mut inner = self.inner.lock();
        if let Some((_, freed)) = inner.slots.pop(digest) {
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// Components in memory, and the bytes of their code.
    pub(in crate::host) fn stock(&self) -> (usize, u64) {
        let inner = self.inner.lock();
        (inner.slots.len(), inner.bytes)
    }
}
