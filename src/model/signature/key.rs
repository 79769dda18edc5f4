//! The keys of publishers: what signs, what verifies, and the short name of both.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Bytes of a key, public or private.
const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;
/// Bytes of a key's name, before they are written as hexadecimal digits.
const ID_BYTES: usize = 16;
/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410): sequence, version 0, the algorithm, and the
/// two octet strings around the key. It never differs, so no library is needed to read or write it.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// First line of a private key's file.
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
/// Last line of a private key's file.
const PEM_END: &str = "-----END PRIVATE KEY-----";

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes in base64.
    #[error("a public key is 32 bytes in base64; `semantest addon keygen` prints one")]
    Form,
    /// 32 bytes that are no point of the curve, or one that verifies whatever it is shown.
    #[error("these 32 bytes are no Ed25519 public key that can be trusted")]
    Point,
    /// Not the file of a private key.
    #[error(
        "this is no Ed25519 private key in PEM; `semantest addon keygen` and `openssl genpkey -algorithm ed25519` make one"
    )]
    Pem,
    /// Not a key's name.
    #[error("a key's id is 32 hexadecimal digits in lower case")]
    Id,
}

/// The name of a public key: the first 16 bytes of its sha-256, as 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublisherKeyId(Box<str>);

impl PublisherKeyId {
    /// Parses 32 hexadecimal digits.
    ///
    /// # Errors
    /// [`KeyError::Id`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 2 * ID_BYTES && text.bytes().all(is_digit) { Ok(Self(text.into())) } else { Err(KeyError::Id) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublisherKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PublisherKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublisherKeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 public key, written as base64 of its 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Parses base64 of 32 bytes. Keys of small order, under which anybody can sign anything, are refused.
    ///
    /// # Errors
    /// [`KeyError`] when it is anything else.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError::Form)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| KeyError::Form)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Point)?;
        // One key, one spelling: otherwise one key would have two names.
        let is_canonical = key.to_edwards().compress().as_bytes() == &bytes;
        if is_canonical && !key.is_weak() { Ok(Self(key)) } else { Err(KeyError::Point) }
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> PublisherKeyId {
        let digest = Sha256::digest(self.0.as_bytes());
        let digits: String = digest.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
        PublisherKeyId(digits.into())
    }

    /// Whether `signature` was made over `message` with the private key of this one. Strict: no second signature can be
    /// made out of a first one without the private key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.as_bytes()))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A publisher's private key. It stays with the publisher; no server reads one.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Wraps 32 bytes that are already secret and random.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// Reads PKCS #8 in PEM, as `semantest addon keygen` and openssl write it.
    ///
    /// # Errors
    /// [`KeyError::Pem`] when it is anything else; the text is not repeated.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let inner = text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
        let encoded: String = inner.ok_or(KeyError::Pem)?.split_ascii_whitespace().collect();
        let whole = STANDARD.decode(encoded).map_err(|_| KeyError::Pem)?;
        let seed = whole.strip_prefix(&PKCS8_HEAD).ok_or(KeyError::Pem)?;
        let seed: &[u8; KEY_BYTES] = seed.try_into().map_err(|_| KeyError::Pem)?;
        Ok(Self::from_bytes(seed))
    }

    /// The key as PKCS #8 in PEM, for its owner's file. Never log it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let whole = [PKCS8_HEAD.as_slice(), self.0.as_bytes()].concat();
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", STANDARD.encode(whole))
    }

    /// What verifies this key's signatures.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_what_it_writes_and_hides_from_debug() -> Result<(), KeyError> {
        let secret = SecretKey::from_bytes(&[7; 32]);
        let pem = secret.to_pem();
        assert_eq!(SecretKey::from_pem(&pem)?.public(), secret.public());
        assert_eq!(PublicKey::parse(&secret.public().to_string())?, secret.public());
        assert_eq!(PublisherKeyId::parse(secret.public().id().as_str())?, secret.public().id());
        assert!(!format!("{secret:?}").contains("07"));
        Ok(())
    }

    /// The example of RFC 8410, as openssl writes it: the first test key of RFC 8032.
    #[test]
    fn a_key_of_openssl_is_read() -> Result<(), KeyError> {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let secret = SecretKey::from_pem(pem)?;
        assert_eq!(secret.public().to_string(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
        assert_eq!(secret.public().id().as_str(), "21fe31dfa154a261626bf854046fd227");
        assert_eq!(secret.to_pem(), pem);
        Ok(())
    }

    #[test]
    fn what_is_no_key_is_refused() {
        // The identity: a point of small order.
        let mut small = [0_u8; 32];
        small.iter_mut().take(1).for_each(|byte| *byte = 1);
        for text in ["", "AAAA", "not base64", &STANDARD.encode(small), &STANDARD.encode([0xff; 32])] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
        for text in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", "0123"] {
            assert!(SecretKey::from_pem(text).is_err(), "{text}");
        }
        for text in ["", "0123", &"A".repeat(32), &"0".repeat(33)] {
            assert!(PublisherKeyId::parse(text).is_err(), "{text}");
        }
    }
}
