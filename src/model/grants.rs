//! What a user gave an addon: never more than its manifest asks for.

use serde::{Deserialize, Serialize};

use crate::model::capability::{Capability, CapabilityKind, DEFAULT_KV_BYTES};
use crate::model::manifest::Manifest;
use crate::model::reach::Reach;
use crate::model::usage::Use;

/// The capabilities that one enablement holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grants(Vec<Capability>);

/// Why a wish for grants cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantsError {
    /// The addon's manifest does not ask for this.
    #[error("`{}` is not among the capabilities that the addon asks for", .0.as_str())]
    NotRequested(CapabilityKind),
    /// The manifest asks for less than this.
    #[error("`{}` is wider than what the addon asks for", .0.as_str())]
    Wider(CapabilityKind),
    /// It cannot be read.
    #[error("`{}`: {}", .0.as_str(), .1)]
    Malformed(CapabilityKind, String),
}

impl From<Vec<Capability>> for Grants {
    fn from(capabilities: Vec<Capability>) -> Self {
        Self(capabilities)
    }
}

impl Grants {
    /// Exactly what the manifest asks for.
    #[must_use]
    pub fn requested(manifest: &Manifest) -> Self {
        Self(manifest.capabilities.iter().map(|asked| Capability { reason: String::new(), ..asked.clone() }).collect())
    }

    /// A narrowing of what the manifest asks for.
    ///
    /// # Errors
    /// [`GrantsError`] names the first capability that cannot be read, is not asked for, or is wider than asked for.
    pub fn narrowed(manifest: &Manifest, wish: Vec<Capability>) -> Result<Self, GrantsError> {
        let asked = Self::requested(manifest);
        for capability in &wish {
            if let Some(fault) = capability.faults().into_iter().next() {
                return Err(GrantsError::Malformed(capability.kind, format!("{} {}", fault.field, fault.message)));
            }
            if !asked.has(capability.kind) {
                return Err(GrantsError::NotRequested(capability.kind));
            }
            if !asked.covers(&Self(vec![capability.clone()])) {
                return Err(GrantsError::Wider(capability.kind));
            }
        }
        Ok(Self(wish))
    }

    /// Whether every use that `asked` allows is allowed here: `asked` is equal or less.
    #[must_use]
    pub fn covers(&self, asked: &Self) -> bool {
        self.beyond(asked).is_empty()
    }

    /// Those capabilities of `asked` that allow something that is not allowed here: what a person has to be asked about.
    #[must_use]
    pub fn beyond(&self, asked: &Self) -> Vec<Capability> {
        let is_held = |capability: &&Capability| {
            Reach::of(capability).atoms().into_iter().all(|atom| {
                let atom = atom.into_capability(capability.kind);
                self.0.iter().any(|mine| mine.covers(&atom))
            })
        };
        asked.0.iter().filter(|capability| !is_held(capability)).cloned().collect()
    }

