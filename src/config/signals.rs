//! Settings of what addons are woken by: events of each other, and the clock.

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// `[addons.signals]`: how much addons may wake each other and be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignalSettings {
    /// Events that one call may emit.
    pub emits_per_call: u32,
    /// Schedules of one addon.
    pub schedules_per_addon: u32,
    /// Shortest time between two occurrences of a schedule; a component that wants less is refused.
    pub schedule_interval: Span,
}

impl Default for SignalSettings {
    fn default() -> Self {
        Self { emits_per_call: 16, schedules_per_addon: 16, schedule_interval: Span::secs(60) }
    }
}
