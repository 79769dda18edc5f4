//! What a user gave an addon: never more than its manifest asks for.

use serde::{Deserialize, Serialize};

use crate::model::capability::{Capability, CapabilityKind, DEFAULT_KV_BYTES};
use crate::model::manifest::Manifest;

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
    /// [`GrantsError`] names the first capability that is not asked for, or wider than asked for.
    pub fn narrowed(manifest: &Manifest, wish: Vec<Capability>) -> Result<Self, GrantsError> {
        for capability in &wish {
            let mut asked = manifest.capabilities.iter().filter(|asked| asked.kind == capability.kind).peekable();
            if asked.peek().is_none() {
                return Err(GrantsError::NotRequested(capability.kind));
            }
            if !asked.any(|asked| capability.is_within(asked)) {
                return Err(GrantsError::Wider(capability.kind));
            }
        }
        Ok(Self(wish))
    }

    /// Whether these grants hold nothing that `others` do not.
    #[must_use]
    pub fn are_within(&self, others: &Self) -> bool {
        all_within(&self.0, &others.0)
    }

    /// These grants for another version of the addon: of what that one asks for, as much as was granted before. None
    /// where the two overlap only in part, so that somebody has to say what is meant.
    #[must_use]
    pub fn carried(&self, manifest: &Manifest) -> Option<Self> {
        let mut carried = Vec::new();
        for asked in &manifest.capabilities {
            let asked = Capability { reason: String::new(), ..asked.clone() };
            let mut granted = self.0.iter().filter(|granted| granted.kind == asked.kind).peekable();
            if granted.peek().is_none() {
                continue;
            }
            let within = granted.find_map(|granted| match (asked.is_within(granted), granted.is_within(&asked)) {
                (true, _) => Some(asked.clone()),
                (false, true) => Some(granted.clone()),
                (false, false) => None,
            });
            carried.push(within?);
        }
        Some(Self(carried))
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
        self.0.iter().any(|capability| capability.kind == kind)
    }

    /// Bytes that the `kv` capability gives, 0 where it is not granted.
    #[must_use]
    pub fn kv_bytes(&self) -> u64 {
        self.0
            .iter()
            .filter(|capability| capability.kind == CapabilityKind::Kv)
            .map(|capability| capability.max_bytes.unwrap_or(DEFAULT_KV_BYTES.as_u64()))
            .max()
            .unwrap_or(0)
    }
}

/// Whether everything of `asked` is within something of `given`: who asks so needs no new consent.
#[must_use]
pub fn all_within(asked: &[Capability], given: &[Capability]) -> bool {
    asked.iter().all(|asked| given.iter().any(|given| asked.is_within(given)))
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
    fn a_version_asks_for_more_where_anything_of_it_is_in_nothing_of_the_one_before() {
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
            let capabilities =
                |value: &Value| -> Result<Vec<Capability>, serde_json::Error> { serde_json::from_value(value.clone()) };
            let is_within = capabilities(&after).and_then(|after| Ok(all_within(&after, &capabilities(&before)?)));
            assert!(matches!(is_within, Ok(answer) if answer == expected), "{before} -> {after}");
        }
    }

    #[test]
    fn what_was_narrowed_stays_narrow_in_the_next_version() -> Result<(), Box<dyn std::error::Error>> {
        let before = manifest(&json!([kv(100)]))?;
        let narrow = Capability { max_bytes: Some(50), ..Capability::bare(CapabilityKind::Kv) };
        let grants = Grants::narrowed(&before, vec![narrow])?;
        for (asked, expected) in [(100, 50), (60, 50), (20, 20)] {
            let carried = grants.carried(&manifest(&json!([kv(asked)]))?);
            assert_eq!(carried.map(|grants| grants.kv_bytes()), Some(expected), "{asked}");
        }
        let refused = Grants::default().carried(&manifest(&json!([kv(20)]))?);
        assert_eq!(refused, Some(Grants::default()), "what was not granted is not granted now");
        Ok(())
    }
}
