//! Links to pictures that work without a key for a while: the URL carries its end and a signature over both.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use url::Url;

use crate::model::id::ArtifactId;

/// What the signature is for, so that a signature made for something else never fits a link.
const DOMAIN: &[u8] = b"semantest artifact link v1";

/// The key that signs links: derived from the root secret, never stored.
#[derive(Clone)]
pub struct LinkKey([u8; 32]);

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKey")
    }
}

impl LinkKey {
    /// Wraps a key that was derived for links.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Derives the key from the root secret (HKDF-SHA256).
    #[must_use]
    pub fn derive(root: &[u8]) -> Self {
        let mut key = [0; 32];
        // 32 bytes are within what HKDF can give (255 × 32), so this cannot fail; a zero key would verify nothing
        // that was signed elsewhere.
        let _ = Hkdf::<Sha256>::new(None, root).expand(DOMAIN, &mut key);
        Self(key)
    }

    /// The keyed hash of what a link promises.
    fn mac(&self, artifact: &ArtifactId, expires: i64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(DOMAIN);
        mac.update(b"\0");
        mac.update(artifact.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(&expires.to_be_bytes());
        Some(mac)
    }
}

/// Why a link does not open its artifact. Outside, all of them are a 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The time is over.
    #[error("the link has expired")]
    Expired,
    /// The signature is not ours, or not for this artifact and end.
    #[error("the link's signature does not fit")]
    Forged,
}

/// The query of a link to `artifact` that works until `expires`: `expires=<Unix seconds>&signature=<base64url>`.
#[must_use]
pub fn sign(key: &LinkKey, artifact: &ArtifactId, expires: DateTime<Utc>) -> String {
    let expires = expires.timestamp();
    let signature =
        key.mac(artifact, expires).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).unwrap_or_default();
    format!("expires={expires}&signature={signature}")
}

/// Whether a link's `expires` and `signature` open `artifact` at `now`; compares in constant time.
///
/// # Errors
/// [`LinkError`] when the signature does not fit, or the time is over.
pub fn verify(
    key: &LinkKey,
    artifact: &ArtifactId,
    expires: &str,
    signature: &str,
    now: DateTime<Utc>,
) -> Result<(), LinkError> {
    let expires: i64 = expires.parse().map_err(|_| LinkError::Forged)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Forged)?;
    let mac = key.mac(artifact, expires).ok_or(LinkError::Forged)?;
    mac.verify_slice(&signature).map_err(|_| LinkError::Forged)?;
    if now.timestamp() >= expires { Err(LinkError::Expired) } else { Ok(()) }
}

/// Makes and checks the links of this installation.
#[derive(Clone, Debug)]
pub struct ArtifactLinks {
    /// Where clients reach the API, without `/api/v1`.
    pub public_url: Url,
    /// What signs.
    pub key: LinkKey,
    /// How long a fresh link works.
    pub ttl: Duration,
}

/// A link, and when it stops working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactLink {
    /// `<public URL>/api/v1/artifacts/<id>?expires=…&signature=…`.
    pub url: String,
    /// Whole seconds.
    pub expires_at: DateTime<Utc>,
}

impl ArtifactLinks {
    /// A fresh link to `artifact`, made at `now`.
    #[must_use]
    pub fn link(&self, artifact: &ArtifactId, now: DateTime<Utc>) -> ArtifactLink {
        let end = now.timestamp().saturating_add(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX));
        let expires_at = DateTime::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let base = self.public_url.as_str().trim_end_matches('/');
        let query = sign(&self.key, artifact, expires_at);
        ArtifactLink { url: format!("{base}/api/v1/artifacts/{artifact}?{query}"), expires_at }
    }

    /// Whether a link's `expires` and `signature` open `artifact` at `now`.
    ///
    /// # Errors
    /// [`LinkError`] when the signature does not fit, or the time is over.
    pub fn check(
        &self,
        artifact: &ArtifactId,
        expires: &str,
        signature: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LinkError> {
        verify(&self.key, artifact, expires, signature, now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock;

    fn links() -> Result<ArtifactLinks, url::ParseError> {
        let public_url = Url::parse("https://pictures.example/base/")?;
        Ok(ArtifactLinks { public_url, key: LinkKey::derive(b"root"), ttl: Duration::from_secs(60) })
    }

    fn parts(link: &ArtifactLink) -> Option<(String, String)> {
        let url = Url::parse(&link.url).ok()?;
        let find = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Some((find("expires")?, find("signature")?))
    }

    #[test]
    fn a_link_opens_its_artifact_until_its_end() -> anyhow::Result<()> {
        let (links, artifact, now) = (links()?, ArtifactId::fresh(), clock::now());
        let link = links.link(&artifact, now);
        let (expires, signature) = parts(&link).unwrap_or_default();
        assert!(link.url.starts_with(&format!("https://pictures.example/base/api/v1/artifacts/{artifact}?")));
        for (after, expected) in [(0, Ok(())), (58, Ok(())), (60, Err(LinkError::Expired))] {
            assert_eq!(links.check(&artifact, &expires, &signature, now + TimeDelta::seconds(after)), expected);
        }
        Ok(())
    }

    #[test]
    fn a_link_opens_nothing_else_and_cannot_be_prolonged() -> anyhow::Result<()> {
        let (links, artifact, now) = (links()?, ArtifactId::fresh(), clock::now());
        let (expires, signature) = parts(&links.link(&artifact, now)).unwrap_or_default();
        let longer = expires.parse::<i64>()?.saturating_add(1).to_string();
        let other_key = ArtifactLinks { key: LinkKey::derive(b"other root"), ..links.clone() };
        for (links, artifact, expires, signature) in [
            (&links, &ArtifactId::fresh(), &*expires, &*signature),
            (&links, &artifact, &longer, &signature),
            (&links, &artifact, &expires, ""),
            (&links, &artifact, "soon", &signature),
            (&other_key, &artifact, &expires, &signature),
        ] {
            assert_eq!(links.check(artifact, expires, signature, now), Err(LinkError::Forged));
        }
        Ok(())
    }
}
