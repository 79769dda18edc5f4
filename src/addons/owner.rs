//! Whose enablement something is about, and where its state is kept.

use crate::model::id::{AddonId, ClientId, UserId};

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

/// The name under which an enablement's own state is kept; `:` cannot stand in a client or addon name, and the user comes last.
#[must_use]
pub fn kv_scope(owner: &Owner) -> String {
    format!("{}:{}:{}", owner.client, owner.addon, owner.user)
}
