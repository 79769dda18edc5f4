//! Links to pictures that work without a key for a while: the URL carries its end and a signature over both.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::id::{ArtifactId, BatchId, JobId};

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
    /// Wraps a key that was derived for links and nothing else.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
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
    public_url: Box<str>,
    key: LinkKey,
    ttl: Duration,
}

impl ArtifactLinks {
    /// Links that begin with `public_url` (where clients reach the API, without `/api/v1`), signed with `key`; a
    /// fresh one works for `ttl`.
    #[must_use]
    pub fn new(public_url: &str, key: [u8; 32], ttl: Duration) -> Self {
        Self { public_url: public_url.trim_end_matches('/').into(), key: LinkKey::new(key), ttl }
    }

    /// The same links, beginning with another address.
    #[must_use]
    pub fn at(&self, public_url: &str) -> Self {
        Self { public_url: public_url.trim_end_matches('/').into(), ..self.clone() }
    }

    /// When a link that is made at `now` ends; whole seconds.
    #[must_use]
    pub fn end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let end = now.timestamp().saturating_add(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX));
        DateTime::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// `GET <public URL>/api/v1/artifacts/<id>?expires=…&signature=…`, which works until `expires`.
    #[must_use]
    pub fn url(&self, artifact: &ArtifactId, expires: DateTime<Utc>) -> String {
        let query = sign(&self.key, artifact, expires);
        format!("{}/api/v1/artifacts/{artifact}?{query}", self.public_url)
    }

    /// The same for its small copy.
    #[must_use]
    pub fn thumbnail_url(&self, artifact: &ArtifactId, expires: DateTime<Utc>) -> String {
        let query = sign(&self.key, artifact, expires);
        format!("{}/api/v1/artifacts/{artifact}/thumbnail?{query}", self.public_url)
    }

    /// Where the owner of a job reads it, with a key.
    #[must_use]
    pub fn job_url(&self, job: &JobId) -> String {
        format!("{}/api/v1/jobs/{job}", self.public_url)
    }

    /// Where the owner of a batch reads it, with a key.
    #[must_use]
    pub fn batch_url(&self, batch: &BatchId) -> String {
        format!("{}/api/v1/images/batches/{batch}", self.public_url)
    }

    /// Whether the query of a request opens `artifact` at `now`.
    #[must_use]
    pub fn is_signed(&self, artifact: &ArtifactId, query: &str, now: DateTime<Utc>) -> bool {
        self.check(artifact, query, now).is_ok()
    }

    /// Whether the query of a request opens `artifact` at `now`, and why not.
    ///
    /// # Errors
    /// [`LinkError`] when a part is missing or given twice, the signature does not fit, or the time is over.
    pub fn check(&self, artifact: &ArtifactId, query: &str, now: DateTime<Utc>) -> Result<(), LinkError> {
        let one = |name: &str| {
            let mut values = query.split('&').filter_map(|pair| pair.split_once('=')).filter(|(key, _)| *key == name);
            let value = values.next().map(|(_, value)| value);
            if values.next().is_none() { value } else { None }
        };
        let (expires, signature) = one("expires").zip(one("signature")).ok_or(LinkError::Forged)?;
        verify(&self.key, artifact, expires, signature, now)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock;

    fn links(key: u8) -> ArtifactLinks {
        ArtifactLinks::new("https://pictures.example/base/", [key; 32], Duration::from_secs(60))
    }

    fn query_of(url: &str) -> String {
        url.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_link_opens_its_artifact_until_its_end() {
        let (links, artifact, now) = (links(1), ArtifactId::fresh(), clock::now());
        let url = links.url(&artifact, links.end(now));
        assert!(url.starts_with(&format!("https://pictures.example/base/api/v1/artifacts/{artifact}?expires=")));
        for (after, expected) in [(0, Ok(())), (58, Ok(())), (60, Err(LinkError::Expired))] {
            assert_eq!(links.check(&artifact, &query_of(&url), now + TimeDelta::seconds(after)), expected);
        }
        let moved = links.at("http://127.0.0.1:8080").url(&artifact, links.end(now));
        assert!(moved.starts_with("http://127.0.0.1:8080/api/v1/artifacts/"));
        assert!(links.is_signed(&artifact, &query_of(&moved), now), "the address is no part of what is signed");
    }

    #[test]
    fn a_link_opens_nothing_else_and_cannot_be_prolonged() {
        let (ours, artifact, now) = (links(1), ArtifactId::fresh(), clock::now());
        let end = ours.end(now);
        let query = query_of(&ours.url(&artifact, end));
        let longer = query.replace(&end.timestamp().to_string(), &(end.timestamp() + 1).to_string());
        let signature = query.split_once("signature=").map(|(_, signature)| signature).unwrap_or_default();
        for (links, artifact, query) in [
            (&ours, &ArtifactId::fresh(), query.clone()),
            (&ours, &artifact, longer),
            (&ours, &artifact, format!("signature={signature}")),
            (&ours, &artifact, format!("expires={}&signature=", end.timestamp())),
            (&ours, &artifact, format!("expires=soon&signature={signature}")),
            (&ours, &artifact, format!("expires={}&{query}", i64::MAX)),
            (&ours, &artifact, String::new()),
            (&links(2), &artifact, query.clone()),
        ] {
            assert_eq!(links.check(artifact, &query, now), Err(LinkError::Forged), "{query}");
        }
    }
}
