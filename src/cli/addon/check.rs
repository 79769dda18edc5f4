//! `semantest addon check`: the server's own verify steps, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;

use crate::cli::addon::report;
use crate::cli::say;
use crate::config::sandbox::{CompilerSettings, WallPolicy};
use crate::host::compiler;
use crate::host::inspect::{self, InspectLimits};
use crate::host::{CompileError, Effort};

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
    let compiled = if outcome.is_ok() { Some(compiled(bytes.into())?) } else { None };
    let is_taken = matches!(compiled, Some(Ok(_)));
    if args.json {
        say::line(&report::json(&outcome, compiled.as_ref()).to_string());
    } else {
        match &outcome {
            Ok(inspection) if is_taken => report::accepted(inspection, None),
            Ok(_) => {}
            Err(faults) => report::refused(faults),
        }
        if let Some(compiled) = &compiled {
            report::compiled(compiled);
        }
    }
    Ok(if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Compiles the component in a process of its own, under a server's default limits.
fn compiled(component: Bytes) -> anyhow::Result<Result<Effort, CompileError>> {
    // Nobody else's component: where no wall against the network is to be had, an author may still look.
    let settings = CompilerSettings { network_wall: WallPolicy::Preferred, ..CompilerSettings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    Ok(runtime.block_on(compiler::try_out(&settings, component)))
}
