//! `semantest worker-process`: what a supervisor starts, once per process; nothing for people.

use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::app::{App, Mode, Roles, kin, root_key};
use crate::cli::{dev, serve, worker};
use crate::config::Config;
use crate::{shutdown, telemetry};

/// Do jobs under a supervisor, which holds the other ends of stdin and stdout.
#[derive(Debug, Args)]
pub(super) struct WorkerProcessArgs {
    /// The process's number, from 1 on: what its log lines and figures carry.
    #[arg(long)]
    number: u32,
    /// The supervisor; this process ends with it.
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// Queues to work on.
    #[arg(long)]
    queues: String,
    /// Threads that run guests.
    #[arg(long)]
    threads: usize,
    /// The folder of the `dev` that is the supervisor, where it is one.
    #[arg(long, value_name = "DIR")]
    dev_data: Option<PathBuf>,
}

/// Runs the process; nothing of the program was started before.
pub(super) fn run(load: impl FnOnce() -> anyhow::Result<Config>, args: &WorkerProcessArgs) -> anyhow::Result<()> {
    kin::end_with(args.parent).context("joining the supervisor")?;
    let (shop, line) = (socket(std::io::stdin().as_fd())?, socket(std::io::stdout().as_fd())?);
    let mut config = load()?;
    if let Some(data) = &args.dev_data {
        config = dev::eased(config, data);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads.max(1)).enable_all().build();
    runtime.context("starting the runtime")?.block_on(work(config, args, shop, line))
}

async fn work(config: Config, args: &WorkerProcessArgs, shop: UnixStream, line: UnixStream) -> anyhow::Result<()> {
    telemetry::start_logging_as(&config.log, Some(args.number))?;
    let numbers = telemetry::start_metrics_as(&args.number.to_string())?;
    let (handle, stop) = shutdown::channel();
    let mode = Mode { is_dev: args.dev_data.is_some(), root: root_key(&config)? };
    let roles = Roles { api: false, lanes: worker::lanes(&args.queues)? };
    serve::listen_for_signals(handle.clone())?;
    let app = App::build_under(config, roles, numbers, mode, Some(shop)).await?;
    app.bind_to_supervisor(line, handle)?.run(stop).await
}

/// One of the two sockets that the supervisor put in the place of our standard streams.
fn socket(stream: std::os::fd::BorrowedFd<'_>) -> anyhow::Result<UnixStream> {
    let own = stream.try_clone_to_owned().context("taking the supervisor's socket")?;
    let socket = UnixStream::from(own);
    socket.peer_addr().context("this command is what `semantest worker` starts; start that")?;
    Ok(socket)
}
