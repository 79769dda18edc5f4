//! `upkeep`: what a dead worker left undone.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tracing::info;

use crate::clock;
use crate::jobs::{JobResult, Services};

/// How long a foreign job's own worker has to leave the dispatch, in seconds: longer than any lock.
const OWED_AFTER_SECS: i64 = 90;
/// Most dispatches that one sweep leaves.
const MAX_OWED: usize = 500;

/// Leaves the dispatch of each foreign job whose worker died for good before it could.
pub(super) async fn run(services: &Services) -> JobResult {
    let before = clock::now() - TimeDelta::seconds(OWED_AFTER_SECS);
    let owed = services.work.records().owed_before(before, MAX_OWED).await?;
    let mut left = 0_usize;
    for job in &owed {
        let Some(record) = services.work.records().get(job).await? else {
            services.work.records().settle(job).await?;
            continue;
        };
        let record = services.work.reconcile(record).await?;
        if record.is_finished() {
            services.work.leave_dispatch(&record).await?;
            left = left.saturating_add(1);
        }
    }
    if left > 0 {
        info!(left, "Left {left} dispatches that dead workers owed");
    }
    Ok::<Value, _>(json!({ "owed": owed.len(), "left": left }))
}
