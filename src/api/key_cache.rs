//! Keys that were verified a moment ago, so that a request need not ask Redis who calls.
//!
//! An entry lives at most a minute, and the control channel drops it at once
//! when its key or its client changes. While the channel is away nothing is believed: who was revoked
//! stays out within two seconds, whatever breaks. A key that does not exist is remembered for a few
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
use crate::model::id::ClientId;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::clients::{ClientRecord, Clients};
use crate::store::control::{Control, Message};
use crate::store::keys::{KeyFault, KeyRecord, Keys};

/// Longest life of an entry, however often it is used: `last used` is written when it is read again.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long “no such key” is believed.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);
/// Keys that are remembered; each is a few hundred bytes.
const KNOWN_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);
/// Texts that are remembered as no keys; small, since a stranger fills it.
const UNKNOWN_KEYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1023);

/// A key that works, and the client that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The key.
    pub key: KeyRecord,
    /// The client.
    pub client: ClientRecord,
}

/// What a text opens, or why nothing.
pub type Judged = Result<Arc<Holder>, KeyFault>;

/// The cache. Cheap to clone.
#[derive(Clone)]
pub struct KeyCache {
    keys: Keys,
    clients: Clients,
    control: Control,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Counts what was dropped, so that an answer from before a change is not kept after it.
    generation: u64,
    known: LruCache<Digest, (Arc<Holder>, Instant)>,
    unknown: LruCache<Digest, (KeyFault, Instant)>,
}

impl KeyCache {
    /// An empty cache over the books of keys and clients, which `control` keeps true.
    #[must_use]
    pub fn new(keys: Keys, clients: Clients, control: Control) -> Self {
        let state = State { generation: 0, known: LruCache::new(KNOWN_KEYS), unknown: LruCache::new(UNKNOWN_KEYS) };
        Self { keys, clients, control, state: Arc::new(Mutex::new(state)) }
    }

    /// Whose key `text` is, or why it is nobody's.
    ///
    /// # Errors
    /// [`StoreError`] when the cache does not know and Redis cannot be asked.
    pub async fn judge(&self, text: &str) -> Result<Judged, StoreError> {
        if let Some(fault) = Keys::fault_of_form(text) {
            return Ok(Err(fault));
        }
        let hash = Digest::of(text.as_bytes());
        let is_current = self.control.is_current();
        let generation = match self.state.lock().look(&hash, is_current) {
            Ok(answer) => return Ok(answer),
            Err(generation) => generation,
        };
        let judged = match self.keys.judge(text).await? {
            Ok(key) => Ok(Arc::new(Holder { client: self.clients.get(&key.client).await?, key })),
            Err(fault) => Err(fault),
        };
        self.state.lock().keep(hash, &judged, generation);
        Ok(judged)
    }

    /// Drops what a message says has changed.
    pub fn hear(&self, message: &Message) {
        let mut state = self.state.lock();
        match message {
            Message::KeyChanged { id } => state.forget(|holder| holder.key.id == *id),
            Message::ClientChanged { client } => state.forget_client(client),
            Message::Reconnected => state.forget(|_| true),
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
    fn look(&mut self, hash: &Digest, is_current: bool) -> Result<Judged, u64> {
        let now = Instant::now();
        if is_current
            && let Some((holder, until)) = self.known.get(hash)
            && *until > now
        {
            return Ok(match holder.key.fault_at(clock::now()) {
                Some(fault) => Err(fault),
                None => Ok(Arc::clone(holder)),
            });
        }
        match self.unknown.get(hash) {
            Some((fault, until)) if *until > now => Ok(Err(*fault)),
            Some(_) | None => Err(self.generation),
        }
    }

    fn keep(&mut self, hash: Digest, judged: &Judged, generation: u64) {
        if self.generation != generation {
            return;
        }
        let now = Instant::now();
        match judged {
            Ok(holder) => {
                self.known.put(hash, (Arc::clone(holder), now + KNOWN_FOR));
            }
            Err(fault) => {
                self.unknown.put(hash, (*fault, now + UNKNOWN_FOR));
            }
        }
    }

    fn forget_client(&mut self, client: &ClientId) {
        self.forget(|holder| holder.client.id == *client);
    }

    fn forget(&mut self, is_changed: impl Fn(&Holder) -> bool) {
        self.generation = self.generation.wrapping_add(1);
        self.unknown.clear();
        let gone: Vec<Digest> =
            self.known.iter().filter(|(_, (holder, _))| is_changed(holder)).map(|(hash, _)| *hash).collect();
        for hash in gone {
            self.known.pop(&hash);
        }
    }
}
