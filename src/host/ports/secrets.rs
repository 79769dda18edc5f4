//! The port behind `secrets` and `secrets-reveal`.

use async_trait::async_trait;

use crate::host::ports::PortError;
use crate::model::secret_value::SecretValue;

/// A secret that a guest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSecret {
    /// Its name in the manifest.
    pub name: String,
    /// What stands for it in this call: nobody can guess it, and outside of this call it means nothing.
    pub placeholder: String,
}

/// The secrets of one addon and user, for one call (`wit/secrets.wit`).
#[async_trait]
pub trait SecretsPort: Send + Sync {
    /// Opens a secret; the same name again is the same secret with the same placeholder.
    ///
    /// # Errors
    /// [`PortError`] where no such secret is granted or set, or it cannot be read.
    fn open(&self, name: &str) -> Result<OpenSecret, PortError>;
    /// HMAC-SHA-256 of a message, with the secret as the key.
    ///
    /// # Errors
    /// [`PortError`] where the message is too large.
    fn authenticate(&self, secret: &OpenSecret, message: &[u8]) -> Result<[u8; 32], PortError>;
    /// The secret in clear. Written down before it is given out.
    ///
    /// # Errors
    /// [`PortError`] where it may not be read, was read too often in this call, or nobody could write it down.
    async fn reveal(&self, secret: &OpenSecret) -> Result<SecretValue, PortError>;
    /// A text without what was read in clear in this call; none where it holds nothing of that.
    fn without_revealed(&self, text: &str) -> Option<String>;
}
