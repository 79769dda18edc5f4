//! How long a peer may take, and how much it may say before its body.

use std::time::Duration;

use crate::model::units::ByteSize;

/// Limits that hold for every request of a client.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Time for name resolution, connection and TLS.
    pub connect: Duration,
    /// Longest time for a whole exchange, whatever the request says.
    pub total: Duration,
    /// Most header lines of an answer.
    pub headers: usize,
    /// Largest headers of an answer, names and values together.
    pub header_bytes: ByteSize,
    /// Downloads slower than this on average are given up.
    pub slowest_bytes_per_second: u64,
    /// How long a download is borne before its rate is looked at.
    pub slow_start: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            // Slow image models think for minutes before the first byte; requests bring their own, shorter time.
            total: Duration::from_secs(10 * 60),
            headers: 100,
            header_bytes: ByteSize::kib(64),
            slowest_bytes_per_second: 1000,
            slow_start: Duration::from_secs(10),
        }
    }
}
