//! The program: parse, run, exit code.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// A job and a request are many small and short-lived pieces of memory, made by one thread and given back by another;
/// the system's own allocator spent a fifth of the process on them (`docs/PERFORMANCE.md`). Not mimalloc: where memory
/// is limited from outside, as in the compiler's child, it breaks down instead of saying that there is none.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    semantest::cli::main()
}
