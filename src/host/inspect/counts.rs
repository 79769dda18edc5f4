//! How much is in a component, and how much may be: counted before anything is validated.

use std::time::Duration;

use serde::Serialize;
use wasmparser::{Parser, Payload};

use crate::host::inspect::InspectError;
use crate::host::inspect::invalid;
use crate::model::units::ByteSize;

/// Which toolchain's size is expected: an operator who wants no JavaScript needs no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeProfile {
    /// Rust, C and the like: 50–500 KB, 4 MiB allowed.
    Small,
    /// JavaScript with its engine inside: about 12 MB, 16 MiB allowed.
    JavaScript,
    /// Python with its interpreter inside: about 18 MB stripped, 35 MB not, 48 MiB allowed.
    Python,
}

impl SizeProfile {
    /// Most bytes of a component.
    #[must_use]
    pub const fn max_bytes(self) -> ByteSize {
        match self {
            Self::Small => ByteSize::mib(4),
            Self::JavaScript => ByteSize::mib(16),
            Self::Python => ByteSize::mib(48),
        }
    }
}

/// How much may be in a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectLimits {
    /// Bytes of the file.
    pub max_bytes: ByteSize,
    /// Functions of all core modules together: a JavaScript engine has about 30 000.
    pub max_functions: u64,
    /// Core modules: a Python component has about 20, one for each native library.
    pub max_core_modules: u64,
    /// Components inside the component.
    pub max_components: u64,
    /// Instances of core modules and components, adapters included.
    pub max_instances: u64,
    /// Memories defined in it.
    pub max_memories: u64,
    /// Tables defined in it.
    pub max_tables: u64,
    /// Imports and exports of the component.
    pub max_names: u64,
    /// Schedules of the manifest.
    pub max_schedules: u64,
    /// Shortest time between two occurrences of a schedule.
    pub schedule_interval: Duration,
}

impl InspectLimits {
    /// The limits with room for one toolchain's output.
    #[must_use]
    pub const fn of(profile: SizeProfile) -> Self {
        Self {
            max_bytes: profile.max_bytes(),
            max_functions: 200_000,
            max_core_modules: 64,
            max_components: 64,
            max_instances: 1000,
            max_memories: 16,
            max_tables: 64,
            max_names: 512,
            max_schedules: 16,
            schedule_interval: Duration::from_secs(60),
        }
    }

    /// The default limits with a size of the operator's.
    #[must_use]
    pub fn for_size(max_bytes: ByteSize) -> Self {
        Self { max_bytes, ..Self::default() }
    }
}

impl Default for InspectLimits {
    /// Room for every toolchain that the authors' guide names.
    fn default() -> Self {
        Self::of(SizeProfile::Python)
    }
}

/// How much is in a component, components inside it included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Functions with a body.
    pub functions: u64,
    /// Core modules.
    pub core_modules: u64,
    /// Components inside the component.
    pub components: u64,
    /// Instances of core modules and components.
    pub instances: u64,
    /// Memories.
    pub memories: u64,
    /// Tables.
    pub tables: u64,
    /// Imports and exports of components.
    pub names: u64,
}

impl Counts {
    /// Counts without validating; memory and time grow with the file's size only.
    pub(super) fn of(bytes: &[u8], limits: &InspectLimits) -> Result<Self, InspectError> {
        let mut counts = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            counts.add(&payload.map_err(invalid)?);
            counts.check(limits)?;
        }
        Ok(counts)
    }

    fn add(&mut self, payload: &Payload<'_>) {
        let (place, count) = match payload {
            Payload::CodeSectionStart { count, .. } => (&mut self.functions, *count),
            Payload::ModuleSection { .. } => (&mut self.core_modules, 1),
            Payload::ComponentSection { .. } => (&mut self.components, 1),
            Payload::InstanceSection(section) => (&mut self.instances, section.count()),
            Payload::ComponentInstanceSection(section) => (&mut self.instances, section.count()),
            Payload::MemorySection(section) => (&mut self.memories, section.count()),
            Payload::TableSection(section) => (&mut self.tables, section.count()),
            Payload::ComponentImportSection(section) => (&mut self.names, section.count()),
            Payload::ComponentExportSection(section) => (&mut self.names, section.count()),
            _ => return,
        };
        *place = place.saturating_add(u64::from(count));
    }

    fn check(&self, limits: &InspectLimits) -> Result<(), InspectError> {
        for (what, found, limit) in [
            ("functions", self.functions, limits.max_functions),
            ("core modules", self.core_modules, limits.max_core_modules),
            ("components inside", self.components, limits.max_components),
            ("instances", self.instances, limits.max_instances),
            ("memories", self.memories, limits.max_memories),
            ("tables", self.tables, limits.max_tables),
            ("imports and exports", self.names, limits.max_names),
        ] {
            if found > limit {
                return Err(InspectError::TooLarge { what, found, limit });
            }
        }
        Ok(())
    }
}
