//! When a process that died is started again, and when not any more.

use std::time::Duration;

use crate::config::processes::ProcessSettings;

/// Deaths in a row after which a process counts as failing: one crash is bad luck, and so may be a second.
pub(super) const FAILING_AFTER: u32 = 3;

/// What follows a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is started again after this time.
    Again(Duration),
    /// It is not.
    GiveUp,
}

/// The deaths in a row of one process.
#[derive(Clone, Debug)]
pub(super) struct Deaths {
    settings: ProcessSettings,
    in_a_row: u32,
}

impl Deaths {
    pub(super) const fn none(settings: ProcessSettings) -> Self {
        Self { settings, in_a_row: 0 }
    }

    pub(super) const fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// Counts the death of a process that had lived for so long.
    pub(super) fn count(&mut self, lived: Duration) -> Next {
        if lived >= self.settings.quiet.duration() {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= self.settings.give_up_after {
            return Next::GiveUp;
        }
        let doubled = 2_u32.saturating_pow(self.in_a_row.saturating_sub(1));
        let wait = self.settings.backoff.duration().saturating_mul(doubled);
        Next::Again(wait.min(self.settings.backoff_ceiling.duration()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::Span;

    fn settings() -> ProcessSettings {
        ProcessSettings {
            backoff: Span::millis(100),
            backoff_ceiling: Span::millis(500),
            quiet: Span::secs(10),
            give_up_after: 6,
            ..ProcessSettings::default()
        }
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_end_with_giving_up() {
        let mut deaths = Deaths::none(settings());
        for millis in [100, 200, 400, 500, 500] {
            assert_eq!(deaths.count(Duration::from_secs(1)), Next::Again(Duration::from_millis(millis)));
        }
        assert_eq!(deaths.count(Duration::from_secs(1)), Next::GiveUp);
    }

    #[test]
    fn a_long_life_is_forgiven() {
        let mut deaths = Deaths::none(settings());
        for _ in 0..4 {
            deaths.count(Duration::ZERO);
        }
        assert_eq!(deaths.count(Duration::from_secs(10)), Next::Again(Duration::from_millis(100)));
        assert_eq!(deaths.in_a_row(), 1);
    }
}
