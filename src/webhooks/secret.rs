//! The secrets that webhooks are signed with, written `whsec_<base64>`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngCore as _;
use sha2::Sha256;

use crate::config::secrets::RootKey;
use crate::model::id::{ClientId, EndpointId};

/// What every secret starts with: some verifiers decode base64 only behind it and use the raw text otherwise.
const PREFIX: &str = "whsec_";
/// Shortest secret in bytes (Standard Webhooks).
const SHORTEST: usize = 24;
/// Longest secret in bytes (Standard Webhooks); also HMAC-SHA256's block, so that a key never has to be hashed first.
const LONGEST: usize = 64;

/// A symmetric signing secret of 24–64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// Why a text is not a signing secret. The text itself is not repeated: it is nearly a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the base64 of 24 to 64 bytes")]
pub struct SecretError;

impl WebhookSecret {
    /// Parses `whsec_<base64>`.
    ///
    /// # Errors
    /// [`SecretError`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let digits = text.strip_prefix(PREFIX).ok_or(SecretError)?;
        let bytes = STANDARD.decode(digits).map_err(|_| SecretError)?;
        if (SHORTEST..=LONGEST).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError) }
    }

    /// A fresh secret from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = vec![0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret that signs a client's per-request webhooks when it has set none: derived, so nothing is stored.
    /// Each rotation counts `generation` up; 0 is the first.
    #[must_use]
    pub fn default_of(root: &RootKey, client: &ClientId, generation: u32) -> Self {
        Self(root.derive("webhook-default-secret", &format!("{generation}/{client}")).to_vec())
    }

    /// The secret of a standing endpoint whose client has given none: derived, so nothing is stored. Each rotation counts
    /// `generation` up.
    #[must_use]
    pub fn of_endpoint(root: &RootKey, endpoint: &EndpointId, generation: u32) -> Self {
        Self(root.derive("webhook-endpoint-secret", &format!("{generation}/{endpoint}")).to_vec())
    }

    /// The secret as its owner needs it. Never log it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// HMAC-SHA256 of the concatenated `parts`.
    pub(crate) fn authenticate(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut key = [0; LONGEST];
        for (place, byte) in key.iter_mut().zip(&self.0) {
            *place = *byte;
        }
        let mut mac = Hmac::<Sha256>::new(&key.into());
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_what_it_reveals_and_hides_from_debug() {
        let secret = WebhookSecret::generate();
        assert_eq!(WebhookSecret::parse(&secret.reveal()).as_ref(), Ok(&secret));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(hidden)");
    }

    #[test]
    fn a_text_without_prefix_or_of_the_wrong_length_is_no_secret() {
        let of = |length: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; length]));
        for (text, is_good) in [
            (of(24), true),
            (of(64), true),
            (of(23), false),
            (of(65), false),
            (STANDARD.encode([7; 32]), false),
            (String::from("whsec_?"), false),
        ] {
            assert_eq!(WebhookSecret::parse(&text).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn default_secrets_differ_by_client_and_generation_and_stay_the_same_otherwise() {
        let root = RootKey::from_bytes([1; 32]);
        let ids: Vec<ClientId> = ["acme", "1/acme", "other"].iter().filter_map(|id| ClientId::parse(id).ok()).collect();
        let mut seen = Vec::new();
        for client in &ids {
            for generation in 0..3 {
                let secret = WebhookSecret::default_of(&root, client, generation);
                assert_eq!(secret, WebhookSecret::default_of(&root, client, generation));
                assert!(!seen.contains(&secret.reveal()));
                seen.push(secret.reveal());
            }
        }
    }
}
