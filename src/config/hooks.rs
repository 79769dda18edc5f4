//! Settings of the chains of hooks.

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// `[addons.hooks]`: the time that hooks have, and when a broken one is left alone for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HookSettings {
    /// Processor time of a hook whose manifest names none.
    pub cpu: Span,
    /// Time from start to end of a hook whose manifest names none.
    pub wall: Span,
    /// Time that the hooks of one point have together; those that come later see what is left.
    pub chain_budget: Span,
    /// Failures in a row that open a hook's circuit breaker; 0 for never.
    pub breaker_failures: u32,
    /// Within which time they have to happen.
    pub breaker_window: Span,
    /// How long it stays open before one call tries the hook again.
    pub breaker_pause: Span,
}

impl Default for HookSettings {
    fn default() -> Self {
        Self {
            cpu: Span::millis(100),
            wall: Span::secs(1),
            chain_budget: Span::secs(5),
            breaker_failures: 5,
            breaker_window: Span::secs(60),
            breaker_pause: Span::secs(30),
        }
    }
}
