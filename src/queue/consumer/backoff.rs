//! How long a failed job waits before its next try.

use std::time::Duration;

use bullmq::types::BackoffStrategy;

use crate::config::queues::LaneSettings;

/// The wait after the failed try number `attempt` (1 is the first).
///
/// The job's own strategy gives the base, the lane the ceiling and the jitter; `dice` is a random number of 0–1.
/// A strategy that only its producer knows, or none at all, is the lane's own.
pub(super) fn wait(strategy: Option<&BackoffStrategy>, lane: &LaneSettings, attempt: u32, dice: f64) -> Duration {
    let base = match strategy {
        Some(BackoffStrategy::Fixed(delay)) => Duration::from_millis(*delay),
        Some(BackoffStrategy::Exponential(delay)) => doubled(Duration::from_millis(*delay), attempt),
        Some(BackoffStrategy::Custom(_)) | None => doubled(lane.backoff.duration(), attempt),
    };
    let whole = base.min(lane.backoff_ceiling.duration());
    let fixed = whole.mul_f64(1.0 - lane.backoff_jitter);
    fixed + whole.mul_f64(lane.backoff_jitter * dice.clamp(0.0, 1.0))
}

fn doubled(base: Duration, attempt: u32) -> Duration {
    // 2^31 times anything is beyond every ceiling.
    base.saturating_mul(2_u32.pow(attempt.saturating_sub(1).min(31)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::Span;

    fn lane() -> LaneSettings {
        LaneSettings {
            backoff: Span::secs(1),
            backoff_ceiling: Span::secs(10),
            backoff_jitter: 0.5,
            ..LaneSettings::addon_calls()
        }
    }

    #[test]
    fn the_wait_doubles_up_to_the_ceiling() {
        for (attempt, expected) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (60, 10)] {
            assert_eq!(wait(None, &lane(), attempt, 1.0), Duration::from_secs(expected), "try {attempt}");
        }
    }

    #[test]
    fn half_of_the_wait_is_drawn() {
        for (dice, expected) in [(0.0, 1000), (0.5, 1500), (1.0, 2000)] {
            let strategy = BackoffStrategy::Exponential(1000);
            assert_eq!(wait(Some(&strategy), &lane(), 2, dice), Duration::from_millis(expected));
        }
    }

    #[test]
    fn a_foreign_producers_own_strategy_is_honoured() {
        assert_eq!(wait(Some(&BackoffStrategy::Fixed(300)), &lane(), 7, 1.0), Duration::from_millis(300));
        let unknown = BackoffStrategy::Custom(String::from("fibonacci"));
        assert_eq!(wait(Some(&unknown), &lane(), 1, 1.0), Duration::from_secs(1));
    }
}
