//! Rules for addons: who is asked, who approves, where bytes may come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::ceilings::{self, CeilingSettings, NamespaceSettings};
use crate::config::hooks::HookSettings;
use crate::config::registries::RegistrySettings;
use crate::config::signals::SignalSettings;
use crate::config::signatures::SignatureMode;
use crate::config::starts::StartSettings;
use crate::model::capability::CapabilityKind;
use crate::model::id::AddonId;
use crate::model::units::{ByteSize, Span};

/// Whether a user must name the digest that they consent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentMode {
    /// An addon that asks for anything waits for `consent: "<digest>"`.
    #[default]
    Required,
    /// Consent left out means the digest that was resolved.
    Implied,
}

/// Who lets a published version into the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalMode {
    /// An admin approves each version.
    #[default]
    Manual,
    /// A version that verifies is approved.
    Auto,
}

/// When an addon that crashes is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuarantineSettings {
    /// How far back crashes count.
    pub window: Span,
    /// Crashes of one component for one user that pause it for that user; 0 for never.
    pub user_crashes: u32,
    /// Crashes of one component for several users together that pause it for everybody; 0 for never.
    pub everywhere_crashes: u32,
}

impl Default for QuarantineSettings {
    fn default() -> Self {
        Self { window: Span::secs(600), user_crashes: 3, everywhere_crashes: 10 }
    }
}

/// Rules for addons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddonSettings {
    /// Whether a user must name the digest that they consent to.
    pub consent: ConsentMode,
    /// Who lets a published version into the registry.
    pub approval: ApprovalMode,
    /// What a missing or wrong signature means.
    pub signatures: SignatureMode,
    /// When an addon that crashes is paused.
    pub quarantine: QuarantineSettings,
    /// What addons are woken by, and how often.
    pub signals: SignalSettings,
    /// What addons may leave for later.
    pub starts: StartSettings,
    /// The time that hooks have, and when a broken one is left alone for a while.
    pub hooks: HookSettings,
    /// Largest component, before anything of it is parsed; a namespace may have its own.
    pub component_limit: ByteSize,
    /// Longest time for fetching one component from where it is published.
    pub fetch_timeout: Span,
    /// OCI registries that need signing in, or plain `http`; by host and port.
    pub registries: BTreeMap<String, RegistrySettings>,
    /// Folders that an admin may publish from by path.
    pub path_roots: Vec<PathBuf>,
    /// Largest parameters of an action.
    pub params_limit: ByteSize,
    /// How long the version before an upgrade is kept with its values, for a rollback.
    pub keep_previous: Span,
    /// The most that any addon may be given, until an admin says otherwise (`/admin/policy`). `kv` and `kv-shared` have
    /// a ceiling of 64 MiB without being written down.
    pub ceilings: BTreeMap<CapabilityKind, CeilingSettings>,
    /// Rules for the addons of one publisher, by what stands before the dot of their ids.
    pub namespaces: BTreeMap<String, NamespaceSettings>,
}

impl AddonSettings {
    /// The first thing that is wrong in the ceilings.
    pub(super) fn fault(&self) -> Option<String> {
        let own = |(name, settings): (&String, &NamespaceSettings)| {
            if AddonId::parse(&format!("{name}.any")).is_err() {
                return Some(format!("addons.namespaces: `{name}` is not the part before the dot of addon ids"));
            }
            ceilings::fault(&format!("addons.namespaces.{name}.ceilings"), &settings.ceilings)
        };
        ceilings::fault("addons.ceilings", &self.ceilings).or_else(|| self.namespaces.iter().find_map(own))
    }
}

impl Default for AddonSettings {
    fn default() -> Self {
        Self {
            consent: ConsentMode::Required,
            approval: ApprovalMode::Manual,
            signatures: SignatureMode::Require,
            quarantine: QuarantineSettings::default(),
            signals: SignalSettings::default(),
            starts: StartSettings::default(),
            hooks: HookSettings::default(),
            component_limit: ByteSize::mib(4),
            fetch_timeout: Span::secs(120),
            registries: BTreeMap::new(),
            path_roots: Vec::new(),
            params_limit: ByteSize::kib(256),
            keep_previous: Span::secs(7 * 24 * 60 * 60),
            ceilings: BTreeMap::new(),
            namespaces: BTreeMap::new(),
        }
    }
}

impl AddonSettings {
    /// Largest component of a namespace.
    #[must_use]
    pub fn limit_of(&self, namespace: &str) -> ByteSize {
        self.own_limit(namespace).unwrap_or(self.component_limit)
    }

    /// Largest component that anybody may publish who owns `namespaces` (`*` is every one), or all of them: what is
    /// received before it is known whose it is.
    #[must_use]
    pub fn limit_for(&self, namespaces: &[String], owns_all: bool) -> ByteSize {
        let owns_all = owns_all || namespaces.iter().any(|own| own == "*");
        let named = self.namespaces.iter().filter(|(name, _)| owns_all || namespaces.contains(*name));
        let owns_others = owns_all || namespaces.iter().any(|own| self.own_limit(own).is_none());
        let others = owns_others.then_some(self.component_limit);
        named.filter_map(|(_, own)| own.component_limit).chain(others).max().unwrap_or(self.component_limit)
    }

    fn own_limit(&self, namespace: &str) -> Option<ByteSize> {
        self.namespaces.get(namespace).and_then(|own| own.component_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_its_own_limit_and_a_publisher_the_largest_of_its_namespaces() {
        let (small, middle, large) = (ByteSize::mib(4), ByteSize::mib(16), ByteSize::mib(48));
        let own =
            |limit: Option<ByteSize>| NamespaceSettings { component_limit: limit, ..NamespaceSettings::default() };
        let namespaces =
            [("acme", Some(middle)), ("tiny", Some(ByteSize::mib(1))), ("snake", Some(large)), ("plain", None)]
                .map(|(name, limit)| (name.to_owned(), own(limit)));
        let settings = AddonSettings { namespaces: namespaces.into(), ..AddonSettings::default() };
        assert_eq!(["acme", "other", "plain"].map(|name| settings.limit_of(name)), [middle, small, small]);
        for (namespaces, owns_all, expected) in [
            (&["acme"][..], false, middle),
            (&["tiny"], false, ByteSize::mib(1)),
            (&["tiny", "other"], false, small),
            (&["tiny", "plain"], false, small),
            (&["*"], false, large),
            (&[], true, large),
            (&[], false, small),
        ] {
            let namespaces: Vec<String> = namespaces.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(settings.limit_for(&namespaces, owns_all), expected, "{namespaces:?}");
        }
    }
}
