//! What one call used of the things that are counted rather than measured; beyond a limit the call ends.
//!
//! A host function that answers the contract's `error` cannot end a guest by itself. So the tally remembers what was
//! gone beyond, and the translation of that error (`iface/types.rs`), which every such answer passes, ends the call.

use crate::model::limit::{Excess, Limit};
use crate::model::limits::CallLimits;

/// The counters of one call.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kv_operations: u64,
    kv_traffic: u64,
    random: u64,
    progress_messages: u64,
    progress_bytes: u64,
    assets: u64,
    asset_bytes: u64,
    excess: Option<Excess>,
}

impl Tally {
    /// The limit that the call went beyond.
    pub(super) const fn excess(&self) -> Option<Excess> {
        self.excess
    }

    /// Key-value operations so far.
    pub(super) const fn kv_operations(&self) -> u64 {
        self.kv_operations
    }

    /// Bytes of keys and values so far, both ways.
    pub(super) const fn kv_bytes(&self) -> u64 {
        self.kv_traffic
    }

    /// Counts one key-value operation that carries `bytes` into the store.
    pub(super) fn kv(&mut self, limits: &CallLimits, bytes: usize) -> Result<(), Excess> {
        let counted = count(&mut self.kv_operations, 1, Limit::KvOperations, limits.kv_operations);
        self.keep(counted)?;
        self.kv_answer(limits, bytes)
    }

    /// Counts what a key-value operation brings back.
    pub(super) fn kv_answer(&mut self, limits: &CallLimits, bytes: usize) -> Result<(), Excess> {
        let allowed = limits.kv_traffic.as_u64();
        let counted = count(&mut self.kv_traffic, as_number(bytes), Limit::KvTrafficBytes, allowed);
        self.keep(counted)
    }

    /// Counts a request for random bytes.
    pub(super) fn random(&mut self, limits: &CallLimits, bytes: u64) -> Result<(), Excess> {
        let allowed = limits.random.as_u64();
        if bytes > allowed {
            return self.keep(Err(Excess { limit: Limit::RandomBytes, reached: bytes, allowed }));
        }
        let counted = count(&mut self.random, bytes, Limit::RandomTotalBytes, limits.random_total.as_u64());
        self.keep(counted)
    }

    /// Counts a progress report, a piece of partial output or a checkpoint.
    pub(super) fn progress(&mut self, limits: &CallLimits, bytes: usize) -> Result<(), Excess> {
        let allowed = limits.progress_messages;
        let counted = count(&mut self.progress_messages, 1, Limit::ProgressMessages, allowed);
        self.keep(counted)?;
        let allowed = limits.progress_bytes.as_u64();
        let counted = count(&mut self.progress_bytes, as_number(bytes), Limit::ProgressBytes, allowed);
        self.keep(counted)
    }

    /// Counts an asset that is opened or made.
    pub(super) fn asset(&mut self, limits: &CallLimits, bytes: u64) -> Result<(), Excess> {
        let counted = count(&mut self.assets, 1, Limit::Assets, limits.assets);
        self.keep(counted)?;
        let counted = count(&mut self.asset_bytes, bytes, Limit::AssetTotalBytes, limits.asset_total.as_u64());
        self.keep(counted)
    }

    fn keep(&mut self, counted: Result<(), Excess>) -> Result<(), Excess> {
        if let Err(excess) = counted {
            self.excess = Some(excess);
        }
        counted
    }
}

/// Adds, and says so where that is too much.
fn count(total: &mut u64, more: u64, limit: Limit, allowed: u64) -> Result<(), Excess> {
    *total = total.saturating_add(more);
    if *total > allowed { Err(Excess { limit, reached: *total, allowed }) } else { Ok(()) }
}

fn as_number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::ByteSize;

    #[test]
    fn the_last_one_that_fits_is_counted_and_the_next_one_is_told_with_its_numbers() {
        let limits = CallLimits { kv_operations: 2, kv_traffic: ByteSize::bytes(100), ..CallLimits::default() };
        let mut tally = Tally::default();
        assert_eq!((tally.kv(&limits, 50), tally.kv(&limits, 50)), (Ok(()), Ok(())));
        let excess = Excess { limit: Limit::KvOperations, reached: 3, allowed: 2 };
        assert_eq!(tally.kv(&limits, 0), Err(excess));
        assert_eq!(tally.excess(), Some(excess));
    }

    #[test]
    fn one_request_and_all_requests_for_random_bytes_have_limits_of_their_own() {
        let limits = CallLimits::default();
        let mut tally = Tally::default();
        let one = limits.random.as_u64();
        assert_eq!(tally.random(&limits, one + 1).map_err(|excess| excess.limit), Err(Limit::RandomBytes));
        let drawn = (0..1000).find_map(|_| tally.random(&limits, one).err());
        assert_eq!(drawn.map(|excess| excess.limit), Some(Limit::RandomTotalBytes));
    }
}
