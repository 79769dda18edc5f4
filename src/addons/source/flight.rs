//! One fetch of the same bytes at a time in one process: who comes second finds them in the store.
//!
//! Two processes may fetch the same bytes at once; both move the same file to the same name, and the second move changes
//! nothing.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::digest::Digest;

/// The fetches on their way.
#[derive(Default)]
pub(in crate::addons) struct Flights(Mutex<HashMap<Digest, Weak<Semaphore>>>);

impl Flights {
    /// Waits until nobody else fetches `digest`; dropping the answer lets the next one in. Cancel-safe.
    pub(super) async fn board(&self, digest: &Digest) -> Option<OwnedSemaphorePermit> {
        let gate = {
            let mut gates = self.0.lock();
            gates.retain(|_, gate| gate.strong_count() > 0);
            let gate = gates.get(digest).and_then(Weak::upgrade).unwrap_or_else(|| Arc::new(Semaphore::new(1)));
            gates.insert(*digest, Arc::downgrade(&gate));
            gate
        };
        // Nobody closes a gate.
        gate.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_bytes_wait_others_do_not_and_nothing_is_remembered() {
        let flights = Flights::default();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let first = flights.board(&one).await;
        let mut second = Box::pin(flights.board(&one));
        assert!(futures::poll!(&mut second).is_pending());
        let elsewhere = flights.board(&other).await;
        drop((first, elsewhere));
        drop(second.await);
        drop(flights.board(&other).await);
        assert_eq!(flights.0.lock().len(), 1);
    }
}
