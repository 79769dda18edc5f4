//! What one process remembers of enablements and versions, and how it hears that this is old.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use semver::Version;

use crate::addons::Addons;
use crate::addons::edition::Edition;
use crate::addons::running::Running;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::shutdown::Stop;
use crate::store::control::{Control, Message};
use crate::store::policy::PolicyRecord;

/// Enablements kept in memory by one process; one takes a few KiB.
const MAX_ENABLEMENTS: usize = 20_000;
/// Users whose list of addons is kept in memory by one process.
const MAX_USERS: usize = 20_000;
/// Versions whose manifest and schemas are kept in memory by one process.
const MAX_EDITIONS: usize = 1000;
/// Longest time a cached record is used without looking again, should an invalidation be lost.
pub(super) const MAX_AGE: Duration = Duration::from_secs(30);

type User = (ClientId, UserId);
type Key = (ClientId, UserId, AddonId);

/// Something that was read from the store, and when.
type Read<T> = (Instant, Arc<T>);

/// What this process remembers. An entry read before an invalidation is never stored after it.
pub(super) struct Caches {
    running: Mutex<LruCache<Key, Read<Running>>>,
    users: Mutex<LruCache<User, Read<Vec<AddonId>>>>,
    editions: Mutex<LruCache<(AddonId, Version), Arc<Edition>>>,
    pub(super) policy: Mutex<Option<Read<PolicyRecord>>>,
    generation: AtomicU64,
    control: Control,
}

impl Caches {
    pub(super) fn new(control: Control) -> Self {
        let size = |count: usize| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self {
            running: Mutex::new(LruCache::new(size(MAX_ENABLEMENTS))),
            users: Mutex::new(LruCache::new(size(MAX_USERS))),
            editions: Mutex::new(LruCache::new(size(MAX_EDITIONS))),
            policy: Mutex::new(None),
            generation: AtomicU64::new(0),
            control,
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells every process that what it knows of an addon's versions is old. Best effort: a manifest never changes, and
    /// whoever decides about a version reads its record.
    pub(super) async fn tell_of_addon(&self, id: &AddonId) {
        let told = self.control.publish(&Message::AddonChanged { id: id.clone() }).await;
        if let Err(error) = told {
            tracing::debug!(error = %error, "Could not tell the others that `{id}` has changed");
        }
    }

    /// An enablement, where it is known and fresh.
    pub(super) fn running(&self, key: &Key) -> Option<Arc<Running>> {
        fresh(self.running.lock().get(key))
    }

    /// Keeps an enablement that was read since `generation`.
    pub(super) fn keep_running(&self, generation: u64, key: Key, running: &Arc<Running>) {
        if self.generation() == generation {
            self.running.lock().put(key, (Instant::now(), Arc::clone(running)));
        }
    }

    /// A user's addons, where they are known and fresh.
    pub(super) fn addons_of(&self, user: &User) -> Option<Arc<Vec<AddonId>>> {
        fresh(self.users.lock().get(user))
    }

    /// Keeps a user's addons that were read since `generation`.
    pub(super) fn keep_addons_of(&self, generation: u64, user: User, addons: &Arc<Vec<AddonId>>) {
        if self.generation() == generation {
            self.users.lock().put(user, (Instant::now(), Arc::clone(addons)));
        }
    }

    /// One version's own part, where it is known; it never grows old.
    pub(super) fn edition(&self, key: &(AddonId, Version)) -> Option<Arc<Edition>> {
        self.editions.lock().get(key).map(Arc::clone)
    }

    /// Keeps one version's own part that was read since `generation`.
    pub(super) fn keep_edition(&self, generation: u64, key: (AddonId, Version), edition: &Arc<Edition>) {
        if self.generation() == generation {
            self.editions.lock().put(key, Arc::clone(edition));
        }
    }

    pub(super) fn forget(&self, key: &Key) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.running.lock().pop(key);
        self.users.lock().pop(&(key.0.clone(), key.1.clone()));
    }

    /// Hears what processes tell each other.
    pub(super) fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Message> {
        self.control.subscribe()
    }

    pub(super) fn forget_policy(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        *self.policy.lock() = None;
    }

    fn forget_all(&self) {
        self.forget_policy();
        self.running.lock().clear();
        self.users.lock().clear();
        self.editions.lock().clear();
    }
}

fn fresh<T>(read: Option<&Read<T>>) -> Option<Arc<T>> {
    read.filter(|(at, _)| at.elapsed() < MAX_AGE).map(|(_, known)| Arc::clone(known))
}

impl Addons {
    /// Keeps the caches true until `stop`: one of these runs in each process that uses the service.
    pub async fn watch(&self, stop: Stop) {
        let mut messages = self.inner.caches.subscribe();
        while !stop.has_fired() {
            let message = tokio::select! {
                () = stop.fired() => return,
                message = messages.recv() => message,
            };
            match message {
                Ok(Message::EnablementChanged { client, user, addon }) => {
                    self.inner.caches.forget(&(client, user, addon));
                }
                Ok(Message::PolicyChanged) => self.inner.caches.forget_policy(),
                Ok(Message::AddonChanged { .. } | Message::Reconnected) => self.inner.caches.forget_all(),
                Ok(_) => {}
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => self.inner.caches.forget_all(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    }
}
