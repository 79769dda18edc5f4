//! What an enablement used, as its client sees it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::store::usage::{Used, oldest};

/// Days that are added up beside today.
const SHOWN_DAYS: u64 = 30;

/// What an enablement used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// Since midnight UTC.
    pub today: UsedView,
    /// In the last 30 days, today included.
    pub last30_days: UsedView,
}

/// What was used in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedView {
    /// Calls of actions and hooks.
    pub calls: u64,
    /// Processor time, of all calls.
    pub cpu_ms: u64,
    /// Most linear memory that one call had at once.
    pub peak_memory_bytes: u64,
    /// Requests to the network.
    pub egress_requests: u64,
    /// What these carried, both ways.
    pub egress_bytes: u64,
    /// What key-value operations carried, both ways.
    pub kv_bytes: u64,
    /// Credits.
    pub credits: u64,
}

impl UsageView {
    /// The view of what was used until `today`.
    #[must_use]
    pub fn of(days: &BTreeMap<NaiveDate, Used>, today: NaiveDate) -> Self {
        let shown = days.range(oldest(today, SHOWN_DAYS)..=today);
        let all = shown.fold(Used::default(), |sum, (_, used)| sum.and(used));
        Self { today: days.get(&today).map(UsedView::of).unwrap_or_default(), last30_days: UsedView::of(&all) }
    }
}

impl UsedView {
    const fn of(used: &Used) -> Self {
        Self {
            calls: used.calls,
            cpu_ms: used.cpu_us / 1000,
            peak_memory_bytes: used.peak_memory,
            egress_requests: used.egress_requests,
            egress_bytes: used.egress_bytes,
            kv_bytes: used.kv_bytes,
            credits: used.credits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_end_today_and_what_is_older_is_left_out() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 30).unwrap_or_default();
        let one = Used { calls: 1, cpu_us: 700, ..Used::default() };
        let days: BTreeMap<_, _> = [0, 1, 29, 30, 80].map(|ago| (oldest(today, ago + 1), one)).into();
        let view = UsageView::of(&days, today);
        assert_eq!((view.today.calls, view.last30_days.calls), (1, 3));
        assert_eq!((view.today.cpu_ms, view.last30_days.cpu_ms), (0, 2), "what is less than a millisecond adds up");
    }
}
