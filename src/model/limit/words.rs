//! What each limit counts, for people.

use crate::model::limit::Limit;

impl Limit {
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
            Self::EgressConcurrent => "requests to the network under way at once, where none ends in time",
            Self::DoorCalls => "requests about pictures, jobs, events and secrets in clear",
            Self::Events => "events announced",
            Self::EventBytes => "bytes of one event's payload",
            Self::WaitingJobs => "jobs left for later that wait for one user",
            Self::JobDelayMs => "milliseconds until a job that is left for later",
            Self::Hops => "starts by addons in a row",
            Self::GrantedCreditsPerDay => "credits of today for pictures that the addon asks for",
            Self::SecretReveals => "secrets read in clear",
            Self::SignedBytes => "bytes of one message authenticated with a secret",
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
}
