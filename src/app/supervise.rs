//! The supervisor: worker processes of one address space each, started, watched, started again, and stopped together.
//!
//! Two threads that make instances in one address space hinder each other, because the kernel must tell each of them what
//! the other one unmaps; two processes do not. And a crash of the host, should there be one, takes one process with the
//! calls inside it, whose jobs the others take over. The supervisor itself runs no guest and no job. It checks compiled
//! code and hands it out ([`crate::host::vault`]), and answers operators for all.

mod child;
mod deaths;
mod figures;
mod keeper;
mod standing;

use std::io::IsTerminal as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tracing::{error, info};

use crate::api::{self, Figures, OpsState};
use crate::app::code_cache;
use crate::app::supervise::keeper::{Crew, Keeper};
use crate::config::Config;
use crate::config::secrets::RootKey;
use crate::host::vault::Counter;
use crate::shutdown::{self, Stop};

pub use child::Launch;
pub use keeper::GivenUp;
pub use standing::Standing;

/// Worker processes that are not started yet.
pub struct Supervisor {
    crew: Crew,
    count: usize,
}

impl Supervisor {
    /// A supervisor of `count` processes over the compiled code of these settings.
    ///
    /// # Errors
    /// The folder of compiled code cannot be used.
    pub fn new(config: &Config, root: &RootKey, count: usize, launch: Launch) -> anyhow::Result<Self> {
        let (cache, key) = code_cache::of(config, root);
        let crew = Crew {
            launch,
            settings: config.processes.clone(),
            grace: config.server.grace.duration(),
            counter: Counter::open(&config.sandbox, &cache, key).context("setting up the compiled code")?,
            standing: Standing::of(count),
            turn: Mutex::new(()),
        };
        Ok(Self { crew, count })
    }

    /// How its processes stand, for whoever answers operators.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.crew.standing.clone()
    }

    /// Runs the processes until `stop`, then drains them all at once. Must be awaited by the thread that lives longest
    /// (`block_on`'s own), not by a spawned task: the kernel ends the processes with the thread that started them.
    ///
    /// # Errors
    /// [`GivenUp`] when one of them is not started again; the others were drained.
    pub async fn run(self, stop: Stop) -> Result<(), GivenUp> {
        self.keep(stop, None).await
    }

    /// The same, and replaces the processes one after the other at each hang-up.
    async fn keep(self, stop: Stop, mut hang_ups: Option<Signal>) -> Result<(), GivenUp> {
        let (handle, heard) = shutdown::channel();
        let (wish, renewals) = watch::channel(0);
        let crew = &self.crew;
        let mut keepers: FuturesUnordered<_> = (0..self.count)
            .map(|index| Keeper { crew, index, stop: heard.clone(), renewals: renewals.clone(), renewed: 0 }.keep())
            .collect();
        let mut given_up = None;
        loop {
            tokio::select! {
                ended = keepers.next() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(why)) => {
                        error!("{why}; the others are stopped");
                        given_up.get_or_insert(why);
                        handle.fire();
                    }
                    None => break,
                },
                () = stop.fired(), if !heard.has_fired() => handle.fire(),
                () = hung_up(&mut hang_ups), if !heard.has_fired() => {
                    info!("Replacing the worker processes, one after the other");
                    wish.send_modify(|wishes| *wishes += 1);
                }
            }
        }
        given_up.map_or(Ok(()), Err)
    }

    /// Runs the processes and an operators' listener for all of them at `address`.
    ///
    /// # Errors
    /// The address is taken, or a process was given up.
    pub async fn run_with_listener(
        self,
        address: SocketAddr,
        numbers: PrometheusHandle,
        stop: Stop,
    ) -> anyhow::Result<()> {
        let ops = TcpListener::bind(address).await.with_context(|| {
            format!(
                "binding the operators' listener to {address}: stop what listens there, or name another address \
                 (SEMANTEST_SERVER__OPS_LISTEN; two roles on one machine need two)"
            )
        })?;
        let address = ops.local_addr()?;
        let (standing, processes) = (self.standing(), self.count);
        let state =
            OpsState { readiness: standing.readiness(stop.clone()), figures: standing.figures(own_figures(numbers)) };
        let (late_handle, late) = shutdown::channel();
        let serving = api::serve_ops(ops, state, late.clone());
        let announcing = async {
            if standing.have_begun(&late).await {
                info!(ops = %address, processes, "Semantest {} is running", env!("CARGO_PKG_VERSION"));
            }
        };
        let working = async {
            let ended = self.keep(stop.clone(), hang_ups()).await;
            late_handle.fire();
            ended
        };
        let (worked, served, ()) = tokio::join!(working, serving, announcing);
        if let Err(error) = served {
            error!(%error, "The operators' listener ended");
        }
        info!("Stopped");
        Ok(worked?)
    }
}

/// The figures of this process alone.
pub(super) fn own_figures(numbers: PrometheusHandle) -> Figures {
    std::sync::Arc::new(move || Box::pin(std::future::ready(numbers.render())))
}

/// Hears SIGHUP; not at a terminal, where it says that the terminal is gone and everything with it should go.
fn hang_ups() -> Option<Signal> {
    if std::io::stdin().is_terminal() { None } else { signal(SignalKind::hangup()).ok() }
}

async fn hung_up(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}
