//! How much an enablement may use within a day (UTC), and what happens when that is used up.

use serde::{Deserialize, Serialize};

use crate::model::limit::{Excess, Limit};

/// What happens when a budget is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExceeded {
    /// Calls fail until midnight.
    #[default]
    Reject,
    /// The enablement is paused until its user resumes it.
    Pause,
}

impl OnExceeded {
    /// Every reaction.
    pub const ALL: [Self; 2] = [Self::Reject, Self::Pause];

    /// The reaction as clients write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Pause => "pause",
        }
    }
}

/// A budget for one day; what is left out has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Budget {
    /// Calls of actions and hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_day: Option<u64>,
    /// Milliseconds of processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_day: Option<u64>,
    /// Requests to the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_requests_per_day: Option<u64>,
    /// Bytes that these carry, both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_bytes_per_day: Option<u64>,
    /// Bytes that key-value operations carry, both ways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_bytes_per_day: Option<u64>,
    /// Credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_per_day: Option<u64>,
    /// What happens when one of these is used up.
    pub on_exceeded: OnExceeded,
}

/// What was used today, in the units of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Calls.
    pub calls: u64,
    /// Milliseconds of processor time.
    pub cpu_ms: u64,
    /// Requests to the network.
    pub egress_requests: u64,
    /// Bytes that these carried.
    pub egress_bytes: u64,
    /// Bytes that key-value operations carried.
    pub kv_bytes: u64,
    /// Credits.
    pub credits: u64,
}

impl Budget {
    /// Whether it bounds anything.
    #[must_use]
    pub fn has_any(&self) -> bool {
        *self != Self { on_exceeded: self.on_exceeded, ..Self::default() }
    }

    /// The limit that leaves no room for another call.
    #[must_use]
    pub fn exhausted(&self, spent: &Spent) -> Option<Excess> {
        let measures = [
            // Another call is one more; of the rest nobody knows how much it will be.
            (Limit::CallsPerDay, spent.calls, self.calls_per_day),
            (Limit::CpuMsPerDay, spent.cpu_ms, self.cpu_ms_per_day),
            (Limit::EgressRequestsPerDay, spent.egress_requests, self.egress_requests_per_day),
            (Limit::EgressBytesPerDay, spent.egress_bytes, self.egress_bytes_per_day),
            (Limit::KvBytesPerDay, spent.kv_bytes, self.kv_bytes_per_day),
            (Limit::CreditsPerDay, spent.credits, self.credits_per_day),
        ];
        measures.into_iter().find_map(|(limit, reached, allowed)| {
            let allowed = allowed.filter(|allowed| reached >= *allowed)?;
            Some(Excess { limit, reached, allowed })
        })
    }
}

/// What several budgets come to: the first that is used up, those that pause before those that reject.
#[must_use]
pub fn exhausted<'b>(budgets: impl IntoIterator<Item = &'b Budget>, spent: &Spent) -> Option<(Excess, OnExceeded)> {
    let used_up = budgets.into_iter().filter_map(|budget| Some((budget.exhausted(spent)?, budget.on_exceeded)));
    used_up.max_by_key(|(_, reaction)| *reaction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_is_used_up_by_itself() {
        let spent = Spent { calls: 5, cpu_ms: 5, egress_requests: 5, egress_bytes: 5, kv_bytes: 5, credits: 5 };
        let none = Budget::default();
        for (limit, of) in [
            (Limit::CallsPerDay, (|allowed, none| Budget { calls_per_day: allowed, ..none }) as fn(_, _) -> _),
            (Limit::CpuMsPerDay, |allowed, none| Budget { cpu_ms_per_day: allowed, ..none }),
            (Limit::EgressRequestsPerDay, |allowed, none| Budget { egress_requests_per_day: allowed, ..none }),
            (Limit::EgressBytesPerDay, |allowed, none| Budget { egress_bytes_per_day: allowed, ..none }),
            (Limit::KvBytesPerDay, |allowed, none| Budget { kv_bytes_per_day: allowed, ..none }),
            (Limit::CreditsPerDay, |allowed, none| Budget { credits_per_day: allowed, ..none }),
        ] {
            assert_eq!(of(Some(6), none).exhausted(&spent), None, "{limit}");
            assert_eq!(of(Some(5), none).exhausted(&spent), Some(Excess { limit, reached: 5, allowed: 5 }));
        }
        assert_eq!(none.exhausted(&spent), None);
    }

    #[test]
    fn the_narrower_of_two_budgets_wins_and_a_pause_over_a_refusal() {
        let spent = Spent { calls: 10, ..Spent::default() };
        let wide = Budget { calls_per_day: Some(100), ..Budget::default() };
        let narrow = Budget { calls_per_day: Some(10), ..Budget::default() };
        assert_eq!(exhausted([&wide], &spent), None);
        assert_eq!(exhausted([&wide, &narrow], &spent).map(|(_, reaction)| reaction), Some(OnExceeded::Reject));
        let pausing = Budget { on_exceeded: OnExceeded::Pause, ..narrow };
        assert_eq!(exhausted([&pausing, &narrow], &spent).map(|(_, reaction)| reaction), Some(OnExceeded::Pause));
    }
}
