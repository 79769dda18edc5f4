//! The most that addons may be given, as operators write it; `/admin/policy` changes it while the platform runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::signatures::SignatureMode;
use crate::model::capability::CapabilityKind;
use crate::model::ceiling::{Ceiling, Ceilings};
use crate::model::units::ByteSize;

/// The ceiling of one kind of capability. What is left out is not bounded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CeilingSettings {
    /// Whether it may be had at all.
    pub allowed: bool,
    /// `http`: places that may be asked; `secrets`: places that may receive one.
    pub hosts: Option<Vec<String>>,
    /// `http`: methods.
    pub methods: Option<Vec<String>>,
    /// `http`: the part of each server.
    pub path_prefix: Option<String>,
    /// `kv`, `kv-shared`: bytes of keys and values together.
    pub max_bytes: Option<ByteSize>,
    /// `secrets`, `secrets-reveal`: names.
    pub names: Option<Vec<String>>,
    /// `images`: credits a day.
    pub credits_per_day: Option<u64>,
    /// `events`: topics.
    pub emits: Option<Vec<String>>,
}

impl Default for CeilingSettings {
    fn default() -> Self {
        Self {
            allowed: true,
            hosts: None,
            methods: None,
            path_prefix: None,
            max_bytes: None,
            names: None,
            credits_per_day: None,
            emits: None,
        }
    }
}

impl From<&CeilingSettings> for Ceiling {
    fn from(settings: &CeilingSettings) -> Self {
        Self {
            allowed: settings.allowed,
            hosts: settings.hosts.clone(),
            methods: settings.methods.clone(),
            path_prefix: settings.path_prefix.clone(),
            max_bytes: settings.max_bytes.map(ByteSize::as_u64),
            names: settings.names.clone(),
            credits_per_day: settings.credits_per_day,
            emits: settings.emits.clone(),
        }
    }
}

/// Rules for the addons of one publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceSettings {
    /// Largest component, in the place of `addons.component_limit`: what the publisher's toolchain needs, which no
    /// component can say for itself.
    pub component_limit: Option<ByteSize>,
    /// Ceilings that stand in the place of the platform's.
    pub ceilings: BTreeMap<CapabilityKind, CeilingSettings>,
    /// What a missing or wrong signature means, in the place of what the platform says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signatures: Option<SignatureMode>,
}

impl NamespaceSettings {
    /// Whether something is said that an admin's policy may say as well.
    #[must_use]
    pub fn has_policy(&self) -> bool {
        !self.ceilings.is_empty() || self.signatures.is_some()
    }
}

/// Ceilings as the model knows them.
#[must_use]
pub fn as_ceilings(settings: &BTreeMap<CapabilityKind, CeilingSettings>) -> Ceilings {
    settings.iter().map(|(kind, ceiling)| (*kind, Ceiling::from(ceiling))).collect()
}

/// The first thing that is wrong in some ceilings, with its place below `section`.
pub(super) fn fault(section: &str, settings: &BTreeMap<CapabilityKind, CeilingSettings>) -> Option<String> {
    as_ceilings(settings).into_iter().find_map(|(kind, ceiling)| {
        let fault = ceiling.faults(kind).into_iter().next()?;
        Some(format!("{section}.{}: {} {}", kind.as_str(), fault.field, fault.message))
    })
}
