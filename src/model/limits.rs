//! How much one call of a guest may use.

use std::time::Duration;

use crate::model::units::ByteSize;

/// The limits of one call, after the platform's ceiling was applied.
///
/// Defaults are the middle between what Shopify and Fastly publish for their own guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Linear memory of all memories of all instances together.
    pub memory: ByteSize,
    /// Processor time, enforced in ticks of 10 ms.
    pub cpu: Duration,
    /// Time from the start of the call to its end, waiting included.
    pub wall: Duration,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Core instances of the component.
    pub instances: usize,
    /// Handles that the guest may hold at once.
    pub handles: usize,
    /// Bytes that may cross from guest to host in one call.
    pub host_call_bytes: ByteSize,
    /// Bytes of the value that the call returns.
    pub output: ByteSize,
    /// Lines the guest may log; later ones are dropped and counted.
    pub log_lines: usize,
    /// Bytes of one log line; the rest is cut.
    pub log_line: ByteSize,
    /// Random bytes the guest may draw in one request.
    pub random: ByteSize,
    /// What it may send and receive.
    pub egress: EgressLimits,
}

/// The requests that one call may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EgressLimits {
    /// Requests in all, refused ones included.
    pub requests: u32,
    /// Requests under way at once; later ones wait.
    pub concurrent: u32,
    /// How long a request waits for its turn at most.
    pub wait: Duration,
    /// Bytes of all request bodies together.
    pub sent: ByteSize,
    /// Bytes of all answers' bodies together.
    pub received: ByteSize,
    /// Bytes of one request's or answer's headers, names and values together.
    pub headers: ByteSize,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            requests: 16,
            concurrent: 4,
            wait: Duration::from_secs(15),
            sent: ByteSize::mib(1),
            received: ByteSize::mib(8),
            headers: ByteSize::kib(32),
        }
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(64),
            cpu: Duration::from_millis(500),
            wall: Duration::from_secs(30),
            table_elements: 100_000,
            instances: 24,
            handles: 4096,
            host_call_bytes: ByteSize::mib(16),
            output: ByteSize::mib(1),
            log_lines: 1000,
            log_line: ByteSize::kib(4),
            random: ByteSize::kib(64),
            egress: EgressLimits::default(),
        }
    }
}

/// What a manifest asks for; none means the platform's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitWish {
    /// Linear memory.
    pub memory: Option<ByteSize>,
    /// Processor time.
    pub cpu: Option<Duration>,
    /// Time from start to end.
    pub wall: Option<Duration>,
}

impl CallLimits {
    /// These defaults with `wish` in their place, where the `ceiling` allows it.
    #[must_use]
    pub fn with_wish(self, wish: LimitWish, ceiling: &Self) -> Self {
        Self {
            memory: wish.memory.unwrap_or(self.memory).min(ceiling.memory),
            cpu: wish.cpu.unwrap_or(self.cpu).min(ceiling.cpu),
            wall: wish.wall.unwrap_or(self.wall).min(ceiling.wall),
            ..self
        }
    }

    /// The same limits with less time; never more than before.
    #[must_use]
    pub fn within(self, wall: Duration) -> Self {
        Self { wall: self.wall.min(wall), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_wins_over_a_wish() {
        let ceiling = CallLimits { memory: ByteSize::mib(128), ..CallLimits::default() };
        for (wish, expected) in [(None, 64), (Some(32), 32), (Some(100), 100), (Some(4096), 128)] {
            let wish = LimitWish { memory: wish.map(ByteSize::mib), ..LimitWish::default() };
            assert_eq!(CallLimits::default().with_wish(wish, &ceiling).memory, ByteSize::mib(expected));
        }
    }
}
