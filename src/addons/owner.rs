//! Whose enablement something is about.

use crate::model::id::{AddonId, ClientId, UserId};
use crate::work::{JobOptions, Submission};

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

impl Owner {
    /// A job that the platform or an addon asks for, about this enablement: under no idempotency key, and outside of any
    /// caller's trace.
    #[must_use]
    pub fn submission<'a, T>(&'a self, ticket: &'a T, options: &'a JobOptions) -> Submission<'a, T> {
        Submission {
            client: &self.client,
            user: Some(&self.user),
            addon: Some(&self.addon),
            ticket,
            options,
            idempotency: None,
            traceparent: None,
        }
    }
}
