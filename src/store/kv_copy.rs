//! The names of copies of a scope, which values and enablements share.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::model::id::{AddonId, ClientId, UserId};
use crate::store::kv_keys::scope_of;

/// How long a copy lives that nobody takes, and how long word is kept that a scope is gone: longer than any job and call.
pub(super) const COPY_LIFE: Duration = Duration::from_secs(15 * 60);

/// Which copy of an addon's values an enablement uses. The first has no name; each change of versions makes another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValuesCopy(Option<Box<str>>);

impl ValuesCopy {
    /// A copy that nobody else uses.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Some(Ulid::generate().to_string().into()))
    }

    /// Whether this is what an enablement begins with.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.0.is_none()
    }

    /// The name under which the values are kept; `/` cannot stand in a client's name, which comes first otherwise.
    #[must_use]
    pub fn scope(&self, client: &ClientId, user: &UserId, addon: &AddonId) -> String {
        let first = scope_of(client, user, addon);
        self.0.as_ref().map_or_else(|| first.clone(), |copy| format!("{copy}/{first}"))
    }
}

/// A copy of a scope, to be taken or thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeCopy {
    /// The scope that was copied.
    pub from: String,
    /// The copy.
    pub to: String,
    /// What stood in the scope's numbers: while they are the same, nothing was written or removed.
    pub(super) numbers: String,
    /// Until when the scope is closed, in milliseconds since the epoch; 0 where it stays open.
    pub(super) closed_until: u64,
}

/// As Redis counts.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
