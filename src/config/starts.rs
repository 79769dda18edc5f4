//! What addons may leave for later (`jobs.enqueue`).

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// Bounds of what addons leave for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StartSettings {
    /// Longest delay of a job that an addon leaves.
    pub max_delay: Span,
    /// Most jobs that one addon may have waiting for one user; those that a worker has begun do not count.
    pub max_waiting: u32,
}

impl Default for StartSettings {
    fn default() -> Self {
        Self { max_delay: Span::secs(30 * 24 * 60 * 60), max_waiting: 100 }
    }
}
