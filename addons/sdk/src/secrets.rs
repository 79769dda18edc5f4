//! Secrets of the user, the client or the publisher. Needs the capability `secrets`, which names them and the servers that
//! may receive each.
//!
//! ```no_run
//! # fn main() -> Result<(), semantest_addon::Error> {
//! let key = semantest_addon::secrets::get("weather-key")?;
//! let value = format!("Bearer {}", key.placeholder());
//! // … as the value of a header or of the query: the host puts the secret in, for the servers it is bound to.
//! # let _ = value;
//! # Ok(()) }
//! ```
//!
//! What stands in the guest's memory is the placeholder alone. It means nothing outside of the call.

use crate::Error;
use crate::bindings::semantest::addon::{secrets, secrets_reveal};
pub use secrets::Secret;

/// A handle of the secret that the manifest names so.
///
/// # Errors
/// `not-granted` when the user did not consent to it; `missing`, code `secret-missing`, when nobody set it.
pub fn get(name: &str) -> Result<Secret, Error> {
    secrets::get(name)
}

/// The secret in clear. Needs the capability `secrets-reveal`, and every call of it is written down.
///
/// From then on the host stops requests of the addon that hold the secret in their URL, headers or body.
///
/// # Errors
/// `not-granted` without that consent; `over-quota` when one call asks too often.
pub fn reveal(secret: &Secret) -> Result<Vec<u8>, Error> {
    secrets_reveal::reveal(secret)
}
