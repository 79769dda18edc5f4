//! Whose enablement something is about.

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
