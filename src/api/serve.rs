//! The listeners: accept until told to stop, then let what is open end.

use std::future::IntoFuture as _;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tracing::debug;

use super::ops::{self, OpsState};
use super::problem::Problem;
use super::router::router;
use super::state::ApiState;
use crate::model::id::JobId;
use crate::model::job::Priority;
use crate::queue::tickets::Noop;
use crate::queue::{AddOptions, Producer, Ticket as _};
use crate::shutdown::Stop;
use crate::store::Store;

/// How long the operators' listener waits for its last readers.
const OPS_GRACE: Duration = Duration::from_secs(1);

/// Answers REST requests until `stop` fires, then gives open ones the configured grace.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, state: ApiState, stop: Stop) -> io::Result<()> {
    let grace = state.config.server.grace.duration();
    let cache = state.key_cache.clone().run(state.control.subscribe(), stop.clone());
    let answering = answer(listener, router(state.stopping_with(stop.clone())), stop, grace);
    let (answered, ()) = tokio::join!(answering, cache);
    answered
}

/// Answers operators until `stop` fires.
///
/// # Errors
/// When the listener breaks.
pub async fn serve_ops(listener: TcpListener, state: OpsState, stop: Stop) -> io::Result<()> {
    answer(listener, ops::router(state), stop, OPS_GRACE).await
}

/// The bench's yardsticks: no keys, no checks, one script in Redis a request. `/` runs an empty one, `/add` is BullMQ's
/// own way of adding a job that does nothing.
///
/// # Errors
/// When the listener breaks.
pub async fn serve_bare(listener: TcpListener, store: Store, producer: Producer, stop: Stop) -> io::Result<()> {
    let bare = Router::new().route("/", post(empty_script)).with_state(store);
    let add = Router::new().route("/add", post(plain_add)).with_state(producer);
    answer(listener, bare.merge(add), stop, OPS_GRACE).await
}

async fn empty_script(State(store): State<Store>, _body: bytes::Bytes) -> Result<Response, Problem> {
    store.bare_script().await?;
    Ok("{}".into_response())
}

async fn plain_add(State(producer): State<Producer>, _body: bytes::Bytes) -> Result<Response, Problem> {
    let id = JobId::fresh(Noop::KIND.id_prefix());
    let options = AddOptions { priority: Priority::Normal.number(), ..AddOptions::default() };
    producer.add(id.as_str(), &Noop {}, &options).await?;
    Ok("{}".into_response())
}

async fn answer(listener: TcpListener, router: Router, stop: Stop, grace: Duration) -> io::Result<()> {
    // Answers are small and complete: waiting for more to send only adds latency.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(error = %error, "Could not switch off Nagle's algorithm on a connection");
        }
    });
    let heard = stop.clone();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async move { heard.fired().await });
    let too_late = async {
        stop.fired().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        served = serving.into_future() => served,
        () = too_late => Ok(()),
    }
}
