//! The keys that stored secrets are encrypted with: the newest one encrypts, all of them decrypt.

use std::fmt;

use zeroize::Zeroizing;

use crate::config::secrets::{RootKey, SecretSettings};

/// Most keys that are kept side by side: a rotation needs two.
const MAX_KEYS: usize = 16;
/// What the key that nobody has to set is derived for.
const PURPOSE: &str = "secret-values";
/// Bytes of a key's name.
const ID_BYTES: usize = 8;

/// A key's public name, made from the key: 16 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueKeyId(Box<str>);

impl ValueKeyId {
    /// Reads 16 lower-case hexadecimal digits; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 2 * ID_BYTES && text.bytes().all(is_hex)).then(|| Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ValueKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One key of 32 bytes.
#[derive(Clone)]
pub struct ValueKey {
    id: ValueKeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl ValueKey {
    fn of(bytes: [u8; 32]) -> Self {
        let name = RootKey::from_bytes(bytes).derive("value-key-id", "");
        let id = ValueKeyId(hex::encode(name.get(..ID_BYTES).unwrap_or(&name)).into());
        Self { id, bytes: Zeroizing::new(bytes) }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &ValueKeyId {
        &self.id
    }

    /// The key itself, for the cipher alone.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for ValueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueKey({})", self.id)
    }
}

/// The keys of this installation.
#[derive(Clone, Debug)]
pub struct ValueKeys {
    newest: ValueKey,
    older: Vec<ValueKey>,
}

/// Why the setting holds no keys. Its text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueKeysError {
    /// One of them is not 32 bytes.
    #[error(
        "key number {0} of secrets.value_keys is not 32 random bytes, as 64 hexadecimal digits or as base64 \
         (`openssl rand -hex 32` makes one)"
    )]
    Malformed(usize),
    /// More than anybody needs.
    #[error("secrets.value_keys holds {0} keys, at most {MAX_KEYS} are allowed")]
    TooMany(usize),
}

impl ValueKeys {
    /// The keys that are set, newest first, and behind them the one that is derived from the root key: it encrypts where no
    /// other is set, and whoever sets one later loses nothing.
    ///
    /// # Errors
    /// [`ValueKeysError`] when one is malformed or there are too many.
    pub fn of(settings: &SecretSettings, root: &RootKey) -> Result<Self, ValueKeysError> {
        let text = settings.value_keys.as_ref().map_or("", |keys| keys.expose());
        let words = text.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty());
        let mut keys = Vec::new();
        for (index, word) in words.enumerate() {
            let key = RootKey::parse(word).map_err(|_| ValueKeysError::Malformed(index + 1))?;
            keys.push(ValueKey::of(key.into_bytes()));
        }
        if keys.len() > MAX_KEYS {
            return Err(ValueKeysError::TooMany(keys.len()));
        }
        keys.push(ValueKey::of(root.derive(PURPOSE, "")));
        let older = keys.split_off(1);
        match keys.pop() {
            Some(newest) => Ok(Self { newest, older }),
            None => Err(ValueKeysError::TooMany(0)),
        }
    }

    /// The key that encrypts.
    #[must_use]
    pub const fn newest(&self) -> &ValueKey {
        &self.newest
    }

    /// A key by its name.
    #[must_use]
    pub fn get(&self, id: &ValueKeyId) -> Option<&ValueKey> {
        std::iter::once(&self.newest).chain(&self.older).find(|key| key.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::secret::Secret;

    fn keys(text: &str) -> Result<ValueKeys, ValueKeysError> {
        let settings = SecretSettings { value_keys: Some(Secret::new(text)), ..SecretSettings::default() };
        ValueKeys::of(&settings, &RootKey::from_bytes([7; 32]))
    }

    #[test]
    fn the_first_key_encrypts_and_the_derived_one_goes_on_decrypting() -> Result<(), ValueKeysError> {
        let derived = keys("")?;
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        let both = keys(&format!("{one}\n{two}\n"))?;
        let swapped = keys(&format!("{two}, {one}"))?;
        assert_ne!(both.newest().id(), derived.newest().id());
        assert_ne!(both.newest().id(), swapped.newest().id());
        for id in [derived.newest().id(), both.newest().id(), swapped.newest().id()] {
            assert!(both.get(id).is_some_and(|key| key.id() == id), "{id}");
            assert_eq!(ValueKeyId::parse(id.as_str()).as_ref(), Some(id));
        }
        assert!(derived.get(both.newest().id()).is_none());
        Ok(())
    }

    #[test]
    fn a_malformed_key_is_named_by_its_place_and_not_shown() {
        let text = format!("{} nearly-a-secret", "11".repeat(32));
        let error = keys(&text).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.as_ref().is_err_and(|text| text.contains("number 2") && !text.contains("nearly")), "{error:?}");
        assert_eq!(keys(&"11".repeat(32)).map(|keys| format!("{keys:?}").contains("1111")), Ok(false));
    }
}
