//! `semantest dev`: everything at once, ready to try in one line.

mod addons;
mod keyring;
mod ready;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::app::supervise::{Launch, Supervisor};
use crate::app::{App, Bound, Mode, Roles, public_url};
use crate::cli::dev_redis::{DevRedis, DevRedisOptions, Durability};
use crate::cli::{say, serve, worker};
use crate::config::Config;
use crate::config::addons::{ApprovalMode, ConsentMode};
use crate::config::log::LogFormat;
use crate::config::sandbox::WallPolicy;
use crate::config::signatures::SignatureMode;
use crate::model::units::ByteSize;
use crate::queue::Lane;
use crate::{shutdown, telemetry};

use keyring::Keyring;

/// Everything at once, with a private Redis: for trying out and for writing addons.
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
    /// Worker processes beside the one that answers: 0 for one per processor, 1 for everything in one process.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1024))]
    processes: Option<u16>,
    /// Print one line of JSON when ready, and nothing else on stdout.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: Config, file: Option<PathBuf>, args: DevArgs) -> anyhow::Result<()> {
    let has_redis = ["SEMANTEST_REDIS_URL", "REDIS_URL"].iter().any(|name| std::env::var_os(name).is_some());
    let mut config = eased(config, &args.data);
    config.server.listen = args.listen;
    config.server.ops_listen = SocketAddr::from(([127, 0, 0, 1], 0));
    telemetry::start_logging(&config.log)?;
    let count = worker::count(&config, args.processes);
    let numbers = if count == 1 { telemetry::start_metrics()? } else { telemetry::start_metrics_as("api")? };
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
    let roles = if count == 1 { Roles::all() } else { Roles { api: true, lanes: Vec::new() } };
    let app = App::build(config.clone(), roles, numbers, mode).await?;
    keyring.ensure_keys(app.store()).await.context("making keys")?;
    let services = std::sync::Arc::clone(app.services());
    let mut bound = app.bind().await?;
    let workers = match count {
        1 => None,
        count => Some(workers(&config, file.as_deref(), &args, &keyring, &bound, count)?),
    };
    let standing = workers.as_ref().map(Supervisor::standing);
    if let Some(standing) = standing.clone() {
        bound = bound.with_workers(standing);
    }
    let ready = ready::Ready::new(&bound, &keyring, &redis).await?;
    let announce = async {
        if let Some(standing) = standing {
            standing.have_begun(&stop).await;
        }
        addons::publish_all(&services, &args.addons).await;
        say::line(&if args.json { ready.as_json()? } else { ready.as_text() });
        anyhow::Ok(())
    };
    // The workers run while the in-tree addons are published: their jobs need somebody to do them.
    let working = async {
        match workers {
            Some(workers) => Ok(workers.run(stop.clone()).await?),
            None => Ok(()),
        }
    };
    tokio::try_join!(bound.run(stop.clone()), working, announce)?;
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

/// The worker processes: the same settings over this folder, this Redis and these keys.
fn workers(
    config: &Config,
    file: Option<&Path>,
    args: &DevArgs,
    keyring: &Keyring,
    bound: &Bound,
    count: usize,
) -> anyhow::Result<Supervisor> {
    let queues: Vec<&str> = Lane::ALL.iter().map(|lane| lane.name()).collect();
    let mut arguments = worker::arguments(file, &queues.join(","), count);
    arguments.extend(["--dev-data".into(), args.data.clone().into()]);
    let address = bound.api_address.context("dev always has an API listener")?;
    let variables = [
        ("SEMANTEST_REDIS_URL", config.redis.url.clone()),
        ("SEMANTEST_MASTER_KEY", keyring.root().reveal()),
        ("SEMANTEST_PUBLIC_URL", public_url(config, address)),
    ];
    // The long names of the same settings would win over these.
    let long = ["SEMANTEST_REDIS__URL", "SEMANTEST_SECRETS__MASTER_KEY", "SEMANTEST_SERVER__PUBLIC_URL"];
    let hidden = long.iter().flat_map(|name| [(*name).to_owned(), format!("{name}_FILE")]).collect();
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Supervisor::new(config, keyring.root(), count, Launch { arguments, variables, hidden })
}

/// What `dev` makes easier than production, in each of its processes.
pub(super) fn eased(config: Config, data: &Path) -> Config {
    let mut config = config;
    config.server.key_environment = String::from("dev");
    config.storage.data_dir = data.to_owned();
    config.addons.consent = ConsentMode::Implied;
    config.addons.approval = ApprovalMode::Auto;
    config.addons.signatures = SignatureMode::Warn;
    config.addons.component_limit = ByteSize::mib(48);
    config.sandbox.compiler.network_wall = WallPolicy::Preferred;
    if std::env::var_os("SEMANTEST_LOG_FORMAT").is_none() {
        config.log.format = LogFormat::Pretty;
    }
    config
}
