//! What is counted about jobs.

use std::time::Duration;

use metrics::{counter, histogram};

use crate::queue::{Lane, tickets};

/// The kind's name for metrics and spans; a foreign producer's own names all count as one, so that nobody can
/// make series without end.
pub(super) fn kind_of(lane: Lane, name: &str) -> &'static str {
    tickets::kind_of(lane, name).map_or("foreign", |kind| kind.as_str())
}

/// Counts one run: `completed`, `failed`, `retried`, `deferred`, `postponed`, `handed-back` or `lock-lost`.
pub(super) fn ended(lane: Lane, kind: &'static str, outcome: &'static str, ran: Duration) {
    counter!("semantest_job_outcomes_total", "lane" => lane.name(), "kind" => kind, "outcome" => outcome).increment(1);
    histogram!("semantest_job_run_seconds", "lane" => lane.name(), "kind" => kind).record(ran.as_secs_f64());
    if matches!(outcome, "retried" | "deferred") {
        counter!("semantest_job_retries_total", "lane" => lane.name(), "kind" => kind).increment(1);
    }
}

/// Counts an outage that a consumer saw.
pub(super) fn outage(lane: Lane) {
    counter!("semantest_job_queue_outages_total", "lane" => lane.name()).increment(1);
}
