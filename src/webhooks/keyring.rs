//! Where webhook secrets come from and how they are kept: the one place that knows.
//!
//! Most are derived from the root key, so that nothing is stored. One that a client gives is stored encrypted (AES-256-GCM) under
//! a key that is derived for it alone, and opens only for the endpoint that it was given to.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rand::RngCore as _;

use crate::config::secrets::RootKey;
use crate::model::disposition::Disposition;
use crate::model::id::{ClientId, EndpointId};
use crate::store::endpoints::{Endpoint, Generation, SecretSource};
use crate::webhooks::key_pair::KeyPair;
use crate::webhooks::secret::WebhookSecret;

/// Bytes of a nonce, drawn at random for each encryption.
const NONCE_BYTES: usize = 12;

/// A stored secret does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint's secret cannot be read with this installation's master key; rotate it")]
pub struct SealError;

impl SealError {
    /// It will not open later either.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        Disposition::GiveUp
    }
}

/// What signs one delivery.
#[derive(Clone, Debug)]
pub struct Signers {
    /// For `v1`, the newest first.
    pub secrets: Vec<WebhookSecret>,
    /// For `v1a`, the newest first.
    pub pairs: Vec<KeyPair>,
}

/// Makes every secret and key pair out of the root key.
#[derive(Clone, Debug)]
pub(super) struct Keyring(RootKey);

impl Keyring {
    pub(super) const fn new(root: RootKey) -> Self {
        Self(root)
    }

    /// What signs for per-request addresses at `now`, the newest first.
    pub(super) fn defaults(
        &self,
        client: &ClientId,
        generation: &Generation,
        now: DateTime<Utc>,
    ) -> Vec<WebhookSecret> {
        generation.numbers_at(now).map(|number| WebhookSecret::default_of(&self.0, client, number)).collect()
    }

    /// The client's key pairs that sign at `now`, the newest first.
    pub(super) fn pairs(&self, client: &ClientId, generation: &Generation, now: DateTime<Utc>) -> Vec<KeyPair> {
        generation.numbers_at(now).map(|number| KeyPair::of(&self.0, client, number)).collect()
    }

    /// An endpoint's secrets that sign at `now`, the newest first.
    pub(super) fn of_endpoint(&self, endpoint: &Endpoint, now: DateTime<Utc>) -> Result<Vec<WebhookSecret>, SealError> {
        endpoint.sources_at(now).map(|source| self.open(&endpoint.id, source)).collect()
    }

    /// Where a secret comes from that is given, or derived as the `generation`th of its endpoint.
    pub(super) fn keep(
        &self,
        endpoint: &EndpointId,
        given: Option<&WebhookSecret>,
        generation: u32,
    ) -> Result<SecretSource, SealError> {
        let Some(given) = given else { return Ok(SecretSource::Derived(generation)) };
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let text = given.reveal();
        let payload = Payload { msg: text.as_bytes(), aad: endpoint.as_str().as_bytes() };
        let sealed = self.cipher(endpoint).encrypt(&nonce.into(), payload).map_err(|_| SealError)?;
        Ok(SecretSource::Sealed(STANDARD.encode([nonce.as_slice(), &sealed].concat())))
    }

    fn open(&self, endpoint: &EndpointId, source: &SecretSource) -> Result<WebhookSecret, SealError> {
        let row = match source {
            SecretSource::Derived(generation) => {
                return Ok(WebhookSecret::of_endpoint(&self.0, endpoint, *generation));
            }
            SecretSource::Sealed(row) => STANDARD.decode(row).map_err(|_| SealError)?,
        };
        let (nonce, sealed) = row.split_first_chunk::<NONCE_BYTES>().ok_or(SealError)?;
        let payload = Payload { msg: sealed, aad: endpoint.as_str().as_bytes() };
        let text = self.cipher(endpoint).decrypt(&(*nonce).into(), payload).map_err(|_| SealError)?;
        let text = std::str::from_utf8(&text).map_err(|_| SealError)?;
        WebhookSecret::parse(text).map_err(|_| SealError)
    }

    fn cipher(&self, endpoint: &EndpointId) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.derive("webhook-given-secret", endpoint.as_str()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_secret_opens_for_its_endpoint_alone_and_is_not_kept_as_it_was_given() -> Result<(), SealError> {
        let keyring = Keyring::new(RootKey::from_bytes([1; 32]));
        let (here, elsewhere) = (EndpointId::fresh(), EndpointId::fresh());
        let secret = WebhookSecret::generate();
        let kept = keyring.keep(&here, Some(&secret), 1)?;
        assert_eq!(keyring.open(&here, &kept).as_ref(), Ok(&secret));
        assert_eq!(keyring.open(&elsewhere, &kept), Err(SealError));
        assert_eq!(Keyring::new(RootKey::from_bytes([2; 32])).open(&here, &kept), Err(SealError));
        assert!(!format!("{kept:?}").contains(secret.reveal().trim_start_matches("whsec_")));
        let SecretSource::Sealed(row) = kept else { return Err(SealError) };
        let mut bytes = STANDARD.decode(&row).map_err(|_| SealError)?;
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        assert_eq!(keyring.open(&here, &SecretSource::Sealed(STANDARD.encode(bytes))), Err(SealError));
        Ok(())
    }

    #[test]
    fn each_endpoint_and_each_rotation_derives_another_secret() -> Result<(), SealError> {
        let keyring = Keyring::new(RootKey::from_bytes([1; 32]));
        let (one, other) = (EndpointId::fresh(), EndpointId::fresh());
        let (first, second) = (keyring.keep(&one, None, 1)?, keyring.keep(&one, None, 2)?);
        assert_ne!(keyring.open(&one, &first)?, keyring.open(&one, &second)?);
        assert_ne!(keyring.open(&one, &first)?, keyring.open(&other, &first)?);
        assert_eq!(keyring.open(&one, &first)?, keyring.open(&one, &first)?);
        Ok(())
    }
}
