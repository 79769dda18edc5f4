//! Stopping: one signal that every loop hears.

use tokio_util::sync::CancellationToken;

/// Hears that the process, or one part of it, should stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(CancellationToken);

/// Fires the stop that its listeners hear.
#[derive(Clone, Debug)]
pub struct StopHandle(CancellationToken);

/// A fresh pair of handle and listener.
#[must_use]
pub fn channel() -> (StopHandle, Stop) {
    let token = CancellationToken::new();
    (StopHandle(token.clone()), Stop(token))
}

impl Stop {
    /// A stop that never fires, for work that ends by itself.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn has_fired(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves when it is time to stop. Cancel-safe.
    pub async fn fired(&self) {
        self.0.cancelled().await;
    }
}

impl StopHandle {
    /// Tells every listener to stop; a second call does nothing.
    pub fn fire(&self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_the_handle() {
        let (handle, stop) = channel();
        assert!(!stop.has_fired());
        handle.fire();
        stop.fired().await;
        assert!(stop.has_fired());
    }
}
