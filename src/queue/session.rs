//! The connection to Redis that producers and workers speak through, replaced when it breaks.
//!
//! The crate's own connections reconnect by themselves, but with a wait that
//! doubles up to five seconds, and every command waits with them. So a session
//! that broke is thrown away, and the next caller dials a new one: an outage
//! costs callers a quick refusal each, and its end is noticed within a tenth of
//! a second, however long it lasted.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bullmq::options::RedisConnectionOptions;
use bullmq::redis_connection::{AnyConnection, RedisConnection};
use bullmq::{FlowProducer, Queue, QueueOptions};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::config::redis::RedisSettings;
use crate::queue::{Lane, QueueError};

/// Longest time that anything we ask of Redis may take, dialling included: the API promises a quick 503.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Longest time that one connection attempt may take.
const DIAL: Duration = Duration::from_millis(600);
/// How long a failed attempt answers for those that follow it: an outage must not become a storm of attempts.
const COOL_DOWN: Duration = Duration::from_millis(100);

/// One open connection and what speaks through it.
pub(super) struct Session {
    number: u64,
    redis: RedisConnection,
    queues: [Queue; Lane::ALL.len()],
    flows: FlowProducer,
}

impl Session {
    /// The multiplexed connection.
    pub(super) fn redis(&self) -> AnyConnection {
        self.redis.connection()
    }

    /// The crate's face of one lane.
    pub(super) fn queue(&self, lane: Lane) -> &Queue {
        let [addons, addon_calls, images, webhooks, upkeep] = &self.queues;
        match lane {
            Lane::Addons => addons,
            Lane::AddonCalls => addon_calls,
            Lane::ImageGeneration => images,
            Lane::Webhooks => webhooks,
            Lane::Upkeep => upkeep,
        }
    }

    /// The crate's face of flows.
    pub(super) const fn flows(&self) -> &FlowProducer {
        &self.flows
    }
}

/// Where sessions come from. Cheap to clone; clones share the open one.
#[derive(Clone)]
pub(super) struct Sessions(Arc<Inner>);

struct Inner {
    client: redis::Client,
    url: String,
    prefix: String,
    open: RwLock<Option<Arc<Session>>>,
    dialling: Mutex<Dialling>,
}

#[derive(Default)]
struct Dialling {
    count: u64,
    failed: Option<(Instant, QueueError)>,
}

impl Sessions {
    /// Sessions with the Redis of `settings`; dials nothing yet.
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, QueueError> {
        if settings.prefix.is_empty() || settings.prefix.contains(':') {
            return Err(QueueError::Settings(String::from("redis.prefix: must not be empty and must not contain `:`")));
        }
        let client = redis::Client::open(settings.url.as_str())?;
        Ok(Self(Arc::new(Inner {
            client,
            url: settings.url.clone(),
            prefix: settings.prefix.clone(),
            open: RwLock::new(None),
            dialling: Mutex::default(),
        })))
    }

    /// What every key starts with.
    pub(super) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// How the crate's own workers connect.
    pub(super) fn connection_options(&self) -> RedisConnectionOptions {
        RedisConnectionOptions::new().url(self.0.url.clone())
    }

    /// Does `ask` within [`PATIENCE`], a second time over a fresh connection where the first one turned out broken.
    ///
    /// `ask` may run twice, so it must be safe to repeat: adds are, their ids are fixed.
    pub(super) async fn with<T, F>(&self, ask: impl Fn(Arc<Session>) -> F) -> Result<T, QueueError>
    where
        F: Future<Output = Result<T, QueueError>>,
    {
        let began = Instant::now();
        let mut seen = None;
        let tries = async {
            let session = self.session().await?;
            seen = Some(session.number);
            let broken = match ask(Arc::clone(&session)).await {
                Err(error) if error.is_unavailable() => session.number,
                answer => return answer,
            };
            self.forget(broken);
            let session = self.session().await?;
            seen = Some(session.number);
            let answer = ask(Arc::clone(&session)).await;
            if answer.as_ref().is_err_and(QueueError::is_unavailable) {
                self.forget(session.number);
            }
            answer
        };
        match timeout(PATIENCE, tries).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::debug!(waited_ms = began.elapsed().as_millis(), "Redis did not answer in time");
                if let Some(number) = seen {
                    self.forget(number);
                }
                Err(QueueError::silence())
            }
        }
    }

    /// The open session, or a new one.
    async fn session(&self) -> Result<Arc<Session>, QueueError> {
        if let Some(session) = self.open() {
            return Ok(session);
        }
        let mut dialling = self.0.dialling.lock().await;
        // Somebody else may have dialled while we waited for the lock.
        if let Some(session) = self.open() {
            return Ok(session);
        }
        if let Some((when, error)) = &dialling.failed
            && when.elapsed() < COOL_DOWN
        {
            return Err(error.clone());
        }
        dialling.count += 1;
        match timeout(DIAL, self.dial(dialling.count)).await.unwrap_or_else(|_| Err(QueueError::silence())) {
            Ok(session) => {
                let session = Arc::new(session);
                *self.0.open.write() = Some(Arc::clone(&session));
                dialling.failed = None;
                Ok(session)
            }
            Err(error) => {
                dialling.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn open(&self) -> Option<Arc<Session>> {
        self.0.open.read().clone()
    }

    /// Lets go of a broken session, unless somebody has replaced it already.
    fn forget(&self, number: u64) {
        let mut open = self.0.open.write();
        if open.as_ref().is_some_and(|session| session.number == number) {
            *open = None;
        }
    }

    async fn dial(&self, number: u64) -> Result<Session, QueueError> {
        // The crate's connect tries ten times with growing waits; one plain attempt first finds out whether that is worth it.
        drop(self.0.client.get_multiplexed_async_connection().await?);
        let redis = RedisConnection::new_managed_only(&self.connection_options()).await?;
        let open = |lane: Lane| {
            let options = QueueOptions::new().connection(self.connection_options()).prefix(self.0.prefix.clone());
            Queue::with_connection(lane.name(), redis.clone(), options)
        };
        let [addons, addon_calls, images, webhooks, upkeep] = Lane::ALL.map(open);
        let (addons, addon_calls, images, webhooks, upkeep) =
            tokio::try_join!(addons, addon_calls, images, webhooks, upkeep)?;
        let flows = FlowProducer::with_connection(redis.clone(), Some(self.0.prefix.clone()))?;
        Ok(Session { number, redis, queues: [addons, addon_calls, images, webhooks, upkeep], flows })
    }
}
