//! Records in Redis and bytes in an object store: one noun a file.
//!
//! Each change that must be atomic is one Lua script (`store/scripts/`), each
//! key starts with the configured prefix (hash-tagged, so that a cluster keeps
//! all of it on one node) and a noun that is no queue's name. Times come from
//! the caller, in milliseconds since the epoch.

pub mod addons;
pub mod artifacts;
pub mod audit;
mod bare;
pub mod batches;
pub mod blobs;
pub mod blocks;
pub mod breakers;
pub mod clients;
pub mod control;
pub mod crashes;
pub mod credits;
pub mod deliveries;
pub mod enablements;
pub mod endpoints;
pub mod error;
pub mod idempotency;
pub mod job_events;
pub mod jobs;
pub mod keys;
pub mod kv;
mod kv_copy;
mod kv_keys;
pub mod outbox;
pub mod page;
pub mod pending_starts;
pub mod policy;
pub mod publishers;
pub mod rates;
mod script;
pub mod secret_scope;
pub mod secrets;
pub mod signals;
pub mod spend;
pub mod usage;
pub mod waiters;
mod webhook_keys;

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{
    Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo as _, Pipeline, RedisError,
    ScriptInvocation,
};

use crate::config::redis::RedisSettings;

pub use error::StoreError;
pub use page::Page;

/// Commands that may wait for the one connection before callers have to wait for room.
const PIPELINE_BUFFER: usize = 4096;

/// A dead peer is noticed after this long without an acknowledgement of what we sent.
#[cfg(target_os = "linux")]
const PEER_TIMEOUT: Duration = Duration::from_secs(3);

/// One shared connection to Redis that comes back by itself; a clone is cheap.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    client: Client,
    connection: ConnectionManager,
    prefix: String,
    retention: Retention,
    connect_timeout: Duration,
}

/// How long jobs that are over stay readable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Completed and cancelled ones.
    pub(crate) finished: Duration,
    /// Failed ones.
    pub(crate) failed: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl Store {
    /// Connects, and asks Redis for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`] within about `connect_timeout` when Redis cannot be reached or refuses us.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, StoreError> {
        let store = Self::open(settings)?;
        store.ping().await?;
        Ok(store)
    }

    /// Prepares the connection; the first command makes it. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::Settings`] when the URL is not one of a Redis.
    pub fn open(settings: &RedisSettings) -> Result<Self, StoreError> {
        let client = Client::open(connection_info(settings).map_err(StoreError::Settings)?)?;
        // No retries inside: while Redis is away every command fails at once and starts the next attempt, so the API
        // answers 503 quickly and the first command after its return finds it.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(settings.connect_timeout.duration()))
            .set_response_timeout(Some(settings.response_timeout.duration()))
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self(Arc::new(Inner {
            client,
            connection,
            prefix: settings.prefix.clone(),
            retention: Retention {
                finished: settings.keep_finished.duration(),
                failed: settings.keep_failed.duration(),
            },
            connect_timeout: settings.connect_timeout.duration(),
        })))
    }

    /// What every key starts with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// Time of one round trip.
    ///
    /// # Errors
    /// [`StoreError`] when Redis does not answer.
    pub async fn ping(&self) -> Result<Duration, StoreError> {
        let begun = Instant::now();
        let _: String = self.ask(&redis::cmd("PING")).await?;
        Ok(begun.elapsed())
    }

    /// What Redis does when its memory is full, such as `noeviction`; read from `INFO`, since managed servers forbid `CONFIG GET`.
    ///
    /// # Errors
    /// [`StoreError`] when Redis does not answer, or does not say.
    pub async fn eviction_policy(&self) -> Result<String, StoreError> {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let text: String = self.ask(&command).await?;
        text.lines()
            .find_map(|line| line.strip_prefix("maxmemory_policy:"))
            .map(|policy| policy.trim().to_owned())
            .ok_or_else(|| {
                StoreError::Protocol(RedisError::from((ErrorKind::Parse, "INFO memory names no maxmemory_policy")))
            })
    }

    /// A key: the prefix, a noun, and what names the record.
    pub(crate) fn key(&self, noun: &str, name: &str) -> String {
        format!("{}:{noun}:{name}", self.0.prefix)
    }

    /// The key of something there is only one of.
    pub(crate) fn only_key(&self, noun: &str) -> String {
        format!("{}:{noun}", self.0.prefix)
    }

    pub(crate) fn retention(&self) -> Retention {
        self.0.retention
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.connect_timeout
    }

    /// Sends a command that may safely arrive twice.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.0.connection.clone();
        match command.query_async(&mut connection).await {
            Err(error) if is_lost(&error) => Ok(command.query_async(&mut connection).await?),
            answer => Ok(answer?),
        }
    }

    /// Sends several commands, which may safely arrive twice, in one round trip.
    pub(crate) async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        let mut connection = self.0.connection.clone();
        match commands.query_async(&mut connection).await {
            Err(error) if is_lost(&error) => Ok(commands.query_async(&mut connection).await?),
            answer => Ok(answer?),
        }
    }

    /// Runs a script that may safely run twice.
    pub(crate) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut connection = self.0.connection.clone();
        match script.invoke_async(&mut connection).await {
            Err(error) if is_lost(&error) => Ok(script.invoke_async(&mut connection).await?),
            answer => Ok(answer?),
        }
    }

    /// Runs a script that must not run twice: repeated only where it surely was not sent.
    pub(crate) async fn run_once<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut connection = self.0.connection.clone();
        match script.invoke_async(&mut connection).await {
            Err(error) if error.is_connection_refusal() => Ok(script.invoke_async(&mut connection).await?),
            answer => Ok(answer?),
        }
    }
}

/// Whether the connection broke. The connection manager then dials anew for the next command, so one
/// repetition is all it takes when Redis is back already.
fn is_lost(error: &RedisError) -> bool {
    error.is_connection_dropped()
}

/// The parts of the URL, with sockets that notice a dead peer.
pub(crate) fn connection_info(settings: &RedisSettings) -> Result<ConnectionInfo, RedisError> {
    let info = settings.url.as_str().into_connection_info()?;
    let sockets = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let sockets = sockets.set_user_timeout(PEER_TIMEOUT);
    Ok(info.set_tcp_settings(sockets))
}
