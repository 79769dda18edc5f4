//! The key pairs behind `v1a`: what signs, and what receivers verify with.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde::Serialize;

use crate::config::secrets::RootKey;
use crate::model::digest::Digest;
use crate::model::id::ClientId;

/// What a public key starts with (Standard Webhooks).
const PUBLIC_PREFIX: &str = "whpk_";

/// An Ed25519 key pair of one client. A pair for all would let one client's webhook pass as another's: whoever gets a signed
/// body could send it on.
#[derive(Clone)]
pub struct KeyPair(SigningKey);

/// A public key, as a member of a JSON Web Key Set (RFC 8037) and as Standard Webhooks writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKeyView {
    /// `OKP`.
    pub kty: &'static str,
    /// `Ed25519`.
    pub crv: &'static str,
    /// `EdDSA`.
    pub alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// The key's name, made from the key.
    pub kid: String,
    /// The 32 bytes in base64url.
    pub x: String,
    /// The same as `whpk_<base64>`.
    pub whpk: String,
}

impl KeyPair {
    /// A client's pair: derived, so nothing is stored. Each rotation counts `generation` up.
    #[must_use]
    pub fn of(root: &RootKey, client: &ClientId, generation: u32) -> Self {
        Self(SigningKey::from_bytes(&root.derive("webhook-key-pair", &format!("{generation}/{client}"))))
    }

    /// The signature of the concatenated `parts`, as 64 bytes.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        self.0.sign(&parts.concat()).to_bytes()
    }

    /// What receivers verify with.
    #[must_use]
    pub fn public(&self) -> PublicKeyView {
        let bytes = self.0.verifying_key().to_bytes();
        PublicKeyView {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            purpose: "sig",
            kid: Digest::of(&bytes).hex().chars().take(16).collect(),
            x: BASE64_URL_SAFE_NO_PAD.encode(bytes),
            whpk: format!("{PUBLIC_PREFIX}{}", STANDARD.encode(bytes)),
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public().kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_generations_have_pairs_of_their_own() {
        let root = RootKey::from_bytes([1; 32]);
        let mut seen = Vec::new();
        for client in ["acme", "1/acme", "other"].iter().filter_map(|id| ClientId::parse(id).ok()) {
            for generation in 1..4 {
                let key = KeyPair::of(&root, &client, generation).public();
                assert_eq!(key, KeyPair::of(&root, &client, generation).public());
                assert!(!seen.contains(&key.x));
                seen.push(key.x);
            }
        }
    }
}
