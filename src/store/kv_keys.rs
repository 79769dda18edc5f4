//! Where the values of a scope are: the names that values and the erasing of an enablement share.

use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::Store;

/// Noun of a scope's values.
pub(super) const VALUES: &str = "kv";
/// Noun of a scope's keys in order.
pub(super) const NAMES: &str = "kv-keys";
/// Noun of a scope's keys by the time they are due.
pub(super) const DUE: &str = "kv-due";

/// The name under which an enablement's own state is kept; `:` cannot stand in a client or addon name, and the user comes last.
#[must_use]
pub fn scope_of(client: &ClientId, user: &UserId, addon: &AddonId) -> String {
    format!("{client}:{addon}:{user}")
}

/// The keys of a scope: values, names, due times.
pub(super) fn keys_of(store: &Store, scope: &str) -> [String; 3] {
    [VALUES, NAMES, DUE].map(|noun| store.key(noun, scope))
}
