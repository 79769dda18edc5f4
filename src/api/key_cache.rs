//! Keys that were verified a moment ago, so that a request need not ask Redis who calls.
//!
//! An entry lives at most a minute, and the control channel drops it at once
//! when its key changes. A key that does not exist is remembered for a few
//! seconds only, so that a broken client does not hammer Redis.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::clock;
use crate::model::digest::Digest;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::control::Message;
use crate::store::keys::{KeyRecord, Keys};

/// Longest time that a revocation may take to arrive when the control channel is cut.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long “no such key” is believed.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Keys that are remembered; each is a few hundred bytes.
const KNOWN_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);
/// Texts that are remembered as no keys; small, since a stranger fills it.
const UNKNOWN_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// The cache. Cheap to clone.
#[derive(Clone)]
pub struct KeyCache {
    keys: Keys,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Counts what was dropped, so that an answer from before a change is not kept after it.
    generation: u64,
    known: LruCache<Digest, (Arc<KeyRecord>, Instant)>,
    unknown: LruCache<Digest, Instant>,
}

impl KeyCache {
    /// An empty cache over the book of keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        let state = State { generation: 0, known: LruCache::new(KNOWN_KEYS), unknown: LruCache::new(UNKNOWN_KEYS) };
        Self { keys, state: Arc::new(Mutex::new(state)) }
    }

    /// Whose key `text` is; `None` when it is nobody's, was revoked or has expired.
    ///
    /// # Errors
    /// [`StoreError`] when the cache does not know and Redis cannot be asked.
    pub async fn verify(&self, text: &str) -> Result<Option<Arc<KeyRecord>>, StoreError> {
        if !Keys::is_well_formed(text) {
            return Ok(None);
        }
        let hash = Digest::of(text.as_bytes());
        let generation = match self.state.lock().look(&hash) {
            Ok(answer) => return Ok(answer),
            Err(generation) => generation,
        };
        let found = self.keys.verify(text).await?.map(Arc::new);
        self.state.lock().keep(hash, found.as_ref(), generation);
        Ok(found)
    }

    /// Drops what a message says has changed.
    pub fn hear(&self, message: &Message) {
        let mut state = self.state.lock();
        match message {
            Message::KeyChanged { id } => state.forget(Some(id)),
            Message::Reconnected => state.forget(None),
            Message::CancelJob { .. }
            | Message::EnablementChanged { .. }
            | Message::AddonChanged { .. }
            | Message::BlocksChanged { .. }
            | Message::EndpointsChanged { .. }
            | Message::PolicyChanged
            | Message::JobEvent { .. }
            | Message::JobFinished { .. } => {}
        }
    }

    /// Listens until `stop` fires or the channel ends.
    pub async fn run(self, mut messages: Receiver<Message>, stop: Stop) {
        loop {
            let message = tokio::select! {
                message = messages.recv() => message,
                () = stop.fired() => return,
            };
            match message {
                Ok(message) => self.hear(&message),
                Err(RecvError::Lagged(_)) => self.hear(&Message::Reconnected),
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl State {
    /// What is known of a key, or the generation in which nothing is.
    fn look(&mut self, hash: &Digest) -> Result<Option<Arc<KeyRecord>>, u64> {
        let now = Instant::now();
        if let Some((record, until)) = self.known.get(hash)
            && *until > now
        {
            return Ok(record.works_at(clock::now()).then(|| Arc::clone(record)));
        }
        match self.unknown.get(hash) {
            Some(until) if *until > now => Ok(None),
            Some(_) | None => Err(self.generation),
        }
    }

    fn keep(&mut self, hash: Digest, found: Option<&Arc<KeyRecord>>, generation: u64) {
        if self.generation != generation {
            return;
        }
        let now = Instant::now();
        match found {
            Some(record) => {
                self.known.put(hash, (Arc::clone(record), now + KNOWN_FOR));
            }
            None => {
                self.unknown.put(hash, now + UNKNOWN_FOR);
            }
        }
    }

    fn forget(&mut self, id: Option<&str>) {
        self.generation = self.generation.wrapping_add(1);
        self.unknown.clear();
        let Some(id) = id else {
            self.known.clear();
            return;
        };
        let gone: Vec<Digest> =
            self.known.iter().filter(|(_, (record, _))| record.id == id).map(|(hash, _)| *hash).collect();
        for hash in gone {
            self.known.pop(&hash);
        }
    }
}
