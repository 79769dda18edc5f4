//! `semantest config`: look at settings.

use clap::{Args, Subcommand};

use crate::cli::say;
use crate::config::Config;

/// Look at settings.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read the settings as a server would and say whether they fit.
    Check,
}

pub(super) fn run(config: &Config, args: &ConfigArgs) -> anyhow::Result<()> {
    match args.command {
        // Loading refuses what does not fit, so getting here is the answer.
        ConfigCommand::Check => {
            say::line(&format!(
                "the settings fit; API on {}, operators on {}",
                config.server.listen, config.server.ops_listen
            ));
            Ok(())
        }
    }
}
