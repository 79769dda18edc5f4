//! `semantest addon publish`: from a packed component to a version of a server's registry.
//!
//! Without `--oci` the bytes go to the server. With it they go to an OCI
//! registry, in the layout of `wkg`, and the server is told to take them from
//! there, by the manifest's digest.

mod server;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::Args;
use url::Url;

use crate::cli::addon::publish::server::{Ended, Server};
use crate::cli::say;
use crate::clock;
use crate::config::Config;
use crate::config::registries::RegistrySettings;
use crate::net::oci::{Pushed, Reference, Registries};
use crate::net::{Client, ClientLimits, Policy, Purpose};

/// Publish a component: straight to a server, or through an OCI registry.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The packed component. May be left out with --oci: the server then takes what is there already.
    pub file: Option<PathBuf>,
    /// Push to this place of an OCI registry, such as ghcr.io/acme/greeter:1.0.0, and publish from there.
    #[arg(long, value_name = "REF")]
    pub oci: Option<String>,
    /// Push to the registry and tell no server.
    #[arg(long, requires = "oci", requires = "file")]
    pub push_only: bool,
    /// The server.
    #[arg(long, value_name = "URL", env = "SEMANTEST_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: Url,
    /// A publisher's key.
    #[arg(long, value_name = "KEY", env = "SEMANTEST_KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// The signature that `semantest addon sign` wrote.
    #[arg(long, value_name = "FILE", requires = "file")]
    pub signature: Option<PathBuf>,
    /// Sign in to the registry as this user; `addons.registries` of --config has logins too.
    #[arg(long, value_name = "USER", requires = "oci")]
    pub username: Option<String>,
    /// A file with the user's password or token.
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Print the job as one JSON object instead of its steps.
    #[arg(long)]
    pub json: bool,
}

/// Publishes; a refused component ends with exit code 1.
///
/// # Errors
/// What cannot be read, pushed or asked for.
pub async fn run(args: PublishArgs, config: Config) -> anyhow::Result<ExitCode> {
    let component = args.file.as_deref().map(read).transpose()?;
    let signature = args.signature.as_deref().map(read).transpose()?;
    let Some(place) = args.oci.as_deref() else {
        let Some(component) = component else {
            bail!("name a FILE to upload, or with --oci a place in a registry to publish from");
        };
        let server = server(&args, &config)?;
        return report(&args, &server.upload(component, signature).await?);
    };
    let reference = Reference::parse(place).map_err(|error| anyhow::anyhow!("--oci {place} {error}"))?;
    let Some(component) = component else {
        let server = server(&args, &config)?;
        return report(&args, &server.publish_from(&reference.to_string(), None).await?);
    };
    let pushed = push(&args, &config, &reference, component, signature).await?;
    let pinned = reference.pinned(&pushed.manifest);
    if !args.json {
        say::line(&format!("pushed {pinned}"));
        say::line(&format!("  component  {}", pushed.component));
    }
    if args.push_only {
        if args.json {
            let answer =
                serde_json::json!({ "reference": pinned, "manifest": pushed.manifest, "digest": pushed.component });
            say::line(&answer.to_string());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let server = server(&args, &config)?;
    report(&args, &server.publish_from(&pinned, Some(&pushed.component)).await?)
}

async fn push(
    args: &PublishArgs,
    config: &Config,
    reference: &Reference,
    component: Bytes,
    signature: Option<Bytes>,
) -> anyhow::Result<Pushed> {
    let mut logins = config.addons.registries.clone();
    if let Some(username) = &args.username {
        let plain_http = logins.get(reference.registry()).is_some_and(|registry| registry.plain_http);
        let login = RegistrySettings {
            username: Some(username.clone()),
            password_file: args.password_file.clone(),
            plain_http,
            ..RegistrySettings::default()
        };
        logins.insert(reference.registry().to_owned(), login);
    }
    let mut policy = Policy::new(&config.egress, Purpose::Sources, true);
    for scheme in ["https", "http"] {
        // Whoever types the name of a registry wants to reach it, wherever it is.
        policy = policy.granting(&Url::parse(&format!("{scheme}://{}/", reference.address()))?);
    }
    let client = Client::new(policy, ClientLimits::default())?;
    let registries = Registries::new(client, &logins, true)?;
    let pushed = registries.push(reference.clone()).component(component, signature, clock::now()).await;
    pushed.map_err(|error| anyhow::anyhow!("{}", error.detail())).with_context(|| format!("pushing to {reference}"))
}

fn server(args: &PublishArgs, config: &Config) -> anyhow::Result<Server> {
    let Some(key) = args.key.clone().filter(|key| !key.is_empty()) else {
        bail!(
            "name a publisher's key with --key or SEMANTEST_KEY; `semantest keys create --scope publisher` makes one"
        );
    };
    let policy = Policy::new(&config.egress, Purpose::Sources, true).granting(&args.server);
    Ok(Server::new(Client::new(policy, ClientLimits::default())?, args.server.clone(), key))
}

fn report(args: &PublishArgs, ended: &Ended) -> anyhow::Result<ExitCode> {
    if args.json {
        say::line(&ended.as_json().to_string());
    } else {
        ended.print();
    }
    Ok(if ended.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> anyhow::Result<Bytes> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(bytes.into())
}