    /// What both allow, written in the one way that there is: sorted, and nothing stands twice.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self::widest(self.0.iter().flat_map(|mine| other.0.iter().filter_map(|theirs| mine.intersect(theirs))))
    }

    /// Capabilities in the order in which they are always written, without those that one of the others covers.
    #[must_use]
    pub(super) fn widest(capabilities: impl Iterator<Item = Capability>) -> Self {
        let mut all: Vec<Capability> = capabilities.collect();
        all.sort_by(Capability::order);
        let mut kept: Vec<Capability> = Vec::new();
        for capability in all {
            if !kept.iter().any(|other| other.covers(&capability)) {
                kept.retain(|other| !capability.covers(other));
                kept.push(capability);
            }
        }
        Self(kept)
    }

    /// Whether one use is allowed.
    #[must_use]
    pub fn allows(&self, asked: &Use) -> bool {
        self.0.iter().any(|capability| capability.allows(asked))
    }

    /// These grants without some kinds.
    #[must_use]
    pub fn without(self, kinds: &[CapabilityKind]) -> Self {
        Self(self.0.into_iter().filter(|capability| !kinds.contains(&capability.kind)).collect())
    }

    /// The granted capabilities.
    #[must_use]
    pub fn capabilities(&self) -> &[Capability] {
        &self.0
    }

    /// Whether a door is open.
    #[must_use]
    pub fn has(&self, kind: CapabilityKind) -> bool {
        self.0.iter().any(|capability| capability.opens(kind))
    }

    /// Credits for pictures that the `images` capability gives for one day, 0 where it is not granted.
    #[must_use]
    pub fn credits_per_day(&self) -> u64 {
        let images = self.0.iter().filter(|capability| capability.kind == CapabilityKind::Images);
        images.filter_map(|capability| capability.credits_per_day).max().unwrap_or(0)
    }

    /// Bytes that the `kv` capability gives, 0 where it is not granted.
    #[must_use]
    pub fn kv_bytes(&self) -> u64 {
        self.bytes_of(CapabilityKind::Kv)
    }

    /// Bytes that the `kv-shared` capability gives all users of one client together, 0 where it is not granted.
    #[must_use]
    pub fn kv_shared_bytes(&self) -> u64 {
        self.bytes_of(CapabilityKind::KvShared)
    }

    fn bytes_of(&self, kind: CapabilityKind) -> u64 {
        self.0
            .iter()
            .filter(|capability| capability.kind == kind)
            .map(|capability| capability.max_bytes.unwrap_or(DEFAULT_KV_BYTES.as_u64()))
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn manifest(capabilities: &Value) -> Result<Manifest, Box<dyn std::error::Error>> {
        Ok(Manifest::from_value(json!({
            "id": "acme.art", "version": "1.0.0", "name": "Art", "description": "Art.", "actions": [{"name": "draw"}],
            "capabilities": capabilities,
        }))?)
    }

    fn kv(bytes: u64) -> Value {
        json!({ "kind": "kv", "reason": "remembers", "maxBytes": bytes })
    }

    fn http(hosts: &[&str]) -> Value {
        json!({ "kind": "http", "reason": "asks", "hosts": hosts })
    }

    #[test]
    fn a_version_asks_for_more_where_anything_of_it_is_in_nothing_of_the_one_before()
    -> Result<(), Box<dyn std::error::Error>> {
        let (one, two) = ("https://one.example", "https://two.example");
        for (before, after, expected) in [
            (json!([]), json!([]), true),
            (json!([kv(10)]), json!([]), true),
            (json!([kv(10)]), json!([kv(10)]), true),
            (json!([kv(10)]), json!([kv(9)]), true),
            (json!([kv(10)]), json!([kv(11)]), false),
            (json!([]), json!([kv(1)]), false),
            (json!([kv(10)]), json!([kv(10), http(&[one])]), false),
            (json!([http(&[one, two])]), json!([http(&[two])]), true),
            (json!([http(&[one])]), json!([http(&[one, two])]), false),
            (json!([http(&[one]), kv(10)]), json!([kv(5), http(&[one])]), true),
        ] {
            let is_within = Grants::requested(&manifest(&before)?).covers(&Grants::requested(&manifest(&after)?));
            assert_eq!(is_within, expected, "{before} -> {after}");
        }
        Ok(())
    }

    #[test]
    fn what_was_narrowed_stays_narrow_in_the_next_version() -> Result<(), Box<dyn std::error::Error>> {
        let before = manifest(&json!([kv(100)]))?;
        let narrow = Capability { max_bytes: Some(50), ..Capability::bare(CapabilityKind::Kv) };
        let grants = Grants::narrowed(&before, vec![narrow])?;
        for (asked, expected) in [(100, 50), (60, 50), (20, 20)] {
            let carried = grants.intersect(&Grants::requested(&manifest(&json!([kv(asked)]))?));
            assert_eq!(carried.kv_bytes(), expected, "{asked}");
        }
        Ok(())
    }
}
