//! The command line: one executable, one subcommand a role or a tool.

pub mod addon;
mod bench;
mod compile_component;
mod config;
mod dev;
pub mod dev_redis;
mod keys;
mod openapi;
mod say;
mod secrets;
mod serve;
mod worker;
mod worker_process;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment};
use crate::model::causes;

/// A host for addons that strangers ship as WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "semantest", version, about)]
struct Cli {
    /// Settings file; `config.default.toml` shows every setting.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything at once, with a private Redis: for trying out and for writing addons.
    Dev(dev::DevArgs),
    /// Answer REST requests.
    Api,
    /// Do jobs.
    Worker(worker::WorkerArgs),
    /// Make, list and revoke API keys.
    Keys(keys::KeysArgs),
    /// Look after the keys that addons' secrets are encrypted with.
    Secrets(secrets::SecretsArgs),
    /// Look at settings.
    Config(config::ConfigArgs),
    /// Build, pack, check, sign and publish addons.
    Addon(addon::AddonArgs),
    /// Print the OpenAPI description.
    Openapi,
    /// Measure this machine: jobs, guest calls, requests.
    Bench(bench::BenchArgs),
    /// Compile the component on stdin; a worker starts this itself.
    #[command(hide = true)]
    CompileComponent(compile_component::CompileComponentArgs),
    /// Call a guest for as long as stdin says; `bench` starts this itself.
    #[command(hide = true)]
    BenchCalls,
    /// Do jobs under a supervisor; `worker` and `dev` start this themselves.
    #[command(hide = true)]
    WorkerProcess(worker_process::WorkerProcessArgs),
}

/// Parses the command line, does what it says, and answers with the process's exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            say::error(&causes::in_one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let load = || Config::load(cli.config.as_deref(), &Environment::of_process());
    match cli.command {
        Command::Dev(args) => serve::block_on(dev::run(load()?, cli.config.clone(), args))?,
        Command::Api => serve::block_on(serve::api(load()?))?,
        Command::Worker(args) => serve::block_on(worker::run(load()?, cli.config.clone(), args))?,
        Command::Keys(args) => serve::block_on(keys::run(load()?, args))?,
        Command::Secrets(args) => serve::block_on(secrets::run(load()?, args))?,
        Command::Config(args) => config::run(&load()?, &args)?,
        Command::Addon(args) => return addon::run(args, load),
        Command::Openapi => openapi::run()?,
        Command::Bench(args) => serve::block_on(bench::run(load()?, args))?,
        Command::BenchCalls => bench::processes::run_calls()?,
        Command::WorkerProcess(args) => worker_process::run(|| Ok(load()?), &args)?,
        Command::CompileComponent(args) => return Ok(compile_component::run(args)),
    }
    Ok(ExitCode::SUCCESS)
}
