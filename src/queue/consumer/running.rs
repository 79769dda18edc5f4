//! The jobs that this process has in its hands, and how they are interrupted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Why a running job's token is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Somebody asked for it.
    Cancelled,
    /// It ran longer than it may.
    Deadline,
    /// Its lock is gone: another worker may have the job already, so nothing more may be written for it.
    LockLost,
    /// The process stops; the job goes back to the queue.
    Closing,
}

/// One job in our hands.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) lock_token: String,
    pub(super) token: CancellationToken,
    why: OnceLock<Interruption>,
    /// When the lock was last known to be ours.
    renewed: Mutex<Instant>,
}

impl Running {
    fn new(id: &str, lock_token: &str) -> Self {
        Self {
            id: id.to_owned(),
            lock_token: lock_token.to_owned(),
            token: CancellationToken::new(),
            why: OnceLock::new(),
            renewed: Mutex::new(Instant::now()),
        }
    }

    /// Cancels the token; the first reason stays.
    pub(super) fn interrupt(&self, why: Interruption) {
        // A second reason changes nothing: the job is winding down already.
        let _ = self.why.set(why);
        self.token.cancel();
    }

    pub(super) fn interruption(&self) -> Option<Interruption> {
        self.why.get().copied()
    }
}

/// All jobs in our hands.
#[derive(Debug, Default)]
pub(super) struct Registry {
    jobs: Mutex<HashMap<u64, Arc<Running>>>,
    next: AtomicU64,
    left: Notify,
}

/// A job's place in the registry; gone when dropped.
pub(super) struct Place {
    registry: Arc<Registry>,
    number: u64,
    pub(super) running: Arc<Running>,
}

impl Registry {
    /// Notes a job that was just fetched. The same id may be here twice: after a lost lock the old run winds down.
    pub(super) fn enter(self: &Arc<Self>, id: &str, lock_token: &str) -> Place {
        let running = Arc::new(Running::new(id, lock_token));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.jobs.lock().insert(number, Arc::clone(&running));
        Place { registry: Arc::clone(self), number, running }
    }

    /// Interrupts the job `id`; `false` when it is not here.
    pub(super) fn interrupt(&self, id: &str, why: Interruption) -> bool {
        let found: Vec<_> = self.jobs.lock().values().filter(|running| running.id == id).cloned().collect();
        for running in &found {
            running.interrupt(why);
        }
        !found.is_empty()
    }

    /// Interrupts every job.
    pub(super) fn interrupt_all(&self, why: Interruption) {
        for running in self.all() {
            running.interrupt(why);
        }
    }

    /// The jobs whose lock was last renewed at least `age` ago and that have not lost it.
    pub(super) fn due(&self, age: Duration) -> Vec<Arc<Running>> {
        let mut due = self.all();
        due.retain(|running| {
            running.renewed.lock().elapsed() >= age && running.interruption() != Some(Interruption::LockLost)
        });
        due
    }

    /// Notes that `renewed` were ours when the renewal began, but for those whose id is in `lost`.
    pub(super) fn settle_renewal(renewed: &[Arc<Running>], lost: &[String], began: Instant) {
        for running in renewed {
            if lost.contains(&running.id) {
                running.interrupt(Interruption::LockLost);
            } else {
                *running.renewed.lock() = began;
            }
        }
    }

    /// Interrupts the jobs whose lock has run out by our own clock: with Redis away nobody else tells.
    pub(super) fn interrupt_overdue(&self, lock: Duration) {
        for running in self.due(lock) {
            running.interrupt(Interruption::LockLost);
        }
    }

    /// Resolves when no job is left. Cancel-safe.
    pub(super) async fn emptied(&self) {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Registered before looking, so that the last one to leave is heard.
            left.as_mut().enable();
            if self.jobs.lock().is_empty() {
                return;
            }
            left.await;
        }
    }

    fn all(&self) -> Vec<Arc<Running>> {
        self.jobs.lock().values().cloned().collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let is_last = {
            let mut jobs = self.registry.jobs.lock();
            jobs.remove(&self.number);
            jobs.is_empty()
        };
        if is_last {
            self.registry.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_registry_is_empty_when_the_last_place_is_given_up() {
        let registry = Arc::new(Registry::default());
        let (first, second) = (registry.enter("a", "t1"), registry.enter("a", "t2"));
        assert!(registry.interrupt("a", Interruption::Cancelled));
        assert_eq!(second.running.interruption(), Some(Interruption::Cancelled));
        drop(first);
        drop(second);
        registry.emptied().await;
        assert!(!registry.interrupt("a", Interruption::Cancelled));
    }

    #[test]
    fn a_lock_that_was_not_renewed_in_time_counts_as_lost() {
        let registry = Arc::new(Registry::default());
        let place = registry.enter("a", "t");
        registry.interrupt_overdue(Duration::from_secs(60));
        assert_eq!(place.running.interruption(), None);
        registry.interrupt_overdue(Duration::ZERO);
        assert_eq!(place.running.interruption(), Some(Interruption::LockLost));
        assert!(place.running.token.is_cancelled());
    }
}
