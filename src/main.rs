//! The program: parse, run, exit code.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A job and a request are many small and short-lived pieces of memory, made by one thread and given back by another;
/// the system's own allocator spent a fifth of the process on them (`docs/PERFORMANCE.md`).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    semantest::cli::main()
}
