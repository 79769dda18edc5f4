//! Being woken by the clock ([`ScheduleHandler`](crate::ScheduleHandler)). Needs the capability `schedule`.

use std::time::{Duration, SystemTime};

/// When a tick was due. Each due time is told once; after a time when nothing ran, at most one that is late.
#[must_use]
pub fn due(due_ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(due_ms)
}
