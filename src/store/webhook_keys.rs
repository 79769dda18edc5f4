//! The keys that endpoints and their deliveries share.

use crate::model::id::{DeliveryId, EndpointId};
use crate::store::Store;

/// Noun of how an endpoint fares: a hash with `since`, `failures` and `delivered`.
const HEALTH: &str = "webhook-health";
/// Noun of an endpoint's deliveries: a sorted set by the time when they were asked for.
const OF_ENDPOINT: &str = "webhook-deliveries";
/// Noun of those of them that were given up: a sorted set by the time of that.
const FAILED: &str = "webhook-failed";
/// Noun of the records.
const RECORD: &str = "webhook-delivery";

pub(super) fn health(store: &Store, endpoint: &EndpointId) -> String {
    store.key(HEALTH, endpoint.as_str())
}

/// An endpoint's deliveries, then those of them that were given up.
pub(super) fn lists(store: &Store, endpoint: &EndpointId) -> [String; 2] {
    [OF_ENDPOINT, FAILED].map(|noun| store.key(noun, endpoint.as_str()))
}

pub(super) fn record(store: &Store, delivery: &DeliveryId) -> String {
    store.key(RECORD, delivery.as_str())
}

/// What the keys of records start with.
pub(super) fn record_prefix(store: &Store) -> String {
    store.key(RECORD, "")
}
