//! `semantest worker`: does jobs, in this process alone or in several under its supervision.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::app::supervise::{Launch, Supervisor};
use crate::app::{Roles, root_key};
use crate::cli::serve;
use crate::config::Config;
use crate::queue::Lane;
use crate::{shutdown, telemetry};

/// The subcommand that a supervisor starts its workers as.
pub(super) const SUBCOMMAND: &str = "worker-process";

/// Do jobs.
#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    /// Queues to work on, separated by commas.
    #[arg(long, value_name = "QUEUES", default_value = "addons,addon-calls,image-generation,webhooks,upkeep")]
    queues: String,
    /// Processes to start and watch, as in the setting `processes.count`: 0 for one per processor, 1 for this one alone.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=1024))]
    processes: Option<u16>,
}

pub(super) async fn run(config: Config, file: Option<PathBuf>, args: WorkerArgs) -> anyhow::Result<()> {
    let lanes = lanes(&args.queues)?;
    let count = count(&config, args.processes);
    if count == 1 {
        return serve::serve(config, Roles { api: false, lanes }).await;
    }
    telemetry::start_logging(&config.log)?;
    let numbers = telemetry::start_metrics_as("supervisor")?;
    let (handle, stop) = shutdown::channel();
    let root = root_key(&config)?;
    let launch = Launch {
        arguments: arguments(file.as_deref(), &args.queues, count),
        variables: Vec::new(),
        hidden: Vec::new(),
    };
    let supervisor = Supervisor::new(&config, &root, count, launch)?;
    serve::listen_for_signals(handle)?;
    supervisor.run_with_listener(config.server.ops_listen, numbers, stop).await
}

/// How many processes there shall be.
pub(super) fn count(config: &Config, said: Option<u16>) -> usize {
    let mut settings = config.processes.clone();
    settings.count = said.map_or(settings.count, usize::from);
    settings.number()
}

/// The words that start one of `count` processes.
pub(super) fn arguments(file: Option<&Path>, queues: &str, count: usize) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(file) = file {
        arguments.extend(["--config".into(), file.into()]);
    }
    let threads = threads(std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get), count);
    arguments.extend([SUBCOMMAND.into(), "--queues".into(), queues.into()]);
    arguments.extend(["--threads".into(), threads.to_string().into()]);
    arguments
}

/// Threads that run guests in each of `count` processes: one where there is a process per processor, because two that
/// make instances in one process hinder each other.
fn threads(processors: usize, count: usize) -> usize {
    processors.div_ceil(count.max(1)).max(1)
}

/// The queues that a list names.
pub(super) fn lanes(queues: &str) -> anyhow::Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for name in queues.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some(lane) = Lane::parse(name) else {
            let known: Vec<&str> = Lane::ALL.iter().map(|lane| lane.name()).collect();
            bail!("there is no queue `{name}`; there are {}", known.join(", "));
        };
        lanes.push(lane);
    }
    if lanes.is_empty() {
        bail!("--queues names no queue");
    }
    Ok(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_per_processor_runs_guests_on_one_thread() {
        for (processors, count, expected) in [(1, 1, 1), (2, 2, 1), (8, 8, 1), (8, 2, 4), (8, 3, 3), (2, 8, 1)] {
            assert_eq!(threads(processors, count), expected, "{processors} processors, {count} processes");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_settings() {
        let mut config = Config::default();
        config.processes.count = 3;
        assert_eq!((count(&config, None), count(&config, Some(5))), (3, 5));
        assert_eq!(count(&config, Some(0)), Config::default().processes.number());
    }
}
