//! `semantest keys`: make, list, rotate and revoke API keys; the first key of an installation comes from here.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{TimeDelta, Utc};
use clap::{Args, Subcommand};

use crate::cli::say;
use crate::config::Config;
use crate::model::id::ClientId;
use crate::store::Store;
use crate::store::keys::{KeyScope, Keys, NewKey, Rotated};

/// Make, list, rotate and revoke API keys.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key and print it; it is never shown again.
    Create {
        /// The client that the key belongs to; made when it is new.
        #[arg(long, value_name = "NAME")]
        client: String,
        /// `client`, `publisher` or `admin`; may be given several times.
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// Namespace that a publisher owns (`acme`), or `*`; may be given several times.
        #[arg(long, value_name = "NAMESPACE")]
        namespace: Vec<String>,
        /// Days until the key stops working; never when left out.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// List keys, without their secrets.
    List,
    /// Make a key in the place of another one and print it; the old one goes on working for a while.
    Rotate {
        /// The old key's id: the third part of `sk_<env>_<id>_…`.
        id: String,
        /// Hours that the old key goes on working.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=720))]
        overlap_hours: u32,
    },
    /// Stop a key.
    Revoke {
        /// The key's id: the third part of `sk_<env>_<id>_…`.
        id: String,
    },
}

pub(super) async fn run(config: Config, args: KeysArgs) -> anyhow::Result<()> {
    let store = Store::connect(&config.redis)
        .await
        .with_context(|| format!("connecting to {} (SEMANTEST_REDIS_URL)", config.redis.place()))?;
    let keys = Keys::new(store);
    match args.command {
        KeysCommand::Create { client, scope, namespace, expires_in_days } => {
            let client = ClientId::parse(&client)?;
            let scopes = scopes(&scope)?;
            if scopes.contains(&KeyScope::Publisher) && namespace.is_empty() {
                bail!("a publisher needs a namespace to publish in: --namespace acme for `acme.*`, or --namespace '*'");
            }
            let new = NewKey {
                expires_at: expires_in_days.map(|days| Utc::now() + TimeDelta::days(i64::from(days))),
                namespaces: namespace,
                ..NewKey::of(client, scopes)
            };
            let (text, _) = keys.issue(&new, &config.server.key_environment).await.context("writing the key")?;
            say::line(&text);
        }
        KeysCommand::List => {
            for client in keys.clients().await.context("reading the clients")? {
                for key in keys.list(&client).await.context("reading the keys")? {
                    say::line(&serde_json::to_string(&key)?);
                }
            }
        }
        KeysCommand::Rotate { id, overlap_hours } => {
            let overlap = Duration::from_secs(u64::from(overlap_hours) * 60 * 60);
            match keys.rotate(&id, overlap).await.context("writing the key")? {
                Rotated::Done(rotation) => say::line(&rotation.text),
                Rotated::Missing => bail!("there is no key with the id `{id}`; `semantest keys list` shows them"),
                Rotated::Over => bail!("the key `{id}` does not work any more; make one with `semantest keys create`"),
                Rotated::Before(next) => {
                    bail!("the key `{id}` was rotated before: rotate the one in its place, `{next}`")
                }
            }
        }
        KeysCommand::Revoke { id } => {
            if !keys.revoke(&id).await.context("revoking the key")? {
                bail!("there is no key with the id `{id}`; `semantest keys list` shows them");
            }
        }
    }
    Ok(())
}

fn scopes(names: &[String]) -> anyhow::Result<Vec<KeyScope>> {
    names
        .iter()
        .map(|name| {
            KeyScope::parse(name)
                .with_context(|| format!("`{name}` is no scope; there are client, publisher and admin"))
        })
        .collect()
}
