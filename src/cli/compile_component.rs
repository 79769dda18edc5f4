//! `semantest compile-component`: what a worker starts to compile one component; nothing for people.

use std::process::ExitCode;

use clap::Args;

use crate::host::compiler::{Orders, Wall, child};
use crate::model::units::ByteSize;

/// Compile the component on stdin, shut in: a line of JSON and the code go to stdout.
#[derive(Debug, Args)]
pub(super) struct CompileComponentArgs {
    /// The process that asks; this one ends with it.
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// Most address space.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// Most processor time of all threads together.
    #[arg(long, value_name = "SECONDS")]
    cpu_secs: u64,
    /// A wall against the network to try: `seccomp` or `namespace`; the first that stands counts.
    #[arg(long, value_name = "NAME", value_parser = wall)]
    wall: Vec<Wall>,
    /// Compile nothing where no wall stands.
    #[arg(long)]
    wall_required: bool,
}

/// Compiles one component, before anything else of the program was started.
pub(super) fn run(args: CompileComponentArgs) -> ExitCode {
    child::run(&Orders {
        parent: args.parent,
        memory: ByteSize::bytes(args.memory_bytes),
        cpu_secs: args.cpu_secs,
        walls: args.wall,
        is_wall_required: args.wall_required,
    })
}

fn wall(text: &str) -> Result<Wall, String> {
    Wall::parse(text).ok_or_else(|| format!("there is no wall `{text}`"))
}
