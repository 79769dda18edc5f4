//! Which events a client's standing endpoints listen to, known without asking Redis.
//!
//! Every request for a job asks, so the answer is kept in memory: also, and mostly, the answer that nobody listens. The
//! control channel drops it when an endpoint changes; the process that makes the change drops it at once. A process that is cut
//! off from the channel believes an old answer for at most half a minute.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::model::event::{EventFilter, EventType};
use crate::model::id::ClientId;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::control::Message;
use crate::store::endpoints::{Endpoint, Endpoints};

/// Longest time that an answer is believed, should a message get lost.
const KNOWN_FOR: Duration = Duration::from_secs(30);
/// Clients that are remembered; each takes a few hundred bytes.
const KNOWN_CLIENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);

/// What the active endpoints of one client listen to. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Ears(Arc<[EventFilter]>);

impl Ears {
    /// Whether any endpoint wants events of this type.
    #[must_use]
    pub fn want(&self, event: EventType) -> bool {
        self.0.iter().any(|filter| filter.lets_through(event))
    }

    /// Whether any endpoint wants one of the events that end a job.
    #[must_use]
    pub fn want_an_end(&self) -> bool {
        EventType::TERMINAL.into_iter().any(|event| self.want(event))
    }
}

/// The memory. Cheap to clone.
#[derive(Clone)]
pub struct Listeners {
    endpoints: Endpoints,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Counts what was dropped, so that an answer from before a change is not kept after it.
    generation: u64,
    known: LruCache<ClientId, (Ears, Instant)>,
}

impl Listeners {
    /// An empty memory over the book of endpoints.
    #[must_use]
    pub fn new(endpoints: Endpoints) -> Self {
        let state = State { generation: 0, known: LruCache::new(KNOWN_CLIENTS) };
        Self { endpoints, state: Arc::new(Mutex::new(state)) }
    }

    /// What the client's endpoints listen to.
    ///
    /// # Errors
    /// [`StoreError`] when the memory does not know and Redis cannot be asked.
    pub async fn of(&self, client: &ClientId) -> Result<Ears, StoreError> {
        let generation = {
            let mut state = self.state.lock();
            match state.known.get(client) {
                Some((ears, since)) if since.elapsed() < KNOWN_FOR => return Ok(ears.clone()),
                Some(_) | None => state.generation,
            }
        };
        let endpoints = self.endpoints.list(client).await?;
        let active = endpoints.into_iter().filter(Endpoint::is_active);
        let ears = Ears(active.map(|endpoint| endpoint.events).collect());
        let mut state = self.state.lock();
        if state.generation == generation {
            state.known.put(client.clone(), (ears.clone(), Instant::now()));
        }
        Ok(ears)
    }

    /// Drops what is known of a client's endpoints: they were changed.
    pub fn forget(&self, client: &ClientId) {
        let mut state = self.state.lock();
        state.generation = state.generation.wrapping_add(1);
        state.known.pop(client);
    }

    fn forget_all(&self) {
        let mut state = self.state.lock();
        state.generation = state.generation.wrapping_add(1);
        state.known.clear();
    }

    /// Keeps the memory true until `stop` fires or the channel ends: one of these runs in each process.
    pub async fn watch(self, mut messages: Receiver<Message>, stop: Stop) {
        loop {
            let message = tokio::select! {
                message = messages.recv() => message,
                () = stop.fired() => return,
            };
            match message {
                Ok(Message::EndpointsChanged { client }) => self.forget(&client),
                Ok(Message::Reconnected) | Err(RecvError::Lagged(_)) => self.forget_all(),
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}
