//! `semantest config`: look at settings.

use clap::{Args, Subcommand};

use crate::app::root_key;
use crate::cli::say;
use crate::config::Config;
use crate::config::value_keys::ValueKeys;

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
        // Loading refuses what does not fit. The master key is read by a role only: a malformed one must show here too.
        ConfigCommand::Check => {
            let has_key = config.secrets.master_key.is_some();
            if has_key {
                ValueKeys::of(&config.secrets, &root_key(config)?)?;
            }
            let (api, ops) = (config.server.listen, config.server.ops_listen);
            say::line(&format!("the settings fit; API on {api}, operators on {ops}"));
            if !has_key {
                say::line(
                    "SEMANTEST_MASTER_KEY is not set: `dev` makes its own; `api` and `worker` do not start without",
                );
            }
            Ok(())
        }
    }
}
