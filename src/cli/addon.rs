//! `semantest addon …`: what authors do to a component before they publish it.

pub mod build;
pub mod check;
mod componentize;
mod contract_files;
pub mod keygen;
pub mod manifest_file;
pub mod pack;
pub mod publish;
mod report;
pub mod sign;
pub mod world;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::serve;
use crate::config::{Config, ConfigError};

/// Build, pack, check and sign addons, offline; publish them.
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
    /// Write the world that toolchains of other languages than Rust build the addon against.
    World(world::WorldArgs),
    /// Publish a component: straight to a server, or through an OCI registry.
    Publish(publish::PublishArgs),
}

/// Does it. A refused component is a failure with its reasons printed, not an error.
///
/// # Errors
/// What cannot be read, compiled, written or asked for.
pub fn run(args: AddonArgs, settings: impl FnOnce() -> Result<Config, ConfigError>) -> anyhow::Result<ExitCode> {
    match args.verb {
        AddonVerb::Build(args) => build::run(&args),
        AddonVerb::Pack(args) => pack::run(&args),
        AddonVerb::Check(args) => check::run(&args),
        AddonVerb::Keygen(args) => keygen::run(&args),
        AddonVerb::Sign(args) => sign::run(&args),
        AddonVerb::World(args) => world::run(&args),
        AddonVerb::Publish(args) => serve::block_on(publish::run(args, settings()?)),
    }
}
