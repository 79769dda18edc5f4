//! What all runs of one lane in this process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bullmq::QueueKeys;
use tokio::sync::Semaphore;

use crate::config::queues::LaneSettings;
use crate::queue::consumer::running::Registry;
use crate::queue::session::Sessions;
use crate::queue::{Lane, QueueError, scripts};

/// Most locks that one script renews, so that Redis is not held up.
const MOST_RENEWED: usize = 500;

/// What all runs of one lane share.
pub(super) struct Workshop {
    pub(super) lane: Lane,
    pub(super) settings: LaneSettings,
    pub(super) sessions: Sessions,
    pub(super) keys: QueueKeys,
    pub(super) running: Arc<Registry>,
    /// One permit a run. The crate bounds each of its workers, but for a while after an outage there are two.
    pub(super) slots: Semaphore,
    is_closing: AtomicBool,
}

impl Workshop {
    pub(super) fn new(lane: Lane, settings: &LaneSettings, sessions: Sessions) -> Self {
        Self {
            lane,
            keys: QueueKeys::new(lane.name(), Some(sessions.prefix())),
            sessions,
            running: Arc::default(),
            slots: Semaphore::new(settings.concurrency),
            settings: settings.clone(),
            is_closing: AtomicBool::new(false),
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    pub(super) fn begin_closing(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    /// How often locks are looked at; short jobs end before, and cost nothing.
    pub(super) fn renewal_age(&self) -> Duration {
        self.settings.lock.duration() / 3
    }

    /// Renews the locks that are due, or just asks whether Redis is there; jobs that lost theirs are interrupted.
    pub(super) async fn renew(&self) -> Result<(), QueueError> {
        let due = self.running.due(self.renewal_age());
        if due.is_empty() {
            return self
                .sessions
                .with(|session| async move { Ok(redis::cmd("PING").query_async(&mut session.redis()).await?) })
                .await;
        }
        let (prefix, stalled, lock_ms) = (self.keys.key_prefix(), self.keys.stalled(), self.settings.lock.as_millis());
        for some in due.chunks(MOST_RENEWED) {
            let began = Instant::now();
            let lost: Vec<String> = self
                .sessions
                .with(|session| {
                    let mut ask = scripts::RENEW.prepare_invoke();
                    ask.key(&stalled).arg(&prefix).arg(lock_ms);
                    for running in some {
                        ask.arg(&running.id).arg(&running.lock_token);
                    }
                    async move { Ok(ask.invoke_async(&mut session.redis()).await?) }
                })
                .await?;
            Registry::settle_renewal(some, &lost, began);
        }
        Ok(())
    }

    /// Wakes one idle worker of the lane, wherever it is; a lost wake-up costs latency only, so errors are let go.
    pub(super) async fn ring(&self) {
        let marker = self.keys.marker();
        let rung = self
            .sessions
            .with(|session| {
                let marker = &marker;
                async move {
                    Ok(redis::cmd("ZADD").arg(marker).arg(0).arg("0").query_async::<()>(&mut session.redis()).await?)
                }
            })
            .await;
        if let Err(error) = rung {
            tracing::debug!(lane = %self.lane, error = %error, "Could not wake an idle worker");
        }
    }
}
