//! Composition: from settings to a running process, and down again.
//!
//! Everything that lives as long as the process is spawned here and ends
//! before `run` returns.

mod build;
mod code_cache;
mod gauges;
pub mod kin;
mod line;
mod ready;
pub mod supervise;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::api::{self, ApiState, OpsState};
use crate::app::supervise::{Standing, own_figures};
use crate::config::Config;
use crate::config::secrets::RootKey;
use crate::host::Host;
use crate::jobs::{JobHandler, Services};
use crate::net::GuestClient;
use crate::queue::tickets::upkeep::Upkeep;
use crate::queue::{Canceller, Consumer, Lane, Producer, QueueError, close_all, schedule};
use crate::shutdown::{self, Stop, StopHandle};
use crate::store::Store;
use crate::store::control::{Control, Message};

pub use build::Mode;

/// How often `upkeep` sweeps.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);
/// How often that schedule is said again: an outage between two runs breaks its chain.
const SCHEDULE_EVERY: Duration = Duration::from_secs(120);

/// How often idle connections of addons are looked at; one that waited too long is never used, swept or not.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What a process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Whether it answers requests.
    pub api: bool,
    /// The queues it works on.
    pub lanes: Vec<Lane>,
}

impl Roles {
    /// Everything in one process.
    #[must_use]
    pub fn all() -> Self {
        Self { api: true, lanes: Lane::ALL.to_vec() }
    }
}

/// A process that is put together and not running yet.
pub struct App {
    config: Arc<Config>,
    roles: Roles,
    numbers: PrometheusHandle,
    store: Store,
    producer: Producer,
    control: Control,
    services: Arc<Services>,
    host: Option<Arc<Host>>,
    guests: GuestClient,
    state: ApiState,
}

/// A process whose listeners are bound.
pub struct Bound {
    app: App,
    api: Option<TcpListener>,
    ops: Ops,
    /// The processes that work for this one, where there are any.
    workers: Option<Standing>,
    /// Where the API listens, where this process has that role.
    pub api_address: Option<SocketAddr>,
    /// Where operators look; none where a supervisor asks instead.
    pub ops_address: Option<SocketAddr>,
}

/// Who asks how this process is.
enum Ops {
    /// Operators, over HTTP.
    Listener(TcpListener),
    /// Its supervisor, who answers operators. When it hangs up, this process is to stop.
    Line(UnixStream, StopHandle),
}

impl App {
    /// The services, for what `dev` does before it says that it is ready.
    #[must_use]
    pub const fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The store, likewise.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Binds the listeners, so that their ports are known before anything runs.
    ///
    /// # Errors
    /// An address is taken or not this machine's.
    pub async fn bind(self) -> anyhow::Result<Bound> {
        let bind = |address: SocketAddr, what: &'static str| async move {
            TcpListener::bind(address).await.with_context(|| format!(
                    "binding the {what} listener to {address}: stop what listens there, or name another address \
                     (--listen, SEMANTEST_SERVER__LISTEN, SEMANTEST_SERVER__OPS_LISTEN; two roles on one machine need two)"
                ))
        };
        let ops = bind(self.config.server.ops_listen, "operators'").await?;
        let ops_address = ops.local_addr()?;
        let api = if self.roles.api { Some(bind(self.config.server.listen, "API").await?) } else { None };
        let api_address = api.as_ref().map(TcpListener::local_addr).transpose()?;
        if let Some(address) = api_address {
            if self.config.server.public_url.is_empty() && !self.services.is_dev {
                warn!(
                    "`server.public_url` is empty, so links in answers and webhooks begin with http://{address}: \
                     set SEMANTEST_PUBLIC_URL to where clients reach this server"
                );
            }
            self.state.set_public_url(&public_url(&self.config, address));
            self.services.gallery.set_public_url(&public_url(&self.config, address));
        }
        let ops = Ops::Listener(ops);
        Ok(Bound { app: self, api, ops, workers: None, api_address, ops_address: Some(ops_address) })
    }

    /// Binds nothing: this process works under a supervisor, who asks over `line`. When that is cut, `on_cut` fires.
    ///
    /// # Errors
    /// The line is no socket.
    pub fn bind_to_supervisor(self, line: std::os::unix::net::UnixStream, on_cut: StopHandle) -> anyhow::Result<Bound> {
        line.set_nonblocking(true).context("using the line to the supervisor")?;
        let ops = Ops::Line(UnixStream::from_std(line).context("using the line to the supervisor")?, on_cut);
        Ok(Bound { app: self, api: None, ops, workers: None, api_address: None, ops_address: None })
    }
}

