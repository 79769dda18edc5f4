//! Envelopes around secrets: AES-256-GCM twice.
//!
//! Each value is encrypted with a key of its own, and that one with a key of the installation ([`ValueKeys`]). A rotation
//! so wraps 32 bytes anew and leaves the value alone. Both layers authenticate where the row belongs (whose it is, which
//! addon, which name): a row that was copied to another place does not open there.
//!
//! A row is `<key id> <base64>`; the bytes are a version (1), nonce and wrapped key (12 + 48), nonce and value (12 + n + 16).

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use rand::RngCore as _;
use zeroize::Zeroizing;

use crate::config::value_keys::{ValueKey, ValueKeyId, ValueKeys};
use crate::model::secret_value::SecretValue;
use crate::store::secret_scope::SecretScope;

/// The layout of a row's bytes.
const VERSION: u8 = 1;
/// Bytes of a nonce, drawn at random for each encryption.
const NONCE_BYTES: usize = 12;
/// Bytes of a data key with its tag.
const WRAPPED_BYTES: usize = 32 + 16;
/// What every associated text begins with.
const CONTEXT: &str = "semantest/secret/1";

/// Why an envelope does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It was closed with a key that this process was not given.
    #[error(
        "it is encrypted with the key {0}, which is not among secrets.value_keys (SEMANTEST_VALUE_KEYS): \
         give that key to every process again, behind the newest one"
    )]
    KeyMissing(ValueKeyId),
    /// It is no envelope, was changed, or belongs elsewhere.
    #[error("its bytes were changed or belong to another place")]
    Damaged,
}

/// Closes and opens envelopes with the keys of this installation.
#[derive(Clone, Debug)]
pub struct Envelopes(ValueKeys);

/// One row's parts.
struct Parts {
    key: ValueKeyId,
    wrap_nonce: [u8; NONCE_BYTES],
    wrapped: Vec<u8>,
    /// Nonce and value, as they stay when the key is wrapped anew.
    rest: Vec<u8>,
}

impl Envelopes {
    /// Envelopes closed with the newest of these keys.
    #[must_use]
    pub const fn new(keys: ValueKeys) -> Self {
        Self(keys)
    }

    /// The key that closes them.
    #[must_use]
    pub const fn newest(&self) -> &ValueKeyId {
        self.0.newest().id()
    }

    /// Whether this process has a key.
    #[must_use]
    pub fn has(&self, id: &ValueKeyId) -> bool {
        self.0.get(id).is_some()
    }

    /// Closes an envelope around `value` for one place.
    pub(super) fn seal(&self, scope: &SecretScope, name: &str, value: &SecretValue) -> Result<String, EnvelopeError> {
        let mut data_key = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *data_key);
        let nonce = fresh_nonce();
        let sealed = encrypt(&data_key, nonce, value.expose(), &associated("value", scope, name))?;
        let rest = [nonce.as_slice(), &sealed].concat();
        wrap(self.0.newest(), &data_key, &rest, scope, name)
    }

    /// Opens an envelope that belongs to this place.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn open(&self, scope: &SecretScope, name: &str, row: &str) -> Result<SecretValue, EnvelopeError> {
        let parts = Parts::read(row)?;
        let data_key = self.unwrap(&parts, scope, name)?;
        let (nonce, sealed) = parts.rest.split_first_chunk::<NONCE_BYTES>().ok_or(EnvelopeError::Damaged)?;
        let value = decrypt(&data_key, *nonce, sealed, &associated("value", scope, name))?;
        SecretValue::new(value).map_err(|_| EnvelopeError::Damaged)
    }

    /// The same envelope closed with the newest key.
    pub(super) fn rewrap(&self, scope: &SecretScope, name: &str, row: &str) -> Result<String, EnvelopeError> {
        let parts = Parts::read(row)?;
        let data_key = self.unwrap(&parts, scope, name)?;
        wrap(self.0.newest(), &data_key, &parts.rest, scope, name)
    }

    fn unwrap(&self, parts: &Parts, scope: &SecretScope, name: &str) -> Result<Zeroizing<[u8; 32]>, EnvelopeError> {
        let key = self.0.get(&parts.key).ok_or_else(|| EnvelopeError::KeyMissing(parts.key.clone()))?;
        let context = associated("key", scope, name);
        let bytes = Zeroizing::new(decrypt(key.expose(), parts.wrap_nonce, &parts.wrapped, &context)?);
        let data_key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| EnvelopeError::Damaged)?;
        Ok(Zeroizing::new(data_key))
    }
}

impl Parts {
    fn read(row: &str) -> Result<Self, EnvelopeError> {
        let (key, text) = row.split_once(' ').ok_or(EnvelopeError::Damaged)?;
        let key = ValueKeyId::parse(key).ok_or(EnvelopeError::Damaged)?;
        let bytes = BASE64_STANDARD_NO_PAD.decode(text).map_err(|_| EnvelopeError::Damaged)?;
        let bytes = bytes.strip_prefix(&[VERSION]).ok_or(EnvelopeError::Damaged)?;
        let (wrap_nonce, bytes) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(EnvelopeError::Damaged)?;
        let (wrapped, rest) = bytes.split_at_checked(WRAPPED_BYTES).ok_or(EnvelopeError::Damaged)?;
        Ok(Self { key, wrap_nonce: *wrap_nonce, wrapped: wrapped.to_vec(), rest: rest.to_vec() })
    }
}

/// The key that closed an envelope.
pub(super) fn key_of(row: &str) -> Option<ValueKeyId> {
    ValueKeyId::parse(row.split_once(' ')?.0)
}

