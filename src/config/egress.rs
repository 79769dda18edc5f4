//! Where the platform may connect to on behalf of strangers.

use serde::{Deserialize, Serialize};

use crate::model::network::Network;

/// One section for each reason to go out; all of them start closed to private addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressSettings {
    /// Deliveries to webhook receivers.
    pub webhooks: EgressSection,
    /// Fetching components that a publisher or user names by URL.
    pub sources: EgressSection,
    /// Requests of addons, and pictures that a provider answers with by URL.
    pub guests: EgressSection,
}

/// What one reason to go out may reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressSection {
    /// Networks of your own that may be reached although they are not public, such as `["10.0.0.0/8"]`: on any port,
    /// and over plain `http` too. Link-local and cloud metadata addresses stay closed whatever stands here.
    pub allow: Vec<Network>,
    /// Whether public addresses may be reached over plain `http` (port 80 and `ports`).
    pub allow_http: bool,
    /// Ports of public addresses that may be reached.
    pub ports: Vec<u16>,
}

impl Default for EgressSection {
    fn default() -> Self {
        Self { allow: Vec::new(), allow_http: false, ports: vec![443] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_names_only_what_it_changes() {
        let settings: Result<EgressSettings, _> = toml::from_str("[webhooks]\nallow = [\"10.0.0.0/8\"]\n");
        let expected = EgressSection { allow: vec![Network::v4([10, 0, 0, 0], 8)], ..EgressSection::default() };
        assert_eq!(settings.map(|settings| settings.webhooks), Ok(expected));
    }

    #[test]
    fn a_malformed_network_and_an_unknown_key_are_refused() {
        for text in ["[webhooks]\nallow = [\"10.0.0.1/8\"]\n", "[sources]\nallowed = []\n", "[providers]\n"] {
            assert!(toml::from_str::<EgressSettings>(text).is_err(), "{text}");
        }
    }
}
