//! `semantest dev`: everything in one process, ready to try in one line.

mod addons;
mod keyring;
mod ready;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::app::{App, Mode, Roles};
use crate::cli::dev_redis::{DevRedis, DevRedisOptions, Durability};
use crate::cli::{say, serve};
use crate::config::Config;
use crate::config::addons::{ApprovalMode, ConsentMode};
use crate::config::log::LogFormat;
use crate::config::sandbox::WallPolicy;
use crate::config::signatures::SignatureMode;
use crate::model::units::ByteSize;
use crate::{shutdown, telemetry};

use keyring::Keyring;

/// Everything in one process, with a private Redis: for trying out and for writing addons.
#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// Where the API listens; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where keys, Redis and pictures are kept.
    #[arg(long, value_name = "DIR", default_value = ".semantest")]
    data: PathBuf,
    /// A Redis of your own instead of a private one.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Addons to publish at the start: every `semantest.*.wasm` in this folder but the test fixtures.
    #[arg(long, value_name = "DIR", default_value = "target/addons")]
    addons: PathBuf,
    /// Print one line of JSON when ready, and nothing else on stdout.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, args: DevArgs) -> anyhow::Result<()> {
    let has_log_format = std::env::var_os("SEMANTEST_LOG_FORMAT").is_some();
    let has_redis = ["SEMANTEST_REDIS_URL", "REDIS_URL"].iter().any(|name| std::env::var_os(name).is_some());
    let mut config = for_dev(config, &args, has_log_format);
    telemetry::start_logging(&config.log)?;
    let numbers = telemetry::start_metrics()?;
    let (handle, stop) = shutdown::channel();
    serve::listen_for_signals(handle)?;

    let mut keyring = Keyring::open(&args.data)?;
    let _only_one = lock_folder(&args.data)?;
    let private = if let Some(url) = &args.redis_url {
        config.redis.url.clone_from(url);
        None
    } else if has_redis {
        None
    } else {
        let options = DevRedisOptions { folder: args.data.join("redis"), durability: Durability::EverySecond };
        // The call waits for the server, so it stays off the threads that answer.
        let redis = tokio::task::spawn_blocking(move || DevRedis::start(&options)).await?;
        let redis = redis.context("starting a private Redis")?;
        config.redis.url = redis.url().to_owned();
        Some(redis)
    };
    let redis = config.redis.clone();
    let mode = Mode { is_dev: true, root: keyring.root().clone() };
    let app = App::build(config, Roles::all(), numbers, mode).await?;
    keyring.ensure_keys(app.store()).await.context("making keys")?;
    let services = std::sync::Arc::clone(app.services());
    let bound = app.bind().await?;
    let ready = ready::Ready::new(&bound, &keyring, &redis).await?;
    let announce = async {
        addons::publish_all(&services, &args.addons).await;
        say::line(&if args.json { ready.as_json()? } else { ready.as_text() });
        anyhow::Ok(())
    };
    // The workers run while the in-tree addons are published: their jobs need somebody to do them.
    tokio::try_join!(bound.run(stop), announce)?;
    drop(private);
    Ok(())
}

/// Keeps a second `dev` off the folder: it would take the first one's Redis for a leftover and stop it.
fn lock_folder(data: &Path) -> anyhow::Result<std::fs::File> {
    let path = data.join("dev.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => anyhow::bail!(
            "another `semantest dev` runs on {}; stop it, or give this one a folder of its own with --data DIR",
            data.display()
        ),
    }
}

/// What `dev` makes easier than production.
fn for_dev(config: Config, args: &DevArgs, has_log_format: bool) -> Config {
    let mut config = config;
    config.server.listen = args.listen;
    config.server.ops_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.server.key_environment = String::from("dev");
    config.storage.data_dir.clone_from(&args.data);
    config.addons.consent = ConsentMode::Implied;
    config.addons.approval = ApprovalMode::Auto;
    config.addons.signatures = SignatureMode::Warn;
    config.addons.component_limit = ByteSize::mib(48);
    config.sandbox.compiler.network_wall = WallPolicy::Preferred;
    if !has_log_format {
        config.log.format = LogFormat::Pretty;
    }
    config
}
