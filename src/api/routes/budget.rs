//! Budgets and what was used, as requests and answers write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::extract::fields::Fields;
use crate::model::budget::{Budget, OnExceeded};

/// Reads the member `budget`; what is left out of it is not bounded.
pub(in crate::api::routes) fn read(fields: &mut Fields<'_>) -> Option<Budget> {
    fields.object("budget", |fields| {
        let mut measure = |name| fields.integer(name, 0..=u64::MAX);
        let budget = Budget {
            calls_per_day: measure("callsPerDay"),
            cpu_ms_per_day: measure("cpuMsPerDay"),
            egress_requests_per_day: measure("egressRequestsPerDay"),
            egress_bytes_per_day: measure("egressBytesPerDay"),
            kv_bytes_per_day: measure("kvBytesPerDay"),
            credits_per_day: measure("creditsPerDay"),
            on_exceeded: OnExceeded::default(),
        };
        let reactions = OnExceeded::ALL.map(|reaction| (reaction.as_str(), reaction));
        Budget { on_exceeded: fields.word("onExceeded", &reactions).unwrap_or_default(), ..budget }
    })
}

/// What an enablement may use within a day (UTC); what is left out is not bounded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Budget)]
pub struct BudgetDocument {
    /// Calls of actions and hooks.
    pub calls_per_day: Option<u64>,
    /// Milliseconds of processor time.
    pub cpu_ms_per_day: Option<u64>,
    /// Requests to the network.
    pub egress_requests_per_day: Option<u64>,
    /// Bytes that these carry, both ways.
    pub egress_bytes_per_day: Option<u64>,
    /// Bytes that key-value operations carry, both ways.
    pub kv_bytes_per_day: Option<u64>,
    /// Credits.
    pub credits_per_day: Option<u64>,
    /// `reject` (default): calls fail with `QUOTA_EXCEEDED` until midnight UTC. `pause`: the addon is `quarantined` until
    /// `POST …/resume`.
    #[schema(example = "reject")]
    pub on_exceeded: Option<String>,
}

/// What an enablement used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Usage)]
pub struct UsageDocument {
    /// Since midnight UTC.
    pub today: UsedDocument,
    /// In the last 30 days, today included.
    pub last30_days: UsedDocument,
}

/// What was used in some time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Used)]
pub struct UsedDocument {
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