/// What clients put before `/api/v1`.
#[must_use]
pub fn public_url(config: &Config, address: SocketAddr) -> String {
    if config.server.public_url.is_empty() {
        format!("http://{address}")
    } else {
        config.server.public_url.trim_end_matches('/').to_owned()
    }
}

impl Bound {
    /// The services behind the listeners.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Answers operators for these processes, too.
    #[must_use]
    pub fn with_workers(self, workers: Standing) -> Self {
        Self { workers: Some(workers), ..self }
    }

    /// Runs until `stop`, then drains: no new requests, no new jobs, running ones get their grace.
    ///
    /// # Errors
    /// A part that must not end did.
    pub async fn run(self, stop: Stop) -> anyhow::Result<()> {
        let Self { app, api, ops, workers, api_address, ops_address } = self;
        let mut tasks: JoinSet<()> = JoinSet::new();
        // Parts that the drain itself needs hear a stop of their own, fired when the drain is done.
        let (late_handle, late) = shutdown::channel();
        let readiness = ready::Readiness::new(app.store.clone(), app.producer.clone(), stop.clone());
        let own = own_figures(app.numbers.clone());
        let figures = workers.as_ref().map_or_else(|| Arc::clone(&own), |workers| workers.figures(Arc::clone(&own)));
        let ops_state = OpsState { readiness: readiness.with_workers(workers).into_check(), figures };
        tasks.spawn(answer_operators(ops, ops_state, late.clone()));
        app.watch_changes(&mut tasks, &late);
        tasks.spawn(gauges::run(app.store.clone(), app.producer.clone(), late.clone()));
        if let Some(listener) = api {
            tasks.spawn(logged("the API's listener", api::serve(listener, app.state.clone(), stop.clone())));
        }
        let consumers = app.start_consumers().await?;
        if app.roles.lanes.contains(&Lane::Upkeep) {
            schedule_upkeep(&app.producer).await.context("scheduling upkeep")?;
            tasks.spawn(keep_schedule(app.producer.clone(), stop.clone()));
        }
        let cancellers = consumers.iter().map(Consumer::canceller).collect();
        tasks.spawn(cancel_on_request(app.control.clone(), cancellers, late.clone()));
        info!(
            api = api_address.map(tracing::field::display),
            ops = ops_address.map(tracing::field::display),
            lanes = app.roles.lanes.len(),
            "Semantest {} is running",
            env!("CARGO_PKG_VERSION")
        );
        stop.fired().await;
        let grace = app.config.server.grace.duration();
        close_all(consumers, grace).await;
        late_handle.fire();
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                error!(error = %error, "A part of the process ended abruptly");
            }
        }
        drop(app.host);
        info!("Stopped");
        Ok(())
    }
}

impl App {
    async fn start_consumers(&self) -> anyhow::Result<Vec<Consumer>> {
        let handler = Arc::new(JobHandler::new(Arc::clone(&self.services)));
        let mut consumers = Vec::with_capacity(self.roles.lanes.len());
        for lane in &self.roles.lanes {
            consumers.push(self.start_consumer(*lane, handler.clone()).await?);
        }
        Ok(consumers)
    }
}

impl App {
    /// What handlers answer from.
    #[must_use]
    pub const fn state(&self) -> &ApiState {
        &self.state
    }

    /// Works on one lane until the consumer is closed; the bench decides itself when.
    ///
    /// # Errors
    /// Redis is away, or the lane's settings contradict each other.
    pub async fn work_on(&self, lane: Lane) -> anyhow::Result<Consumer> {
        self.start_consumer(lane, Arc::new(JobHandler::new(Arc::clone(&self.services)))).await
    }

