//! The one root secret, and the subkeys that are made from it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::config::secret::Secret;

/// What binds our subkeys to this platform: the same root key used elsewhere gives other subkeys there.
const SALT: &[u8] = b"semantest/root/v1";

/// The key that every other secret of the platform is derived from (`SEMANTEST_MASTER_KEY`, 32 bytes).
#[derive(Clone)]
pub struct RootKey([u8; 32]);

/// Why a text is not a root key. The text itself is not repeated: it is nearly a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master key is 32 random bytes, as 64 hexadecimal digits or as base64 (`openssl rand -hex 32` makes one)")]
pub struct RootKeyError;

impl RootKey {
    /// Wraps 32 bytes that are already secret and random.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits or base64 of 32 bytes; white space around it is ignored.
    ///
    /// # Errors
    /// [`RootKeyError`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, RootKeyError> {
        let text = text.trim();
        let decoded = hex::decode(text).or_else(|_| STANDARD.decode(text)).map_err(|_| RootKeyError)?;
        decoded.try_into().map(Self).map_err(|_| RootKeyError)
    }

    /// The key itself, for whoever computes with it.
    #[must_use]
    pub(super) const fn into_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The key as 64 hexadecimal digits, for the file that `dev` keeps it in. Never log it.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }

    /// The subkey for one `purpose` (such as `webhooks`) and one `context` within it (such as a client's name).
    ///
    /// HKDF-SHA256 (RFC 5869) of one output block. The purpose's length stands before it, so that no pair of
    /// purpose and context runs into another one.
    #[must_use]
    pub fn derive(&self, purpose: &str, context: &str) -> [u8; 32] {
        let (secret, _) = Hkdf::<Sha256>::extract(Some(SALT), &self.0);
        // One block of HKDF-Expand by hand: the crate's own returns a Result that cannot fail here but would have to
        // be handled, and a made-up answer to "no key" is the worst one. A test compares the two.
        let mut padded = [0; 64];
        for (place, byte) in padded.iter_mut().zip(secret) {
            *place = byte;
        }
        let mut block = Hmac::<Sha256>::new(&padded.into());
        block.update(&info(purpose, context));
        block.update(&[1]);
        block.finalize().into_bytes().into()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(hidden)")
    }
}

/// What HKDF calls `info`.
fn info(purpose: &str, context: &str) -> Vec<u8> {
    let length = u32::try_from(purpose.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), purpose.as_bytes(), context.as_bytes()].concat()
}

/// The root secret, and the keys of stored secrets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretSettings {
    /// 32 random bytes as 64 hexadecimal digits or base64; every other secret is made from it. Better in
    /// `SEMANTEST_MASTER_KEY` or a file that `SEMANTEST_MASTER_KEY_FILE` names than here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key: Option<Secret>,
    /// What the secrets of addons are encrypted with: one or more keys as `master_key`, with spaces, commas or line ends
    /// between them. The first one encrypts, all of them decrypt, and so does the one that is derived from the master key,
    /// which does both where none is set. Better in a file that `SEMANTEST_VALUE_KEYS_FILE` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_keys: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subkey_is_what_hkdf_says() {
        for (purpose, context) in [("webhooks", "acme"), ("", ""), ("signed-urls", "x")] {
            let root = RootKey::from_bytes([7; 32]);
            let mut expected = [0; 32];
            let hkdf = Hkdf::<Sha256>::new(Some(SALT), &[7; 32]);
            assert!(hkdf.expand(&info(purpose, context), &mut expected).is_ok());
            assert_eq!(root.derive(purpose, context), expected);
        }
    }

    #[test]
    fn no_two_purposes_share_a_subkey() {
        let root = RootKey::generate();
        assert_ne!(root.derive("ab", "c"), root.derive("a", "bc"));
        assert_ne!(root.derive("a", "b"), RootKey::generate().derive("a", "b"));
        assert_eq!(root.derive("a", "b"), root.clone().derive("a", "b"));
    }

    #[test]
    fn a_key_reads_back_what_it_reveals_and_hides_from_debug() {
        let root = RootKey::generate();
        let same = RootKey::parse(&format!(" {}\n", root.reveal()));
        assert_eq!(same.map(|same| same.0), Ok(root.0));
        assert_eq!(RootKey::parse(&STANDARD.encode(root.0)).map(|same| same.0), Ok(root.0));
        assert!(!format!("{root:?}").contains(&root.reveal()));
        for text in ["", "secret", "00", &"0".repeat(63), &"0".repeat(66)] {
            assert!(RootKey::parse(text).is_err(), "{text}");
        }
    }
}
