//! What one call sends and receives: counted against its budget, and what was refused is remembered and logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::host::logbook::{LogLevel, SharedLogBook};
use crate::model::egress::{Budget, EgressFault};
use crate::model::limits::EgressLimits;

/// The traffic of one call; its requests share it.
#[derive(Debug)]
pub(super) struct Traffic {
    limits: EgressLimits,
    log: SharedLogBook,
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    /// Bytes of heads, which no budget is about.
    heads: AtomicU64,
    turns: Arc<Semaphore>,
    refusal: Mutex<Option<EgressFault>>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Out of the guest.
    Sent,
    /// Into the guest.
    Received,
}

impl Traffic {
    pub(super) fn new(limits: EgressLimits, log: SharedLogBook) -> Self {
        let at_once = usize::try_from(limits.concurrent.max(1)).unwrap_or(1);
        Self {
            limits,
            log,
            requests: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            heads: AtomicU64::new(0),
            turns: Arc::new(Semaphore::new(at_once)),
            refusal: Mutex::new(None),
        }
    }

    /// Counts one more request, or says that there were enough.
    pub(super) fn begin(&self) -> Result<(), EgressFault> {
        let reached = self.requests.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        within(Budget::Requests, reached, u64::from(self.limits.requests))?;
        *self.refusal.lock() = None;
        Ok(())
    }

    /// Counts a part of a body, or says that it is too much.
    pub(super) fn count(&self, direction: Direction, bytes: usize) -> Result<(), EgressFault> {
        let bytes = as_number(bytes);
        let (counter, budget, allowed) = match direction {
            Direction::Sent => (&self.sent, Budget::Sent, self.limits.sent),
            Direction::Received => (&self.received, Budget::Received, self.limits.received),
        };
        let reached = counter.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        within(budget, reached, allowed.as_u64())
    }

    /// Whether a body whose size is announced would fit.
    pub(super) fn has_room_for(&self, announced: u64) -> Result<(), EgressFault> {
        let reached = self.received.load(Ordering::Relaxed).saturating_add(announced);
        within(Budget::Received, reached, self.limits.received.as_u64())
    }

    pub(super) fn count_head(&self, bytes: usize) {
        self.heads.fetch_add(as_number(bytes), Ordering::Relaxed);
    }

    /// A turn for each request that may be under way at once, and the limits behind them.
    pub(super) fn turns(&self) -> (EgressLimits, Arc<Semaphore>) {
        (self.limits, Arc::clone(&self.turns))
    }

    /// Remembers and logs why a request got no whole answer; says it back.
    pub(super) fn failed(&self, fault: EgressFault) -> EgressFault {
        let mut fields = Vec::new();
        if let Some((key, rule)) = fault.rule() {
            fields = vec![(String::from("key"), key.to_owned()), (String::from("rule"), rule.to_owned())];
        }
        let is_new = self.refusal.lock().as_ref() != Some(&fault);
        if is_new {
            self.log.lock().log(LogLevel::Warn, &format!("http: {fault}"), &fields);
        }
        *self.refusal.lock() = fault.refusal().is_some().then(|| fault.clone());
        fault
    }

    /// Why the newest request was refused, where it was.
    pub(super) fn refusal(&self) -> Option<EgressFault> {
        self.refusal.lock().clone()
    }

    /// Requests that were sent or refused within the budget.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed).min(u64::from(self.limits.requests))
    }

    /// Bytes both ways, heads included.
    pub(super) fn bytes(&self) -> u64 {
        let all = [&self.sent, &self.received, &self.heads];
        all.iter().fold(0, |sum, counter| sum.saturating_add(counter.load(Ordering::Relaxed)))
    }
}

const fn within(budget: Budget, reached: u64, allowed: u64) -> Result<(), EgressFault> {
    if reached > allowed { Err(EgressFault::OverBudget { budget, reached, allowed }) } else { Ok(()) }
}

fn as_number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
