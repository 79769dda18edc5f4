//! A role in this process alone, its signals and its runtime.

use std::future::Future;

use anyhow::Context as _;

use crate::app::{App, Mode, Roles, root_key};
use crate::config::Config;
use crate::shutdown::{self, StopHandle};
use crate::telemetry;

pub(super) async fn api(config: Config) -> anyhow::Result<()> {
    serve(config, Roles { api: true, lanes: Vec::new() }).await
}

pub(super) async fn serve(config: Config, roles: Roles) -> anyhow::Result<()> {
    telemetry::start_logging(&config.log)?;
    let numbers = telemetry::start_metrics()?;
    let (handle, stop) = shutdown::channel();
    let root = root_key(&config)?;
    let app = App::build(config, roles, numbers, Mode { is_dev: false, root }).await?;
    listen_for_signals(handle)?;
    app.bind().await?.run(stop).await
}

/// First signal: stop gently. Second signal: exit at once.
pub(super) fn listen_for_signals(handle: StopHandle) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    crate::app::spawn_for_process(async move {
        for signals_so_far in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if signals_so_far == 0 {
                tracing::info!("Stopping; a second signal exits at once");
                handle.fire();
            }
        }
        std::process::exit(130);
    });
    Ok(())
}

/// Runs a role or a command on the async runtime until it ends.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?.block_on(work)
}
