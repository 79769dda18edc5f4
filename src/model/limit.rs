//! Every limit that a call of an addon stands under, by the name that errors and `docs/LIMITS.md` give it.
//!
//! A limit that is not in [`Limit::ALL`] does not exist: the table of the documentation is made from this list, and the
//! tests demand a guest that runs into each.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::code::JobCode;

/// One limit. Its name carries its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Processor time.
    CpuMs,
    /// Time from start to end.
    WallMs,
    /// Linear memory of all memories together.
    MemoryBytes,
    /// Elements of all tables together.
    TableElements,
    /// Core instances.
    Instances,
    /// Linear memories.
    Memories,
    /// Tables.
    Tables,
    /// The guest's stack.
    StackBytes,
    /// Handles held at once.
    Handles,
    /// What crosses to the host at once.
    HostCallBytes,
    /// What the call returns.
    OutputBytes,
    /// Random bytes of one request.
    RandomBytes,
    /// Random bytes of the call.
    RandomTotalBytes,
    /// Lines of the call's log.
    LogLines,
    /// One line of it.
    LogLineBytes,
    /// All of its lines.
    LogBytes,
    /// Key-value operations.
    KvOperations,
    /// What they carry, both ways.
    KvTrafficBytes,
    /// One key.
    KvKeyBytes,
    /// One value.
    KvValueBytes,
    /// What an addon keeps for one user.
    KvStoredBytes,
    /// Reports, pieces of partial output and checkpoints.
    ProgressMessages,
    /// What these carry.
    ProgressBytes,
    /// One piece of partial output.
    PartialBytes,
    /// One checkpoint.
    CheckpointBytes,
    /// Assets opened and made.
    Assets,
    /// One asset.
    AssetBytes,
    /// What the assets of a call come to.
    AssetTotalBytes,
    /// Requests to the network.
    EgressRequests,
    /// The bodies of all requests.
    EgressSentBytes,
    /// The bodies of all answers.
    EgressReceivedBytes,
    /// The headers of one request.
    EgressHeaderBytes,
    /// An action's parameters.
    ParamsBytes,
    /// Calls of one addon for one user at the same time.
    ConcurrentCalls,
    /// Calls within a day, where there is a budget.
    CallsPerDay,
    /// Processor time within a day, where there is a budget.
    CpuMsPerDay,
    /// Requests to the network within a day, where there is a budget.
    EgressRequestsPerDay,
    /// What these carry, where there is a budget.
    EgressBytesPerDay,
    /// What key-value operations carry within a day, where there is a budget.
    KvBytesPerDay,
    /// Credits within a day, where there is a budget.
    CreditsPerDay,
}

/// What happens to a guest that runs into a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call ends with this code.
    Ends(JobCode),
    /// The guest is told, by an error of this kind, and may go on.
    Told(&'static str),
    /// What is beyond is dropped and counted.
    Cut,
    /// The call waits.
    Waits,
}

impl Limit {
    /// Every limit, in the order of the documentation.
    pub const ALL: [Self; 40] = [
        Self::CpuMs,
        Self::WallMs,
        Self::MemoryBytes,
        Self::TableElements,
        Self::Instances,
        Self::Memories,
        Self::Tables,
        Self::StackBytes,
        Self::Handles,
        Self::HostCallBytes,
        Self::OutputBytes,
        Self::ParamsBytes,
        Self::RandomBytes,
        Self::RandomTotalBytes,
        Self::LogLines,
        Self::LogLineBytes,
        Self::LogBytes,
        Self::KvOperations,
        Self::KvTrafficBytes,
        Self::KvKeyBytes,
        Self::KvValueBytes,
        Self::KvStoredBytes,
        Self::ProgressMessages,
        Self::ProgressBytes,
        Self::PartialBytes,
        Self::CheckpointBytes,
        Self::Assets,
        Self::AssetBytes,
        Self::AssetTotalBytes,
        Self::EgressRequests,
        Self::EgressSentBytes,
        Self::EgressReceivedBytes,
        Self::EgressHeaderBytes,
        Self::ConcurrentCalls,
        Self::CallsPerDay,
        Self::CpuMsPerDay,
        Self::EgressRequestsPerDay,
        Self::EgressBytesPerDay,
        Self::KvBytesPerDay,
        Self::CreditsPerDay,
    ];

