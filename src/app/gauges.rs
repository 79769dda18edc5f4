//! Numbers that nobody's call produces: how deep the queues are, how old their oldest job is, how far Redis is.

use std::time::Duration;

use metrics::gauge;
use tracing::debug;

use crate::queue::{Lane, Producer};
use crate::shutdown::Stop;
use crate::store::Store;

/// How often the queues are measured.
const EVERY: Duration = Duration::from_secs(5);

/// Measures until `stop`.
pub(super) async fn run(store: Store, producer: Producer, stop: Stop) {
    while !stop.has_fired() {
        measure(&store, &producer).await;
        tokio::select! {
            () = stop.fired() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; depths stay far below 2^52")]
async fn measure(store: &Store, producer: &Producer) {
    match store.ping().await {
        Ok(round_trip) => gauge!("semantest_redis_round_trip_seconds").set(round_trip.as_secs_f64()),
        Err(error) => debug!(error = %error, "Could not measure Redis"),
    }
    for lane in Lane::ALL {
        let Ok(depth) = producer.depth(lane).await else { continue };
        for (state, count) in [
            ("waiting", depth.waiting),
            ("prioritized", depth.prioritized),
            ("active", depth.active),
            ("delayed", depth.delayed),
            ("waiting-children", depth.waiting_children),
            ("completed", depth.completed),
            ("failed", depth.failed),
        ] {
            gauge!("semantest_queue_jobs", "queue" => lane.name(), "state" => state).set(count as f64);
        }
        let oldest = Duration::from_millis(depth.oldest_waiting_ms.unwrap_or(0));
        gauge!("semantest_queue_oldest_waiting_seconds", "queue" => lane.name()).set(oldest.as_secs_f64());
    }
}
