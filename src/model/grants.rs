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
