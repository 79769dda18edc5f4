//! `semantest addon …`: what authors do to a component before they publish it.

pub mod build;
pub mod check;
mod componentize;
pub mod keygen;
pub mod manifest_file;
pub mod pack;
mod report;
pub mod sign;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Build, pack, check and sign addons, offline.
#[derive(Debug, Args)]
pub struct AddonArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: AddonVerb,
}

/// What can be done to an addon.
#[derive(Debug, Subcommand)]
pub enum AddonVerb {
    /// Compile a Rust addon, make a component of it and embed its manifest.
    Build(build::BuildArgs),
    /// Embed a manifest in what any toolchain made.
    Pack(pack::PackArgs),
    /// Run the server's own verify steps on a component, without a server.
    Check(check::CheckArgs),
    /// Make a key to sign addons with.
    Keygen(keygen::KeygenArgs),
    /// Sign a component: writes FILE.sig and prints the value of the header `Semantest-Signature`.
    Sign(sign::SignArgs),
}

/// Does it. A refused component is a failure with its reasons printed, not an error.
///
/// # Errors
/// What cannot be read, compiled or written.
pub fn run(args: AddonArgs) -> anyhow::Result<ExitCode> {
    match args.verb {
        AddonVerb::Build(args) => build::run(&args),
        AddonVerb::Pack(args) => pack::run(&args),
        AddonVerb::Check(args) => check::run(&args),
        AddonVerb::Keygen(args) => keygen::run(&args),
        AddonVerb::Sign(args) => sign::run(&args),
    }
}
