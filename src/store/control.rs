//! What processes tell each other: one publish/subscribe channel a prefix.
//!
//! A message may get lost while Redis is away. Whoever keeps something in memory because of these messages drops it
//! on [`Message::Reconnected`], and waiters look again: [`Control::run`] sends it to all after each gap.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use parking_lot::Mutex;
use redis::RedisError;
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use tracing::{debug, warn};

use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::shutdown::Stop;
use crate::store::{Store, StoreError};

/// Noun of the channel.
pub(crate) const CHANNEL: &str = "control";
/// Messages that a slow listener may lag behind before it has to drop its caches.
const LISTENER_BUFFER: usize = 1024;
/// First wait after a lost connection; doubled up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// Longest wait between attempts: recovery within a second of Redis' return.
const MAX_PAUSE: Duration = Duration::from_millis(800);
/// Silence after which the connection is probed: a peer that vanished without a word sends nothing.
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// Without a sign of life for this long, a message may have been missed by whoever must not miss one for longer than two seconds.
const CURRENT_FOR_MS: u64 = 1500;

/// What one process tells all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Message {
    /// Stop this job if you run it.
    CancelJob {
        /// Its queue.
        lane: String,
        /// The job.
        id: JobId,
    },
    /// Forget what you know about this enablement.
    EnablementChanged {
        /// The client.
        client: ClientId,
        /// The client's end user.
        user: UserId,
        /// The addon.
        addon: AddonId,
    },
    /// Forget what you know about this key.
    KeyChanged {
        /// The key's public id.
        id: String,
    },
    /// Forget what you know about this client.
    ClientChanged {
        /// The client.
        client: ClientId,
    },
    /// Forget what you know about this addon's versions.
    AddonChanged {
        /// The addon.
        id: AddonId,
    },
    /// Forget what you know about the platform's policy.
    PolicyChanged,
    /// A watched job has a new event (`Jobs::watch`).
    JobEvent {
        /// The job.
        id: JobId,
    },
    /// A watched job ended (`Jobs::watch`).
    JobFinished {
        /// The job.
        id: JobId,
    },
    /// What is blocked changed: read the list again.
    BlocksChanged {
        /// How many changes there were.
        generation: u64,
    },
    /// Forget what you know about this client's webhook endpoints.
    EndpointsChanged {
        /// The client.
        client: ClientId,
    },
    /// Messages may have been missed: forget everything that messages keep fresh. Made here, never sent over Redis.
    Reconnected,
}

/// The control channel of this process; a clone is cheap.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    store: Store,
    listeners: broadcast::Sender<Message>,
    bells: Mutex<HashMap<JobId, watch::Sender<u64>>>,
    /// When the channel last gave a sign of life, in ms of this process's own clock, counted from `born`; 0 for never.
    heard: AtomicU64,
    born: Instant,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("store", &self.0.store).finish_non_exhaustive()
    }
}

/// Rings when a watched job has news. Dropping the last bell of a job forgets it.
#[derive(Debug)]
pub struct Bell {
    control: Control,
    id: JobId,
    rings: watch::Receiver<u64>,
}

impl Bell {
    /// Resolves when the job had news since the last call (or since the bell was made), or may have had. Cancel-safe.
    pub async fn rung(&mut self) {
        if self.rings.changed().await.is_err() {
            // The sender lives in the table as long as this bell does; without it there is nothing to wait for.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        let mut bells = self.control.0.bells.lock();
        // This bell still counts itself.
        if bells.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            bells.remove(&self.id);
        }
    }
}

