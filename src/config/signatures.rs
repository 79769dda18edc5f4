//! How strictly publishers' signatures are asked for.

use serde::{Deserialize, Serialize};

/// What a missing or wrong signature means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureMode {
    /// The version is refused.
    #[default]
    Require,
    /// The version is taken, and the step says what is wrong.
    Warn,
    /// Nobody looks.
    Off,
}

impl SignatureMode {
    /// Every mode there is.
    pub const ALL: [Self; 3] = [Self::Require, Self::Warn, Self::Off];

    /// The mode as people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Warn => "warn",
            Self::Off => "off",
        }
    }

    /// Reads a mode by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}
