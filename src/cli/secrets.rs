//! `semantest secrets`: which keys stored secrets need, and what to do without one of them.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::root_key;
use crate::cli::say;
use crate::config::Config;
use crate::config::value_keys::{ValueKeyId, ValueKeys};
use crate::store::Store;
use crate::store::secrets::SecretStore;
use crate::store::secrets::envelope::Envelopes;

/// Look after the keys that addons' secrets are encrypted with.
#[derive(Debug, Args)]
pub(super) struct SecretsArgs {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Show which keys stored secrets need, one a line; a key that no line names can be thrown away.
    Keys,
    /// Throw away every secret that a lost key encrypted.
    Forget {
        /// The key's id, as `keys` shows it.
        key: String,
    },
}

pub(super) async fn run(config: Config, args: SecretsArgs) -> anyhow::Result<()> {
    let keys = ValueKeys::of(&config.secrets, &root_key(&config)?)?;
    let store = Store::connect(&config.redis)
        .await
        .with_context(|| format!("connecting to {} (SEMANTEST_REDIS_URL)", config.redis.place()))?;
    let secrets = SecretStore::new(store, Envelopes::new(keys));
    let in_use = secrets.keys_in_use().await.context("reading which keys are in use")?;
    match args.command {
        SecretsCommand::Keys => {
            for used in in_use {
                let standing = match (used.is_newest, used.is_known) {
                    (true, _) => "encrypts",
                    (false, true) => "decrypts",
                    (false, false) => "missing",
                };
                say::line(&json!({ "key": used.key.as_str(), "use": standing, "scopes": used.scopes }).to_string());
            }
        }
        SecretsCommand::Forget { key } => {
            let id = ValueKeyId::parse(&key).context("a key's id is 16 hexadecimal digits in lower case")?;
            if in_use.iter().any(|used| used.key == id && used.is_known) {
                bail!("this process has the key {id}: nothing is lost, and upkeep moves its secrets to the newest one");
            }
            let gone = secrets.forget_key(&id).await.context("removing the secrets")?;
            say::line(&format!("removed {gone} secrets that were encrypted with {id}"));
        }
    }
    Ok(())
}