    /// Keeps caches and waiting requests informed until `stop`.
    pub fn watch_changes(&self, tasks: &mut JoinSet<()>, stop: &Stop) {
        let (control, heard) = (self.control.clone(), stop.clone());
        tasks.spawn(async move { control.run(heard).await });
        let (listeners, messages) = (self.services.work.listeners().clone(), self.control.subscribe());
        tasks.spawn(listeners.watch(messages, stop.clone()));
        let (addons, heard) = (self.services.addons.clone(), stop.clone());
        tasks.spawn(async move { addons.watch(heard).await });
        let (addons, heard) = (self.services.addons.clone(), stop.clone());
        tasks.spawn(async move { addons.watch_blocks(heard).await });
        tasks.spawn(close_idle(self.guests.clone(), stop.clone()));
    }

    async fn start_consumer(&self, lane: Lane, handler: Arc<JobHandler>) -> anyhow::Result<Consumer> {
        let settings = lane.settings(&self.config.queues);
        Consumer::start(&self.config.redis, lane, settings, handler)
            .await
            .with_context(|| format!("starting to work on queue `{}`", lane.name()))
    }
}

async fn schedule_upkeep(producer: &Producer) -> Result<(), QueueError> {
    schedule::every(producer, "upkeep", UPKEEP_EVERY, &Upkeep::default()).await
}

/// Says the schedule again and again, so that upkeep comes back after an outage without a restart.
async fn keep_schedule(producer: Producer, stop: Stop) {
    while !stop.has_fired() {
        tokio::select! {
            () = stop.fired() => return,
            () = tokio::time::sleep(SCHEDULE_EVERY) => {}
        }
        if let Err(error) = schedule_upkeep(&producer).await {
            warn!(error = %error, "Could not schedule upkeep; it is tried again in two minutes");
        }
    }
}

/// Closes connections that addons left open, and that nobody used again in time.
async fn close_idle(guests: GuestClient, stop: Stop) {
    while !stop.has_fired() {
        tokio::select! {
            () = stop.fired() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => guests.sweep(),
        }
    }
}

/// Passes on what the control channel says about jobs that somebody wants cancelled.
async fn cancel_on_request(control: Control, cancellers: Vec<Canceller>, stop: Stop) {
    let mut messages = control.subscribe();
    while !stop.has_fired() {
        let message = tokio::select! {
            () = stop.fired() => return,
            message = messages.recv() => message,
        };
        if let Ok(Message::CancelJob { lane, id }) = message {
            let Some(lane) = Lane::parse(&lane) else { continue };
            let queue_id = id.as_foreign().map_or(id.as_str(), |(_, queue_id)| queue_id).to_owned();
            // Not in this process: another one has it, or none.
            let _is_ours = cancellers.iter().any(|canceller| canceller.cancel(lane, &queue_id));
        }
    }
}

async fn answer_operators(ops: Ops, state: OpsState, stop: Stop) {
    match ops {
        Ops::Listener(listener) => logged("the operators' listener", api::serve_ops(listener, state, stop)).await,
        Ops::Line(stream, on_cut) => {
            if let Err(error) = line::answer(stream, state.readiness, state.figures, stop).await {
                error!(error = %error, "The supervisor is gone; this process stops");
                on_cut.fire();
            }
        }
    }
}

async fn logged(what: &'static str, work: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = work.await {
        error!(error = %error, "{what} ended");
    }
}

/// Spawns what ends with the process itself, such as the signal listener.
pub fn spawn_for_process(work: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(work));
}

/// The root key of this installation.
///
/// # Errors
/// It is not set, or not 32 bytes.
pub fn root_key(config: &Config) -> anyhow::Result<RootKey> {
    let Some(text) = config.secrets.master_key.as_ref() else {
        anyhow::bail!(
            "SEMANTEST_MASTER_KEY is not set: make one with `openssl rand -hex 32`, keep it, and give the same one to every role"
        );
    };
    RootKey::parse(text.expose()).context("reading SEMANTEST_MASTER_KEY")
}
