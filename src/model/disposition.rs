//! What an error asks the queue to do.

use std::time::Duration;

/// An error's own verdict on trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again by the queue's own backoff, as long as attempts are left.
    Retry,
    /// Try again after this long; counted and ended by us, not charged as an attempt.
    RetryAfter(Duration),
    /// Trying again would end the same way.
    GiveUp,
}

impl Disposition {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Retry | Self::RetryAfter(_) => true,
            Self::GiveUp => false,
        }
    }
}

/// Shortest wait a retry-at is clamped to: a provider's `Retry-After: 0` must not become a busy loop.
pub const RETRY_AFTER_FLOOR: Duration = Duration::from_secs(1);
/// Longest wait a retry-at is clamped to.
pub const RETRY_AFTER_CEILING: Duration = Duration::from_secs(60 * 60);

/// Clamps a stranger's wish to 1 s – 1 h.
#[must_use]
pub fn clamp_retry_after(wish: Duration) -> Duration {
    wish.clamp(RETRY_AFTER_FLOOR, RETRY_AFTER_CEILING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_wish_is_clamped() {
        for (wish, expected) in [(0, 1), (1, 1), (90, 90), (86_400, 3600)] {
            assert_eq!(clamp_retry_after(Duration::from_secs(wish)), Duration::from_secs(expected));
        }
    }
}
