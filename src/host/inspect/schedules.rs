//! Whether a manifest's schedules are few and rare enough for this host.

use crate::host::inspect::{InspectError, InspectLimits};
use crate::model::cron::Cron;
use crate::model::manifest::Manifest;

/// What is wrong with the schedules; that they can be read is the manifest's own rule.
pub(super) fn faults(manifest: &Manifest, limits: &InspectLimits) -> Vec<InspectError> {
    let found = u64::try_from(manifest.schedules.len()).unwrap_or(u64::MAX);
    if found > limits.max_schedules {
        return vec![InspectError::TooLarge { what: "schedules", found, limit: limits.max_schedules }];
    }
    let allowed = limits.schedule_interval;
    let too_frequent = manifest.schedules.iter().filter_map(|schedule| {
        let reached = Cron::parse(&schedule.cron).ok()?.gap_below(allowed)?;
        Some(InspectError::ScheduleTooFrequent { schedule: schedule.name.clone(), reached, allowed })
    });
    too_frequent.collect()
}