    /// The name that stands in an error's details.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CpuMs => "cpuMs",
            Self::WallMs => "wallMs",
            Self::MemoryBytes => "memoryBytes",
            Self::TableElements => "tableElements",
            Self::Instances => "instances",
            Self::Memories => "memories",
            Self::Tables => "tables",
            Self::StackBytes => "stackBytes",
            Self::Handles => "handles",
            Self::HostCallBytes => "hostCallBytes",
            Self::OutputBytes => "outputBytes",
            Self::RandomBytes => "randomBytes",
            Self::RandomTotalBytes => "randomTotalBytes",
            Self::LogLines => "logLines",
            Self::LogLineBytes => "logLineBytes",
            Self::LogBytes => "logBytes",
            Self::KvOperations => "kvOperations",
            Self::KvTrafficBytes => "kvTrafficBytes",
            Self::KvKeyBytes => "kvKeyBytes",
            Self::KvValueBytes => "kvValueBytes",
            Self::KvStoredBytes => "kvStoredBytes",
            Self::ProgressMessages => "progressMessages",
            Self::ProgressBytes => "progressBytes",
            Self::PartialBytes => "partialBytes",
            Self::CheckpointBytes => "checkpointBytes",
            Self::Assets => "assets",
            Self::AssetBytes => "assetBytes",
            Self::AssetTotalBytes => "assetTotalBytes",
            Self::EgressRequests => "egressRequests",
            Self::EgressSentBytes => "egressSentBytes",
            Self::EgressReceivedBytes => "egressReceivedBytes",
            Self::EgressHeaderBytes => "egressHeaderBytes",
            Self::ParamsBytes => "paramsBytes",
            Self::ConcurrentCalls => "concurrentCalls",
            Self::CallsPerDay => "callsPerDay",
            Self::CpuMsPerDay => "cpuMsPerDay",
            Self::EgressRequestsPerDay => "egressRequestsPerDay",
            Self::EgressBytesPerDay => "egressBytesPerDay",
            Self::KvBytesPerDay => "kvBytesPerDay",
            Self::CreditsPerDay => "creditsPerDay",
        }
    }

    /// What is counted, as an error names it: “`random bytes` came to 9, 8 are allowed”.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::CpuMs => "milliseconds of processor time",
            Self::WallMs => "milliseconds from start to end",
            Self::MemoryBytes => "bytes of linear memory, all memories together",
            Self::TableElements => "elements of tables, all tables together",
            Self::Instances => "core instances of the component",
            Self::Memories => "linear memories of the component",
            Self::Tables => "tables of the component",
            Self::StackBytes => "bytes of the addon's stack",
            Self::Handles => "handles held at once",
            Self::HostCallBytes => "bytes passed to the host at once",
            Self::OutputBytes => "bytes of the answer",
            Self::RandomBytes => "random bytes of one request",
            Self::RandomTotalBytes => "random bytes of the call",
            Self::LogLines => "lines logged",
            Self::LogLineBytes => "bytes of one line logged",
            Self::LogBytes => "bytes logged",
            Self::KvOperations => "key-value operations",
            Self::KvTrafficBytes => "bytes read from and written to the key-value store",
            Self::KvKeyBytes => "bytes of one key",
            Self::KvValueBytes => "bytes of one value",
            Self::KvStoredBytes => "bytes kept in the key-value store",
            Self::ProgressMessages => "progress reports, pieces of partial output and checkpoints",
            Self::ProgressBytes => "bytes of progress reports, partial output and checkpoints",
            Self::PartialBytes => "bytes of one piece of partial output",
            Self::CheckpointBytes => "bytes of one checkpoint",
            Self::Assets => "assets opened and made",
            Self::AssetBytes => "bytes of one asset",
            Self::AssetTotalBytes => "bytes of all assets opened and made",
            Self::EgressRequests => "requests to the network, refused ones included",
            Self::EgressSentBytes => "bytes of all requests' bodies",
            Self::EgressReceivedBytes => "bytes of all answers' bodies",
            Self::EgressHeaderBytes => "bytes of the headers of one request",
            Self::ParamsBytes => "bytes of an action's parameters",
            Self::ConcurrentCalls => "calls of the addon for one user at the same time",
            Self::CallsPerDay => "calls today",
            Self::CpuMsPerDay => "milliseconds of processor time today",
            Self::EgressRequestsPerDay => "requests to the network today",
            Self::EgressBytesPerDay => "bytes of requests to the network today",
            Self::KvBytesPerDay => "bytes of key-value operations today",
            Self::CreditsPerDay => "credits today",
        }
    }

    /// What happens to whoever runs into it.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::CpuMs => Effect::Ends(JobCode::CpuLimit),
            Self::WallMs => Effect::Ends(JobCode::DeadlineExceeded),
            Self::MemoryBytes
            | Self::TableElements
            | Self::Instances
            | Self::Memories
            | Self::Tables
            | Self::Handles => Effect::Ends(JobCode::MemoryLimit),
            Self::StackBytes => Effect::Ends(JobCode::AddonTrapped),
            Self::HostCallBytes | Self::OutputBytes | Self::EgressHeaderBytes => Effect::Ends(JobCode::OutputLimit),
            Self::EgressRequests | Self::EgressSentBytes | Self::EgressReceivedBytes => Effect::Told("error-code"),
            Self::ParamsBytes => Effect::Ends(JobCode::AddonBadInput),
            Self::LogLines | Self::LogLineBytes | Self::LogBytes => Effect::Cut,
            Self::KvKeyBytes => Effect::Told("bad-input"),
            Self::KvStoredBytes => Effect::Told("over-quota"),
            Self::KvValueBytes | Self::PartialBytes | Self::CheckpointBytes | Self::AssetBytes => {
                Effect::Told("too-large")
            }
            Self::ConcurrentCalls => Effect::Waits,
            Self::RandomBytes
            | Self::RandomTotalBytes
            | Self::KvOperations
            | Self::KvTrafficBytes
            | Self::ProgressMessages
            | Self::ProgressBytes
            | Self::Assets
            | Self::AssetTotalBytes
            | Self::CallsPerDay
            | Self::CpuMsPerDay
            | Self::EgressRequestsPerDay
            | Self::EgressBytesPerDay
            | Self::KvBytesPerDay
            | Self::CreditsPerDay => Effect::Ends(JobCode::QuotaExceeded),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A limit that somebody ran into, with the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reached}, {allowed} are allowed", .limit.what())]
pub struct Excess {
    /// Which.
    pub limit: Limit,
    /// What it came to, or would have come to; where counting stopped at the limit, the first number beyond it.
    pub reached: u64,
    /// What is allowed.
    pub allowed: u64,
}

impl Excess {
    /// The first step beyond a limit.
    #[must_use]
    pub const fn beyond(limit: Limit, allowed: u64) -> Self {
        Self { limit, reached: allowed.saturating_add(1), allowed }
    }

    /// The numbers as an error's details.
    #[must_use]
    pub fn details(&self) -> serde_json::Value {
        serde_json::json!({ "limit": self.limit, "reached": self.reached, "allowed": self.allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_one_name_wherever_it_is_written() {
        for limit in Limit::ALL {
            assert_eq!(serde_json::json!(limit), limit.as_str());
        }
    }

    #[test]
    fn the_list_names_each_limit_once() {
        let named: std::collections::BTreeSet<Limit> = Limit::ALL.into_iter().collect();
        assert_eq!(named.len(), Limit::ALL.len());
    }
}
