//! The plaintext of a secret: wiped when it is dropped, never printed, never written as it is.

use std::fmt;

use zeroize::Zeroizing;

/// Largest secret, in bytes: a private key of 8192 bits in PEM and a cloud's service account in JSON fit.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// A secret's bytes. Its `Debug` is a mask, and its memory is overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

/// Why bytes are no secret. They are not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has 1-{MAX_SECRET_BYTES} bytes, this one {0}")]
pub struct SecretValueError(pub usize);

impl SecretValue {
    /// Takes the bytes over; they are wiped even where they are refused.
    ///
    /// # Errors
    /// [`SecretValueError`] when there are none, or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretValueError> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            1..=MAX_SECRET_BYTES => Ok(Self(bytes)),
            other => Err(SecretValueError(other)),
        }
    }

    /// The bytes, for the one place that has to send or compute with them. Never log them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_hides_from_debug_and_has_a_size() {
        let value = SecretValue::new(b"hunter2".to_vec());
        assert!(value.as_ref().is_ok_and(|value| value.expose() == b"hunter2"));
        assert!(!format!("{value:?}").contains("hunter2"));
        assert!(!format!("{value:?}").contains("104"), "nor as a list of numbers");
        for bytes in [0, MAX_SECRET_BYTES + 1] {
            assert_eq!(SecretValue::new(vec![0; bytes]), Err(SecretValueError(bytes)));
        }
        assert!(SecretValue::new(vec![0; MAX_SECRET_BYTES]).is_ok());
    }
}
