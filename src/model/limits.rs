//! How much one call of a guest may use.

use std::time::Duration;

use crate::model::units::ByteSize;

/// The limits of one call, after the platform's ceiling was applied.
///
/// Defaults are the middle between what Shopify and Fastly publish for their own guests. [`crate::model::limit::Limit`]
/// has a name for each.
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
    /// Linear memories of the component.
    pub memories: usize,
    /// Tables of the component.
    pub tables: usize,
    /// Handles that the guest may hold at once.
    pub handles: usize,
    /// Bytes that may cross from guest to host in one host call, or with the answer.
    pub host_call_bytes: ByteSize,
    /// Bytes of the value that the call returns.
    pub output: ByteSize,
    /// Lines the guest may log; later ones are dropped and counted.
    pub log_lines: usize,
    /// Bytes of one log line; the rest is cut.
    pub log_line: ByteSize,
    /// Bytes of all log lines; later ones are dropped and counted.
    pub log_bytes: ByteSize,
    /// Random bytes the guest may draw in one request.
    pub random: ByteSize,
    /// Random bytes the guest may draw in all.
    pub random_total: ByteSize,
    /// Operations on key-value stores.
    pub kv_operations: u64,
    /// Bytes of keys and values that these carry, both ways.
    pub kv_traffic: ByteSize,
    /// Progress reports, pieces of partial output and checkpoints together: each is a trip to Redis.
    pub progress_messages: u64,
    /// Bytes that these carry.
    pub progress_bytes: ByteSize,
    /// Assets the guest may open and make.
    pub assets: u64,
    /// Bytes of one asset that it makes, and of all that are being written at once.
    pub asset: ByteSize,
    /// Bytes of all assets that it opens and makes.
    pub asset_total: ByteSize,
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
            instances: 64,
            memories: 8,
            tables: 32,
            handles: 4096,
            host_call_bytes: ByteSize::mib(16),
            output: ByteSize::mib(1),
            log_lines: 1000,
            log_line: ByteSize::kib(4),
            log_bytes: ByteSize::mib(4),
            random: ByteSize::kib(64),
            random_total: ByteSize::mib(1),
            kv_operations: 1000,
            kv_traffic: ByteSize::mib(16),
            progress_messages: 1000,
            progress_bytes: ByteSize::mib(4),
            assets: 16,
            asset: ByteSize::mib(32),
            asset_total: ByteSize::mib(64),
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
    /// Bytes of the answer.
    pub output: Option<ByteSize>,
    /// Lines of the log.
    pub log_lines: Option<usize>,
    /// Key-value operations.
    pub kv_operations: Option<u64>,
    /// Assets opened and made.
    pub assets: Option<u64>,
}

impl CallLimits {
    /// These defaults with `wish` in their place, where the `ceiling` allows it. A default above the ceiling counts for
    /// nothing.
    #[must_use]
    pub fn with_wish(self, wish: LimitWish, ceiling: &Self) -> Self {
        Self {
            memory: wish.memory.unwrap_or(self.memory).min(ceiling.memory),
            cpu: wish.cpu.unwrap_or(self.cpu).min(ceiling.cpu),
            wall: wish.wall.unwrap_or(self.wall).min(ceiling.wall),
            table_elements: self.table_elements.min(ceiling.table_elements),
            instances: self.instances.min(ceiling.instances),
            memories: self.memories.min(ceiling.memories),
            tables: self.tables.min(ceiling.tables),
            handles: self.handles.min(ceiling.handles),
            host_call_bytes: self.host_call_bytes.min(ceiling.host_call_bytes),
            output: wish.output.unwrap_or(self.output).min(ceiling.output),
            log_lines: wish.log_lines.unwrap_or(self.log_lines).min(ceiling.log_lines),
            log_line: self.log_line.min(ceiling.log_line),
            log_bytes: self.log_bytes.min(ceiling.log_bytes),
            random: self.random.min(ceiling.random),
            random_total: self.random_total.min(ceiling.random_total),
            kv_operations: wish.kv_operations.unwrap_or(self.kv_operations).min(ceiling.kv_operations),
            kv_traffic: self.kv_traffic.min(ceiling.kv_traffic),
            progress_messages: self.progress_messages.min(ceiling.progress_messages),
            progress_bytes: self.progress_bytes.min(ceiling.progress_bytes),
            assets: wish.assets.unwrap_or(self.assets).min(ceiling.assets),
            asset: self.asset.min(ceiling.asset),
            asset_total: self.asset_total.min(ceiling.asset_total),
            egress: self.egress,
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

    #[test]
    fn a_default_above_the_ceiling_counts_for_nothing() {
        let ceiling = CallLimits { handles: 10, output: ByteSize::kib(1), ..CallLimits::default() };
        let limits = CallLimits::default().with_wish(LimitWish::default(), &ceiling);
        assert_eq!((limits.handles, limits.output), (10, ByteSize::kib(1)));
    }
}
