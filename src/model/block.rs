//! What an admin, a revoked key or too many crashes forbid, and what that covers.
//!
//! A block is a rule, not a list of digests: a version that is published after it is covered too. The list is asked very
//! often and changes rarely, so it is kept ready by what is asked for.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use semver::{Op, Version, VersionReq};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::code::JobCode;
use crate::model::digest::Digest;
use crate::model::id::AddonId;
use crate::model::job::Failure;
use crate::model::signature::PublisherKeyId;

/// What a block covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum BlockTarget {
    /// One component.
    Digest {
        /// Which.
        digest: Digest,
    },
    /// Versions of one addon.
    Versions {
        /// The addon.
        addon: AddonId,
        /// Which of its versions.
        range: VersionReq,
    },
    /// Everything that was signed with a key from a moment on.
    Signed {
        /// The key.
        key: PublisherKeyId,
        /// The moment.
        since: DateTime<Utc>,
    },
}

/// Why something is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockCause {
    /// An admin said so.
    Admin,
    /// A publisher's key was revoked.
    KeyRevoked,
    /// It crashed too often, for too many users.
    Quarantine,
}

impl BlockCause {
    /// The cause as it is written outside.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::KeyRevoked => "key-revoked",
            Self::Quarantine => "quarantine",
        }
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its id.
    pub id: String,
    /// What it covers.
    pub target: BlockTarget,
    /// For the people whose addon does not run any more.
    pub reason: String,
    /// Why.
    pub cause: BlockCause,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// The client whose key said so; none where the platform itself did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// What may be blocked: as much as is known of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blockable {
    /// The component.
    pub digest: Digest,
    /// Which version of which addon it is, where that is known already.
    pub version: Option<(AddonId, Version)>,
    /// The key that signed it, and when that counts as done.
    pub signed: Option<(PublisherKeyId, DateTime<Utc>)>,
}

impl Block {
    /// Whether the block covers a component.
    #[must_use]
    pub fn covers(&self, what: &Blockable) -> bool {
        match &self.target {
            BlockTarget::Digest { digest } => digest.matches(&what.digest),
            BlockTarget::Versions { addon, range } => {
                what.version.as_ref().is_some_and(|(id, version)| id == addon && is_in(range, version))
            }
            BlockTarget::Signed { key, since } => {
                what.signed.as_ref().is_some_and(|(signer, at)| signer == key && at >= since)
            }
        }
    }

    /// What a job or a request that needs the component ends with.
    #[must_use]
    pub fn failure(&self, what: &Blockable) -> Failure {
        let name = what.version.as_ref().map_or_else(
            || format!("the component {}", what.digest),
            |(addon, version)| format!("`{addon}` {version}"),
        );
        let failure = Failure::permanent(JobCode::AddonBlocked, format!("{name} is blocked: {}", self.reason));
        failure.with_details(self.details())
    }

    /// What evidence and errors say of a block.
    #[must_use]
    pub fn details(&self) -> Value {
        json!({ "blockId": self.id, "cause": self.cause.as_str(), "reason": self.reason, "since": self.created_at })
    }
}

/// Whether a version is in a range that is blocked. Where semver keeps pre-releases out of ranges so that nobody gets one
/// by accident, a block takes them in: `<1.2.0` stops `1.2.0-beta` too.
fn is_in(range: &VersionReq, version: &Version) -> bool {
    let released = Version { pre: semver::Prerelease::EMPTY, ..version.clone() };
    range.comparators.iter().all(|comparator| {
        if comparator.op == Op::Less {
            let bound = Version {
                major: comparator.major,
                minor: comparator.minor.unwrap_or(0),
                patch: comparator.patch.unwrap_or(0),
                pre: comparator.pre.clone(),
                build: semver::BuildMetadata::EMPTY,
            };
            return *version < bound;
        }
        comparator.matches(version) || comparator.matches(&released)
    })
}

/// Everything that is blocked, at one moment.
#[derive(Clone, Debug, Default)]
pub struct BlockList {
    generation: u64,
    count: usize,
    by_digest: HashMap<Digest, Vec<Block>>,
    by_addon: HashMap<AddonId, Vec<Block>>,
    by_key: HashMap<PublisherKeyId, Vec<Block>>,
}