impl Control {
    /// The channel of `store`'s prefix. Nothing is heard before [`Control::run`] runs.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let (listeners, _) = broadcast::channel(LISTENER_BUFFER);
        let (bells, heard, born) = (Mutex::new(HashMap::new()), AtomicU64::new(0), Instant::now());
        Self(Arc::new(Inner { store, listeners, bells, heard, born }))
    }

    /// Whether everything that was said up to a moment ago was heard: what messages keep fresh may be believed. Otherwise the channel
    /// is away, and whoever must know asks Redis.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let heard = self.0.heard.load(Ordering::Acquire);
        heard > 0 && self.age().saturating_sub(heard) < CURRENT_FOR_MS
    }

    /// The channel gives a sign of life.
    fn lives(&self) {
        self.0.heard.store(self.age().max(1), Ordering::Release);
    }

    fn age(&self) -> u64 {
        u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells every process, this one included.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn publish(&self, message: &Message) -> Result<(), StoreError> {
        let text = serde_json::to_string(message).map_err(StoreError::unwritable("control message"))?;
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.0.store.only_key(CHANNEL)).arg(text);
        self.0.store.ask(&command).await
    }

    /// Hears every message from now on. A listener that lags too far behind gets `RecvError::Lagged`, which means the
    /// same as [`Message::Reconnected`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Message> {
        self.0.listeners.subscribe()
    }

    /// A bell that rings for this job, once somebody called `Jobs::watch` for it.
    #[must_use]
    pub fn bell(&self, id: &JobId) -> Bell {
        let rings = self.0.bells.lock().entry(id.clone()).or_insert_with(|| watch::channel(0).0).subscribe();
        Bell { control: self.clone(), id: id.clone(), rings }
    }

    /// Listens until `stop` fires; comes back by itself whenever Redis was away. The app runs exactly one.
    pub async fn run(self, stop: Stop) {
        let mut pause = MIN_PAUSE;
        while !stop.has_fired() {
            let outcome = tokio::select! {
                outcome = self.listen(&mut pause) => outcome,
                () = stop.fired() => return,
            };
            match outcome {
                Ok(()) => debug!("The control channel was closed; dialling again"),
                Err(error) => warn!(error = %error, "The control channel is away; dialling again"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = pause.saturating_mul(2).min(MAX_PAUSE),
                () = stop.fired() => return,
            }
        }
    }

    /// One connection's life.
    async fn listen(&self, pause: &mut Duration) -> Result<(), RedisError> {
        let store = &self.0.store;
        let wait = store.connect_timeout();
        let (mut sink, mut messages) = bounded(wait, store.client().get_async_pubsub()).await?.split();
        bounded(wait, sink.subscribe(store.only_key(CHANNEL))).await?;
        *pause = MIN_PAUSE;
        // From here on nothing is missed; before, anything may have been.
        self.tell(Message::Reconnected);
        self.lives();
        loop {
            match tokio::time::timeout(PROBE_EVERY, messages.next()).await {
                Ok(Some(message)) => match serde_json::from_slice(message.get_payload_bytes()) {
                    Ok(Message::Reconnected) => {}
                    Ok(message) => self.tell(message),
                    // A newer version may say things that this one does not know.
                    Err(error) => debug!(error = %error, "Ignored an unknown control message"),
                },
                Ok(None) => return Ok(()),
                Err(_) => {
                    bounded::<redis::Value>(wait, sink.ping()).await?;
                }
            }
            self.lives();
        }
    }

    fn tell(&self, message: Message) {
        match &message {
            Message::JobEvent { id } | Message::JobFinished { id } => {
                if let Some(bell) = self.0.bells.lock().get(id) {
                    bell.send_modify(|count| *count = count.wrapping_add(1));
                }
            }
            Message::Reconnected => {
                for bell in self.0.bells.lock().values() {
                    bell.send_modify(|count| *count = count.wrapping_add(1));
                }
            }
            Message::CancelJob { .. }
            | Message::EnablementChanged { .. }
            | Message::KeyChanged { .. }
            | Message::ClientChanged { .. }
            | Message::AddonChanged { .. }
            | Message::BlocksChanged { .. }
            | Message::EndpointsChanged { .. }
            | Message::PolicyChanged => {}
        }
        // Nobody listening is fine.
        let _ = self.0.listeners.send(message);
    }
}

async fn bounded<T>(wait: Duration, work: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    match tokio::time::timeout(wait, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}
