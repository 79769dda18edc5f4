//! Says no to memory and tables beyond what a call may have.
//!
//! wasmtime's own limiter counts each memory alone, so a component with many
//! memories gets many times its share. This one adds all of them up, and remembers
//! what it refused: a guest usually answers a refused `memory.grow` with a trap,
//! and the true reason must not be lost.

use wasmtime::ResourceLimiter;

use crate::model::limits::CallLimits;

/// What a guest wanted too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Bytes of linear memory.
    Memory,
    /// Elements of tables.
    Tables,
}

/// A wish that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it was about.
    pub resource: Resource,
    /// The total it would have come to.
    pub wanted: u64,
    /// The total that is allowed.
    pub allowed: u64,
}

/// A running total against its limit.
#[derive(Debug)]
struct Total {
    used: u64,
    allowed: u64,
    /// What the last admitted wish added, to take it back should the growth itself fail.
    added: u64,
}

impl Total {
    const fn of(allowed: u64) -> Self {
        Self { used: 0, allowed, added: 0 }
    }

    /// Takes `desired - current` more, or answers the total that was refused.
    fn grow(&mut self, current: usize, desired: usize) -> Result<(), u64> {
        let added = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let wanted = self.used.saturating_add(added);
        if wanted > self.allowed {
            return Err(wanted);
        }
        self.used = wanted;
        self.added = added;
        Ok(())
    }

    fn take_back(&mut self) {
        self.used = self.used.saturating_sub(self.added);
        self.added = 0;
    }
}

/// The limiter of one call.
#[derive(Debug)]
pub(super) struct Limiter {
    memory: Total,
    tables: Total,
    peak_memory: u64,
    max_instances: usize,
    max_memories: usize,
    max_tables: usize,
    refusal: Option<Refusal>,
}

impl Limiter {
    pub(super) const fn new(limits: &CallLimits) -> Self {
        Self {
            memory: Total::of(limits.memory.as_u64()),
            tables: Total::of(limits.table_elements),
            peak_memory: 0,
            max_instances: limits.instances,
            max_memories: limits.memories,
            max_tables: limits.tables,
            refusal: None,
        }
    }

    /// The last wish that was refused.
    pub(super) const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// Most bytes of linear memory that the call had at once.
    pub(super) const fn peak_memory(&self) -> u64 {
        self.peak_memory
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.memory.grow(current, desired) {
            Ok(()) => {
                self.peak_memory = self.peak_memory.max(self.memory.used);
                Ok(true)
            }
            Err(wanted) => {
                self.refusal = Some(Refusal { resource: Resource::Memory, wanted, allowed: self.memory.allowed });
                Ok(false)
            }
        }
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.take_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.tables.grow(current, desired) {
            Ok(()) => Ok(true),
            Err(wanted) => {
                self.refusal = Some(Refusal { resource: Resource::Tables, wanted, allowed: self.tables.allowed });
                Ok(false)
            }
        }
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.tables.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.max_instances
    }

    fn memories(&self) -> usize {
        self.max_memories
    }

    fn tables(&self) -> usize {
        self.max_tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::ByteSize;

    #[test]
    fn many_small_memories_count_like_a_large_one() -> wasmtime::Result<()> {
        let limits = CallLimits { memory: ByteSize::bytes(100), ..CallLimits::default() };
        let mut limiter = Limiter::new(&limits);
        assert!(limiter.memory_growing(0, 60, None)?);
        assert!(!limiter.memory_growing(0, 60, None)?);
        assert_eq!(limiter.refusal(), Some(Refusal { resource: Resource::Memory, wanted: 120, allowed: 100 }));
        assert!(limiter.memory_growing(60, 100, None)?);
        assert_eq!(limiter.peak_memory(), 100);
        Ok(())
    }
}
