//! Which secrets manifests ask for.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::capability::{CapabilityKind, SecretSpec};
use crate::model::manifest::Manifest;
use crate::model::right::Rights;

/// The secrets that one or several manifests ask for, by name.
#[derive(Debug, Default)]
pub(super) struct Declared(BTreeMap<String, (bool, BTreeSet<String>)>);

impl Declared {
    /// Adds what a manifest asks for.
    pub(super) fn add(&mut self, manifest: &Manifest) {
        for spec in specs(manifest) {
            let (required, origins) = self.0.entry(spec.name.clone()).or_default();
            *required |= spec.required;
            origins.extend(spec.origins.iter().cloned());
        }
    }

    /// Adds the names that only this manifest asks for, none of them as required.
    pub(super) fn add_optional(&mut self, manifest: &Manifest) {
        let known: BTreeSet<String> = self.0.keys().cloned().collect();
        for spec in specs(manifest).filter(|spec| !known.contains(&spec.name)) {
            self.0.entry(spec.name.clone()).or_default().1.extend(spec.origins.iter().cloned());
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Name, whether it is required, and the places that may receive it.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, bool, Vec<String>)> {
        self.0.iter().map(|(name, (required, origins))| (name.as_str(), *required, origins.iter().cloned().collect()))
    }
}

/// The names that a manifest says its addon cannot work without.
pub(super) fn required(manifest: &Manifest) -> impl Iterator<Item = &str> {
    specs(manifest).filter(|spec| spec.required).map(|spec| spec.name.as_str())
}

/// The names that an enablement may use.
pub(super) fn granted(rights: &Rights) -> BTreeSet<&str> {
    let capabilities = rights.effective().capabilities().iter();
    capabilities
        .filter(|capability| capability.opens(CapabilityKind::Secrets))
        .flat_map(|capability| capability.secrets.iter().map(|spec| spec.name.as_str()))
        .collect()
}

fn specs(manifest: &Manifest) -> impl Iterator<Item = &SecretSpec> {
    let asked = manifest.capabilities.iter().filter(|capability| capability.opens(CapabilityKind::Secrets));
    asked.flat_map(|capability| &capability.secrets)
}
