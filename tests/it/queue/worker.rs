//! A worker made of a closure, and the words that tests share.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use async_trait::async_trait;
use semantest::config::queues::{LaneSettings, QueueSettings};
use semantest::model::units::Span;
use semantest::queue::tickets::Noop;
use semantest::queue::{
    Abandoned, AddOptions, Consumer, Delivery, Handler, Lane, Producer, QueueError, QueuedState, Verdict,
};

use super::server::Server;

/// The lane that most tests use.
pub(super) const LANE: Lane = Lane::AddonCalls;

type Work = Box<dyn Fn(Delivery) -> Pin<Box<dyn Future<Output = Verdict> + Send>> + Send + Sync>;

/// A handler that does what its closure says and remembers who was abandoned.
pub(super) struct Hand {
    work: Work,
    abandoned: Mutex<Vec<(String, Abandoned)>>,
}

impl Hand {
    /// A handler that does `work`.
    pub(super) fn new<F, W>(work: F) -> Arc<Self>
    where
        F: Fn(Delivery) -> W + Send + Sync + 'static,
        W: Future<Output = Verdict> + Send + 'static,
    {
        Arc::new(Self { work: Box::new(move |delivery| Box::pin(work(delivery))), abandoned: Mutex::default() })
    }

    /// Who was abandoned, and why.
    pub(super) fn abandoned(&self) -> Vec<(String, Abandoned)> {
        self.abandoned.lock().map(|list| list.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Handler for Hand {
    async fn handle(&self, delivery: Delivery) -> Verdict {
        (self.work)(delivery).await
    }

    async fn abandoned(&self, delivery: &Delivery, why: Abandoned) {
        if let Ok(mut list) = self.abandoned.lock() {
            list.push((delivery.id.clone(), why));
        }
    }
}

/// Settings whose waits a test can sit out.
pub(super) fn quick() -> LaneSettings {
    LaneSettings {
        concurrency: 10,
        attempts: 3,
        backoff: Span::millis(20),
        backoff_ceiling: Span::millis(200),
        lock: Span::secs(1),
        stalled_check: Span::millis(300),
        deadline: Span::secs(30),
        ..LaneSettings::addon_calls()
    }
}

/// A producer whose lanes all have `settings`.
pub(super) async fn producer(server: &Server, settings: &LaneSettings) -> Result<Producer, QueueError> {
    Producer::connect(&server.settings(), &everywhere(settings)).await
}

/// The same settings for every lane.
pub(super) fn everywhere(settings: &LaneSettings) -> QueueSettings {
    QueueSettings {
        addons: settings.clone(),
        addon_calls: settings.clone(),
        image_generation: settings.clone(),
        webhooks: settings.clone(),
        upkeep: settings.clone(),
    }
}

/// A consumer of [`LANE`].
pub(super) async fn consumer(
    server: &Server,
    settings: &LaneSettings,
    hand: &Arc<Hand>,
) -> Result<Consumer, QueueError> {
    let hand: Arc<dyn Handler> = Arc::<Hand>::clone(hand);
    Consumer::start(&server.settings(), LANE, settings, hand).await
}

/// Leaves a ticket that says nothing.
pub(super) async fn add(producer: &Producer, id: &str) -> Result<(), QueueError> {
    producer.add(id, &Noop {}, &AddOptions::default()).await
}

/// Waits until `look` is true, at most ten seconds.
pub(super) async fn until<F: Future<Output = Result<bool>>>(what: &str, look: impl Fn() -> F) -> Result<()> {
    within(Duration::from_secs(10), what, look).await.map(|_| ())
}

/// Waits until `look` is true, at most `limit`, and says how long that took.
pub(super) async fn within<F: Future<Output = Result<bool>>>(
    limit: Duration,
    what: &str,
    look: impl Fn() -> F,
) -> Result<Duration> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if look().await? {
            return Ok(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("not within {limit:?}: {what}")
}

/// Waits until the job is in `state`.
pub(super) async fn reaches(producer: &Producer, lane: Lane, id: &str, state: QueuedState) -> Result<()> {
    until(&format!("`{id}` is {state:?}"), || async { Ok(producer.state(lane, id).await? == state) }).await
}
