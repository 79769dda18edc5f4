//! `semantest addon keygen`: a key to sign addons with.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rand::RngCore as _;

use crate::cli::say;
use crate::model::signature::SecretKey;

/// Make a key to sign addons with.
#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// Where the private key goes; nothing that is there is overwritten.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Writes the private key, and prints the public one for an admin to register.
///
/// # Errors
/// The file is there already, or cannot be written.
pub fn run(args: &KeygenArgs) -> anyhow::Result<ExitCode> {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let secret = SecretKey::from_bytes(&seed);
    let place = args.output.display();
    let file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&args.output);
    let mut file = file.with_context(|| format!("writing {place}; a file that is there is never overwritten"))?;
    file.write_all(secret.to_pem().as_bytes()).with_context(|| format!("writing {place}"))?;
    let public = secret.public();
    say::line(&format!("private key  {place} (keep it; it is nowhere else)"));
    say::line(&format!("public key   {public}"));
    say::line(&format!("key id       {}", public.id()));
    Ok(ExitCode::SUCCESS)
}
