//! How a machine's workers are divided into processes, and what happens to one that dies.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// `[processes]`: the worker processes under one supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSettings {
    /// How many; 0 for one per processor that this machine or container gives us, 1 for none but the one that was started.
    pub count: usize,
    /// Wait before one that died is started again; doubles with each further death in a row.
    pub backoff: Span,
    /// Longest such wait.
    pub backoff_ceiling: Span,
    /// A process that lived for so long begins with the shortest wait again.
    pub quiet: Span,
    /// Deaths of one process in a row after which the supervisor gives up and ends.
    pub give_up_after: u32,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            count: 0,
            backoff: Span::millis(250),
            backoff_ceiling: Span::secs(30),
            quiet: Span::secs(60),
            give_up_after: 10,
        }
    }
}

impl ProcessSettings {
    /// How many processes there shall be, asking the machine where nobody said.
    #[must_use]
    pub fn number(&self) -> usize {
        match self.count {
            // Knows the affinity of this process and the quota of its control group.
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            count => count,
        }
    }

    /// The first way in which the numbers contradict each other, as `key: reason`.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        [
            (self.backoff >= Span::millis(10), "backoff: must be at least 10ms"),
            (self.backoff <= self.backoff_ceiling, "backoff: must not be above backoff_ceiling"),
            (self.give_up_after >= 1, "give_up_after: must be at least 1"),
            (self.count <= MOST, "count: must be at most 1024"),
        ]
        .into_iter()
        .find_map(|(is_met, fault)| (!is_met).then_some(fault))
    }
}

/// Most processes under one supervisor: more is a mistyped number.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_there_is_one_process_per_processor_and_at_least_one() {
        let machine = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        assert_eq!(ProcessSettings::default().number(), machine);
        assert_eq!(ProcessSettings { count: 3, ..ProcessSettings::default() }.number(), 3);
    }

    #[test]
    fn the_defaults_do_not_contradict_themselves_and_bad_numbers_do() {
        let defaults = ProcessSettings::default();
        assert_eq!(defaults.fault(), None);
        for bad in [
            ProcessSettings { backoff: Span::secs(31), ..defaults.clone() },
            ProcessSettings { give_up_after: 0, ..defaults.clone() },
            ProcessSettings { count: 5000, ..defaults },
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }
}
