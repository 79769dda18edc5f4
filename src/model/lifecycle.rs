//! The states of an enablement and the changes that lead from one to the next.

use serde::{Deserialize, Serialize};

/// Where one user's enablement of one addon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnablementState {
    /// A `load` job is on its way.
    Loading,
    /// Calls and hooks run.
    Enabled,
    /// Somebody must say yes to what the addon asks for.
    AwaitingConsent,
    /// A required secret is not set.
    AwaitingSecrets,
    /// The last `load` ended in an error.
    Failed,
    /// An `unload` job is on its way.
    Disabling,
    /// Off, its record and data kept.
    Disabled,
    /// Crashed too often.
    Quarantined,
    /// Blocked by an admin.
    Blocked,
}

/// What happens to an enablement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A client asks for the addon (again).
    Load,
    /// The load job ended well.
    Loaded,
    /// The load job needs consent first.
    ConsentMissing,
    /// The load job needs a secret first.
    SecretsMissing,
    /// The load job failed for good.
    LoadFailed,
    /// A client wants it off.
    Unload,
    /// The unload job ended.
    Unloaded,
    /// Too many crashes.
    Quarantine,
    /// Its user lets it run again.
    Resume,
    /// An admin blocks it.
    Block,
}

/// A change that the state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an enablement that is {from} cannot take the change {change:?}")]
pub struct IllegalChange {
    from: EnablementState,
    change: Change,
}

impl EnablementState {
    /// Every state there is.
    pub const ALL: [Self; 9] = [
        Self::Loading,
        Self::Enabled,
        Self::AwaitingConsent,
        Self::AwaitingSecrets,
        Self::Failed,
        Self::Disabling,
        Self::Disabled,
        Self::Quarantined,
        Self::Blocked,
    ];

    /// The state as clients see it, such as `awaiting-consent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Enabled => "enabled",
            Self::AwaitingConsent => "awaiting-consent",
            Self::AwaitingSecrets => "awaiting-secrets",
            Self::Failed => "failed",
            Self::Disabling => "disabling",
            Self::Disabled => "disabled",
            Self::Quarantined => "quarantined",
            Self::Blocked => "blocked",
        }
    }

    /// The state after `change`.
    ///
    /// # Errors
    /// [`IllegalChange`] when this state does not allow it.
    pub const fn next(self, change: Change) -> Result<Self, IllegalChange> {
        match (self, change) {
            (Self::Blocked, Change::Block) | (_, Change::Block) => Ok(Self::Blocked),
            (Self::Enabled, Change::Quarantine) => Ok(Self::Quarantined),
            (Self::Quarantined, Change::Resume) => Ok(Self::Enabled),
            (
                Self::Loading
                | Self::Enabled
                | Self::AwaitingConsent
                | Self::AwaitingSecrets
                | Self::Failed
                | Self::Disabled
                | Self::Quarantined,
                Change::Load,
            ) => Ok(Self::Loading),
            (Self::Loading, Change::Loaded) => Ok(Self::Enabled),
            (Self::Loading, Change::ConsentMissing) => Ok(Self::AwaitingConsent),
            (Self::Loading, Change::SecretsMissing) => Ok(Self::AwaitingSecrets),
            (Self::Loading, Change::LoadFailed) => Ok(Self::Failed),
            (
                Self::Loading
                | Self::Enabled
                | Self::AwaitingConsent
                | Self::AwaitingSecrets
                | Self::Failed
                | Self::Disabling
                | Self::Disabled
                | Self::Quarantined
                | Self::Blocked,
                Change::Unload,
            ) => Ok(Self::Disabling),
            (Self::Disabling, Change::Unloaded) => Ok(Self::Disabled),
            _ => Err(IllegalChange { from: self, change }),
        }
    }

    /// Whether a job is on its way to another state.
    #[must_use]
    pub const fn is_moving(self) -> bool {
        matches!(self, Self::Loading | Self::Disabling)
    }

    /// Whether a block shows in the place of this state: what is on its way ends by itself, and what is off stays off.
    #[must_use]
    pub const fn is_standing(self) -> bool {
        matches!(self, Self::Enabled | Self::AwaitingConsent | Self::AwaitingSecrets | Self::Quarantined)
    }

    /// Whether the addon's hooks are part of its user's chains: a hook that cannot run now is passed by or fatal as its
    /// manifest declares, as one that breaks is, and not as if there were none.
    #[must_use]
    pub const fn is_hooked(self) -> bool {
        matches!(self, Self::Enabled | Self::Quarantined | Self::AwaitingSecrets)
    }

    /// The state after an unload that was asked for in this one and then cancelled; a load that it overtook stays off.
    #[must_use]
    pub const fn resumed(self) -> Self {
        if self.is_moving() { Self::Disabled } else { self }
    }
}

impl std::fmt::Display for EnablementState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_ends_in_one_of_four_states() {
        for (change, expected) in [
            (Change::Loaded, EnablementState::Enabled),
            (Change::ConsentMissing, EnablementState::AwaitingConsent),
            (Change::SecretsMissing, EnablementState::AwaitingSecrets),
            (Change::LoadFailed, EnablementState::Failed),
        ] {
            assert_eq!(EnablementState::Loading.next(change), Ok(expected));
        }
    }

    #[test]
    fn a_blocked_addon_cannot_be_loaded() {
        assert!(EnablementState::Blocked.next(Change::Load).is_err());
        assert!(EnablementState::Disabling.next(Change::Loaded).is_err());
    }
}
