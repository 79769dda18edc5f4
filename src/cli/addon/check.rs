//! `semantest addon check`: the server's own verify steps, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::cli::addon::report;
use crate::cli::say;
use crate::host::inspect::{self, InspectLimits};

/// Run the server's own verify steps on a component, without a server.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The packed component.
    pub file: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// Checks one file; refused components end with exit code 1.
///
/// # Errors
/// When the file cannot be read.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let limits = InspectLimits::default();
    // Nothing larger than the limit needs to be read to be refused.
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&args.file).with_context(|| format!("opening {}", args.file.display()))?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, limits.max_bytes.as_u64().saturating_add(1)), &mut bytes)
        .with_context(|| format!("reading {}", args.file.display()))?;

    let outcome = inspect::examine(&bytes, &limits);
    if args.json {
        say::line(&report::json(&outcome).to_string());
    }
    match outcome {
        Ok(inspection) => {
            if !args.json {
                report::accepted(&inspection, None);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            if !args.json {
                report::refused(&faults);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