impl BlockList {
    /// The list that had `generation` when it was read.
    #[must_use]
    pub fn new(generation: u64, blocks: Vec<Block>) -> Self {
        let mut list = Self { generation, count: blocks.len(), ..Self::default() };
        for block in blocks {
            match &block.target {
                BlockTarget::Digest { digest } => list.by_digest.entry(*digest).or_default().push(block),
                BlockTarget::Versions { addon, .. } => list.by_addon.entry(addon.clone()).or_default().push(block),
                BlockTarget::Signed { key, .. } => list.by_key.entry(key.clone()).or_default().push(block),
            }
        }
        list
    }

    /// Counts up with each change, as the store counts.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How many entries there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether any entry is about keys: only then it matters who signed what.
    #[must_use]
    pub fn asks_for_signers(&self) -> bool {
        !self.by_key.is_empty()
    }

    /// The first entry that covers a component.
    #[must_use]
    pub fn find(&self, what: &Blockable) -> Option<&Block> {
        if self.count == 0 {
            return None;
        }
        let of_digest = self.by_digest.get(&what.digest);
        let of_addon = what.version.as_ref().and_then(|(addon, _)| self.by_addon.get(addon));
        let of_key = what.signed.as_ref().and_then(|(key, _)| self.by_key.get(key));
        [of_digest, of_addon, of_key].into_iter().flatten().flatten().find(|block| block.covers(what))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn block(target: BlockTarget) -> Block {
        Block {
            id: String::from("blk_1"),
            target,
            reason: String::from("it steals"),
            cause: BlockCause::Admin,
            created_at: DateTime::UNIX_EPOCH,
            created_by: None,
        }
    }

    #[test]
    fn a_range_takes_pre_releases_in() -> Outcome {
        for (range, version, is_covered) in [
            ("*", "1.0.0", true),
            ("*", "1.0.0-beta", true),
            ("<1.2.0", "1.1.9", true),
            ("<1.2.0", "1.2.0-beta", true),
            ("<1.2.0", "1.2.0", false),
            ("<1.2", "1.2.0-beta", true),
            ("<1.2.0-beta", "1.2.0-alpha", true),
            ("<1.2.0-beta", "1.2.0-rc.1", false),
            (">=1.1, <1.3", "1.2.7-rc.1", true),
            ("^1", "1.4.0-beta", true),
            ("^1", "2.0.0-beta", false),
            ("=1.1.5", "1.1.5", true),
            ("=1.1.5", "1.1.6-beta", false),
            ("<=1.1.5", "1.1.6-beta", false),
        ] {
            let covered = is_in(&VersionReq::parse(range)?, &Version::parse(version)?);
            assert_eq!(covered, is_covered, "{range} {version}");
        }
        Ok(())
    }

    #[test]
    fn the_list_finds_what_is_covered_and_nothing_else() -> Outcome {
        let (addon, other) = (AddonId::parse("acme.art")?, AddonId::parse("acme.other")?);
        let key = PublisherKeyId::parse(&"0".repeat(32))?;
        let at = |hours: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let list = BlockList::new(
            7,
            vec![
                block(BlockTarget::Digest { digest: Digest::of(b"bad") }),
                block(BlockTarget::Versions { addon: addon.clone(), range: VersionReq::parse("<2")? }),
                block(BlockTarget::Signed { key: key.clone(), since: at(5) }),
            ],
        );
        let free = Blockable { digest: Digest::of(b"good"), version: None, signed: None };
        let version = |id: &AddonId, major| Some((id.clone(), Version::new(major, 0, 0)));
        for (what, is_covered) in [
            (free.clone(), false),
            (Blockable { digest: Digest::of(b"bad"), ..free.clone() }, true),
            (Blockable { version: version(&addon, 1), ..free.clone() }, true),
            (Blockable { version: version(&addon, 2), ..free.clone() }, false),
            (Blockable { version: version(&other, 1), ..free.clone() }, false),
            (Blockable { signed: Some((key.clone(), at(4))), ..free.clone() }, false),
            (Blockable { signed: Some((key, at(5))), ..free }, true),
        ] {
            assert_eq!(list.find(&what).is_some(), is_covered, "{what:?}");
        }
        assert_eq!((list.generation(), list.count(), list.asks_for_signers()), (7, 3, true));
        Ok(())
    }

    #[test]
    fn an_entry_is_stored_and_read_back() -> Outcome {
        let entry =
            block(BlockTarget::Versions { addon: AddonId::parse("acme.art")?, range: VersionReq::parse("<2")? });
        assert_eq!(serde_json::from_str::<Block>(&serde_json::to_string(&entry)?)?, entry);
        Ok(())
    }
}
