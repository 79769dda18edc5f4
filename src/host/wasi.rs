//! WASI 0.2 that leads nowhere: toolchains import all of it, used or not.
//!
//! Clocks and random are real, since programs break quietly without them; the
//! clocks step by whole milliseconds, which leaves less to measure secrets with.
//! Standard output and error go into the call's log. There are no arguments, no
//! environment, no files (nothing is preopened) and no sockets (creating one
//! answers `access-denied`, looking up a name `permanent-resolver-failure`).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

use crate::host::logbook::{LogSource, SharedLogBook};
use crate::model::limits::CallLimits;

/// The step of both clocks.
const RESOLUTION: Duration = Duration::from_millis(1);
/// Bytes that a guest may write to a standard stream at once; it may do so again and again.
const WRITE_BYTES: usize = 64 * 1024;

/// The context of one call.
pub(super) fn inert(log: &SharedLogBook, limits: &CallLimits) -> WasiCtx {
    let sink = |source| Sink { log: Arc::clone(log), source };
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(sink(LogSource::Stdout))
        .stderr(sink(LogSource::Stderr))
        .wall_clock(CoarseWallClock)
        .monotonic_clock(CoarseMonotonicClock { start: Instant::now() })
        .max_random_size(limits.random.as_u64())
        .allow_blocking_current_thread(false)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    builder.build()
}

/// The time of day in whole milliseconds.
struct CoarseWallClock;

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(whole_millis(now))
    }
}

/// Milliseconds since the call began.
struct CoarseMonotonicClock {
    start: Instant,
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        nanos(RESOLUTION)
    }

    fn now(&self) -> u64 {
        nanos(Duration::from_millis(whole_millis(self.start.elapsed())))
    }
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A standard stream that ends in the call's log.
///
/// wasmtime's own adapters queue what a guest writes; this one keeps at most a
/// line, so there is nothing that a guest could make grow.
#[derive(Clone)]
struct Sink {
    log: SharedLogBook,
    source: LogSource,
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.1 and 0.3 take this way, and neither is linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.lock().write(self.source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
