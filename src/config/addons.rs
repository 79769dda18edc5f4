//! Rules for addons: who is asked, who approves, where bytes may come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::ceilings::{self, CeilingSettings, NamespaceSettings};
use crate::model::capability::CapabilityKind;
use crate::model::id::AddonId;
use crate::model::units::ByteSize;

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

/// Rules for addons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddonSettings {
    /// Whether a user must name the digest that they consent to.
    pub consent: ConsentMode,
    /// Who lets a published version into the registry.
    pub approval: ApprovalMode,
    /// Largest component, before anything of it is parsed.
    pub component_limit: ByteSize,
    /// Folders that an admin may publish from by path.
    pub path_roots: Vec<PathBuf>,
    /// Largest parameters of an action.
    pub params_limit: ByteSize,
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
            component_limit: ByteSize::mib(4),
            path_roots: Vec::new(),
            params_limit: ByteSize::kib(256),
            ceilings: BTreeMap::new(),
            namespaces: BTreeMap::new(),
        }
    }
}
