//! `semantest addon sign`: a publisher's word about one component.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;

use crate::cli::addon::report;
use crate::cli::say;
use crate::clock;
use crate::host::inspect::{self, InspectLimits, Inspection};
use crate::host::section;
use crate::model::digest::Digest;
use crate::model::signature::{SecretKey, SignedStatement, Statement};

/// Sign a component: writes FILE.sig and prints the value of the header `Semantest-Signature`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The packed component.
    pub file: PathBuf,
    /// The private key, as `keygen` wrote it.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

/// Signs one file. A component that no server would take is not signed.
///
/// # Errors
/// What cannot be read or written, and a key that is none.
pub fn run(args: &SignArgs) -> anyhow::Result<ExitCode> {
    let key = std::fs::read_to_string(&args.key).with_context(|| format!("reading {}", args.key.display()))?;
    let secret = SecretKey::from_pem(&key).with_context(|| format!("in {}", args.key.display()))?;
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    let inspection = match inspect::examine(&bytes, &InspectLimits::default()) {
        Ok(inspection) => inspection,
        Err(faults) => {
            report::refused(&faults);
            return Ok(ExitCode::FAILURE);
        }
    };
    let signed = SignedStatement::sign(statement(&inspection, &bytes)?, &secret).to_string();
    let output = beside(&args.file);
    std::fs::write(&output, format!("{signed}\n")).with_context(|| format!("writing {}", output.display()))?;
    say::line(&signed);
    Ok(ExitCode::SUCCESS)
}

fn statement(inspection: &Inspection, bytes: &[u8]) -> anyhow::Result<Statement> {
    let manifest = &inspection.manifest;
    Ok(Statement {
        addon: manifest.id.clone(),
        version: manifest.version.clone(),
        component: inspection.digest,
        manifest: Digest::of(&section::contents(bytes)?),
        publisher: manifest.id.publisher().to_owned(),
        created: clock::now(),
        contract: inspection.contract.clone(),
    })
}

/// `greeter.wasm.sig` for `greeter.wasm`.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}
