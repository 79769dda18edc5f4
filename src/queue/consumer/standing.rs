//! What a job has behind it, and what that leaves it.

use std::time::Duration;

use crate::queue::Verdict;

/// Longest time that a job may go on asking to be tried later.
pub(super) const LONGEST_DEFERRAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What a job has behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// This try; 1 is the first.
    pub(super) attempt: u32,
    /// Tries at most.
    pub(super) max_attempts: u32,
    /// How often it lost its worker.
    pub(super) stalls: u32,
    /// How often it asked to be tried later.
    pub(super) deferrals: u32,
    /// How long ago it first did.
    pub(super) deferred_for: Duration,
}

impl Standing {
    /// Whether the queue makes this verdict a failure for good.
    pub(super) fn is_ended_by(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::GiveUp(_) => true,
            Verdict::Retry(_) | Verdict::RetryIn(..) => self.attempt >= self.max_attempts,
            Verdict::RetryAfter(..) => self.deferrals >= self.max_attempts || self.deferred_for >= LONGEST_DEFERRAL,
            Verdict::Done(_) | Verdict::Later(_) | Verdict::HandBack => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Standing =
        Standing { attempt: 1, max_attempts: 3, stalls: 0, deferrals: 0, deferred_for: Duration::ZERO };

    #[test]
    fn a_retry_ends_a_job_on_its_last_try() {
        let retry = Verdict::Retry(String::new());
        assert!(!Standing { attempt: 2, ..FRESH }.is_ended_by(&retry));
        assert!(Standing { attempt: 3, ..FRESH }.is_ended_by(&retry));
    }

    #[test]
    fn a_retry_at_ends_after_as_many_as_there_are_tries_or_after_a_day() {
        let later = Verdict::RetryAfter(Duration::from_secs(5), String::new());
        assert!(!Standing { deferrals: 2, attempt: 3, ..FRESH }.is_ended_by(&later));
        assert!(Standing { deferrals: 3, ..FRESH }.is_ended_by(&later));
        assert!(Standing { deferred_for: LONGEST_DEFERRAL, ..FRESH }.is_ended_by(&later));
    }
}
