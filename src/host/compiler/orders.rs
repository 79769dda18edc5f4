//! What the parent tells the child on its command line: its limits, and how it must be shut in.

use std::ffi::OsString;

use crate::host::compiler::wall::Wall;
use crate::model::units::ByteSize;

/// The subcommand that the child runs as.
pub(super) const SUBCOMMAND: &str = "compile-component";

/// Under which conditions a child compiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The process that asks: the child does not outlive it.
    pub parent: u32,
    /// Most address space.
    pub memory: ByteSize,
    /// Most processor time of all threads together, in whole seconds.
    pub cpu_secs: u64,
    /// The walls against the network to try, in this order.
    pub walls: Vec<Wall>,
    /// Whether to refuse where none of them stands.
    pub is_wall_required: bool,
}

impl Orders {
    /// The child's arguments; `src/cli/compile_component.rs` reads them.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let mut arguments = vec![OsString::from(SUBCOMMAND)];
        let numbers = [
            ("--parent", u64::from(self.parent)),
            ("--memory-bytes", self.memory.as_u64()),
            ("--cpu-secs", self.cpu_secs),
        ];
        arguments.extend(numbers.iter().flat_map(|(name, number)| [(*name).into(), number.to_string().into()]));
        arguments.extend(self.walls.iter().flat_map(|wall| ["--wall".into(), wall.as_str().into()]));
        if self.is_wall_required {
            arguments.push("--wall-required".into());
        }
        arguments
    }
}
