//! The time of day, in the two shapes we write it.

use chrono::{DateTime, Utc};

/// Now, in UTC.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Now, in milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(Utc::now().timestamp_millis()).unwrap_or(0)
}

/// The time of day that is `millis` milliseconds after the Unix epoch; the epoch itself where that is out of range.
#[must_use]
pub fn from_ms(millis: u64) -> DateTime<Utc> {
    i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default()
}
