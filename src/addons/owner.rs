//! Whose enablement something is about, and where its state is kept.

use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::kv;

/// Whose enablement a job is about.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The tenant.
    pub client: ClientId,
    /// The tenant's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
}

/// The name under which an enablement's own state is kept.
#[must_use]
pub fn kv_scope(owner: &Owner) -> String {
    kv::scope_of(&owner.client, &owner.user, &owner.addon)
}
