//! Which versions of the contract `semantest:addon` this host implements and an addon accepts.

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

/// The contract that this host implements.
pub const HOST_CONTRACT: Version = Version::new(1, 0, 0);

/// The package name of the contract, without version.
pub const CONTRACT_PACKAGE: &str = "semantest:addon";

/// The contract versions that an addon works with, such as `>=1.0, <2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContractRange(VersionReq);

/// Why a text is not a range of contract versions.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a range of versions such as `>=1.0, <2`")]
pub struct ContractRangeError {
    text: String,
    #[source]
    source: semver::Error,
}

impl ContractRange {
    /// Parses a comma-separated range.
    ///
    /// # Errors
    /// [`ContractRangeError`] when a part of it is not a comparison with a version.
    pub fn parse(text: &str) -> Result<Self, ContractRangeError> {
        VersionReq::parse(text).map(Self).map_err(|source| ContractRangeError { text: text.to_owned(), source })
    }

    /// The range of a component that was built against `version`: that one and all later ones of the same major.
    #[must_use]
    pub fn built_against(version: &Version) -> Self {
        let text = format!(">={}.{}, <{}", version.major, version.minor, version.major.saturating_add(1));
        Self(VersionReq::parse(&text).unwrap_or(VersionReq::STAR))
    }

    /// Whether this host's contract is in the range.
    #[must_use]
    pub fn accepts_host(&self) -> bool {
        self.0.matches(&HOST_CONTRACT)
    }
}

impl std::fmt::Display for ContractRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ranges_that_hold_1_0_accept_this_host() {
        for (text, is_accepted) in [(">=1.0, <2", true), ("1", true), (">=1.1", false), ("9.0", false)] {
            let range = ContractRange::parse(text);
            assert_eq!(range.map(|range| range.accepts_host()).ok(), Some(is_accepted), "{text}");
        }
        assert!(ContractRange::built_against(&HOST_CONTRACT).accepts_host());
        assert!(!ContractRange::built_against(&Version::new(9, 0, 0)).accepts_host());
    }
}