fn wrap(
    key: &ValueKey,
    data_key: &[u8; 32],
    rest: &[u8],
    scope: &SecretScope,
    name: &str,
) -> Result<String, EnvelopeError> {
    let nonce = fresh_nonce();
    let wrapped = encrypt(key.expose(), nonce, data_key, &associated("key", scope, name))?;
    let bytes = [&[VERSION], nonce.as_slice(), &wrapped, rest].concat();
    Ok(format!("{} {}", key.id(), BASE64_STANDARD_NO_PAD.encode(bytes)))
}

fn fresh_nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

/// Where a row belongs, so that no other place reads the same: each part with its length before it.
fn associated(layer: &str, scope: &SecretScope, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [CONTEXT, layer].into_iter().chain(scope.parts()).chain([name]) {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn encrypt(key: &[u8; 32], nonce: [u8; NONCE_BYTES], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    // It fails for texts of many gigabytes only, and then there is nothing to store.
    Aes256Gcm::new(key.into()).encrypt(&nonce.into(), Payload { msg, aad }).map_err(|_| EnvelopeError::Damaged)
}

fn decrypt(key: &[u8; 32], nonce: [u8; NONCE_BYTES], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    Aes256Gcm::new(key.into()).decrypt(&nonce.into(), Payload { msg, aad }).map_err(|_| EnvelopeError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::secret::Secret;
    use crate::config::secrets::{RootKey, SecretSettings};
    use crate::model::id::{AddonId, ClientId, UserId};

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    fn envelopes(text: &str) -> Result<Envelopes, Box<dyn std::error::Error>> {
        let settings = SecretSettings { value_keys: Some(Secret::new(text)), ..SecretSettings::default() };
        Ok(Envelopes::new(ValueKeys::of(&settings, &RootKey::from_bytes([7; 32]))?))
    }

    fn scopes(client: &str, user: &str, addon: &str) -> Result<[SecretScope; 3], Box<dyn std::error::Error>> {
        Ok(SecretScope::of(&ClientId::parse(client)?, &UserId::parse(user)?, &AddonId::parse(addon)?))
    }

    #[test]
    fn an_envelope_opens_where_it_belongs_and_nowhere_else() -> TestResult {
        let envelopes = envelopes("")?;
        let value = SecretValue::new(b"correct horse".to_vec())?;
        let here = scopes("acme", "alice", "acme.art")?;
        let elsewhere = [
            scopes("other", "alice", "acme.art")?,
            scopes("acme", "bob", "acme.art")?,
            scopes("acme", "alice", "acme.other")?,
        ];
        for scope in &here {
            let row = envelopes.seal(scope, "key", &value)?;
            assert!(!row.contains("correct") && !row.contains(&BASE64_STANDARD_NO_PAD.encode("correct horse")));
            assert_eq!(envelopes.open(scope, "key", &row), Ok(value.clone()));
            assert_eq!(envelopes.open(scope, "key2", &row), Err(EnvelopeError::Damaged), "another name");
            for other in here.iter().chain(elsewhere.iter().flatten()).filter(|other| *other != scope) {
                assert_eq!(envelopes.open(other, "key", &row), Err(EnvelopeError::Damaged), "{scope} at {other}");
            }
        }
        Ok(())
    }

    #[test]
    fn no_bit_of_an_envelope_may_be_changed() -> TestResult {
        let envelopes = envelopes("")?;
        let [scope, ..] = scopes("acme", "alice", "acme.art")?;
        let row = envelopes.seal(&scope, "key", &SecretValue::new(b"correct horse".to_vec())?)?;
        let (id, text) = row.split_once(' ').ok_or("no row")?;
        let bytes = BASE64_STANDARD_NO_PAD.decode(text)?;
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
            }
            let row = format!("{id} {}", BASE64_STANDARD_NO_PAD.encode(&bytes));
            assert_eq!(envelopes.open(&scope, "key", &row), Err(EnvelopeError::Damaged), "byte {place}");
        }
        for length in 0..bytes.len() {
            let row = format!("{id} {}", BASE64_STANDARD_NO_PAD.encode(bytes.get(..length).unwrap_or_default()));
            assert_eq!(envelopes.open(&scope, "key", &row), Err(EnvelopeError::Damaged), "{length} bytes");
        }
        Ok(())
    }

    #[test]
    fn the_same_value_is_never_the_same_row() -> TestResult {
        let envelopes = envelopes("")?;
        let [scope, ..] = scopes("acme", "alice", "acme.art")?;
        let value = SecretValue::new(b"correct horse".to_vec())?;
        assert_ne!(envelopes.seal(&scope, "key", &value)?, envelopes.seal(&scope, "key", &value)?);
        Ok(())
    }

    #[test]
    fn a_rotation_wraps_the_key_anew_and_then_needs_the_old_one_no_more() -> TestResult {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let (before, both, after) = (envelopes(&one)?, envelopes(&format!("{two} {one}"))?, envelopes(&two)?);
        let [scope, ..] = scopes("acme", "alice", "acme.art")?;
        let value = SecretValue::new(b"correct horse".to_vec())?;
        let row = before.seal(&scope, "key", &value)?;
        assert_eq!(after.open(&scope, "key", &row), Err(EnvelopeError::KeyMissing(before.newest().clone())));
        let fresh = both.rewrap(&scope, "key", &row)?;
        assert_eq!(key_of(&fresh).as_ref(), Some(after.newest()));
        assert_eq!(after.open(&scope, "key", &fresh), Ok(value));
        Ok(())
    }
}
