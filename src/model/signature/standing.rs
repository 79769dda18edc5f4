//! Where a publisher's key stands, and which signatures are believed because of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::model::signature::SignatureFault;

/// How far a signer's clock may be ahead of ours.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", rename_all_fields = "camelCase")]
pub enum KeyStanding {
    /// It signs.
    Active,
    /// Its owner stopped using it; nobody else has it.
    Retired {
        /// Since when.
        retired_at: DateTime<Utc>,
    },
    /// Somebody else may have it.
    Revoked {
        /// Since when it may be in other hands; before `revoked_at` where that is found out late.
        since: DateTime<Utc>,
        /// When an admin said so.
        revoked_at: DateTime<Utc>,
    },
}

impl KeyStanding {
    /// The state as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired { .. } => "retired",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// The key after its owner stops using it; retired and revoked ones stay what they are.
    #[must_use]
    pub const fn retired(self, at: DateTime<Utc>) -> Self {
        match self {
            Self::Active => Self::Retired { retired_at: at },
            Self::Retired { .. } | Self::Revoked { .. } => self,
        }
    }

    /// The key after it was lost at `since`. The earliest such time counts: nothing makes a lost key good again.
    #[must_use]
    pub fn revoked(self, since: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match self {
            Self::Active | Self::Retired { .. } => Self::Revoked { since, revoked_at: now },
            Self::Revoked { since: before, revoked_at } => Self::Revoked { since: before.min(since), revoked_at },
        }
    }

    /// Whether a signature that says that it was made at `created`, and that the registry first saw at `seen`, is
    /// believed.
    ///
    /// `created` is the signer's word. The owner of a retired key has no reason to lie about it; whoever stole a key has
    /// every reason to date signatures back. So a revoked key vouches only for what the registry itself had seen before.
    ///
    /// # Errors
    /// [`SignatureFault`] says which rule is broken.
    pub fn accepts(self, created: DateTime<Utc>, seen: DateTime<Utc>) -> Result<(), SignatureFault> {
        if created > seen + CLOCK_SKEW {
            return Err(SignatureFault::Early { created, seen });
        }
        match self {
            Self::Active => Ok(()),
            Self::Retired { retired_at } if created < retired_at => Ok(()),
            Self::Retired { retired_at } => Err(SignatureFault::Retired { retired_at, created }),
            Self::Revoked { since, .. } if signed_at(created, seen) < since => Ok(()),
            Self::Revoked { since, .. } => Err(SignatureFault::Revoked { since, seen }),
        }
    }
}

/// When a signature counts as made: what its maker says, but not before anybody saw it.
#[must_use]
pub fn signed_at(created: DateTime<Utc>, seen: DateTime<Utc>) -> DateTime<Utc> {
    created.max(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    #[test]
    fn what_a_key_vouches_for_depends_on_when() {
        let retired = KeyStanding::Active.retired(at(10));
        let revoked = KeyStanding::Active.revoked(at(10), at(12));
        for (standing, created, seen, is_believed) in [
            (KeyStanding::Active, 5, 6, true),
            (KeyStanding::Active, 7, 6, false),
            (retired, 5, 6, true),
            // Signed before, published after: the owner's word is good.
            (retired, 5, 20, true),
            (retired, 10, 10, false),
            (retired, 11, 20, false),
            (revoked, 5, 6, true),
            // Dated back by whoever has the key now.
            (revoked, 5, 10, false),
            (revoked, 5, 20, false),
            (revoked, 9, 9, true),
        ] {
            let accepted = standing.accepts(at(created), at(seen));
            assert_eq!(accepted.is_ok(), is_believed, "{standing:?} created {created} seen {seen}: {accepted:?}");
        }
    }

    #[test]
    fn a_lost_key_is_never_good_again_and_the_earliest_loss_counts() {
        let revoked = KeyStanding::Active.revoked(at(10), at(12));
        assert_eq!(revoked.retired(at(13)), revoked);
        assert_eq!(revoked.revoked(at(11), at(13)), revoked);
        assert_eq!(revoked.revoked(at(8), at(13)), KeyStanding::Revoked { since: at(8), revoked_at: at(12) });
        let retired = KeyStanding::Active.retired(at(10));
        assert_eq!(retired.retired(at(14)), retired);
        assert_eq!(retired.revoked(at(8), at(13)).as_str(), "revoked");
    }
}
