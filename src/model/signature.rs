//! A publisher's word about one version of an addon, and how it is believed.
//!
//! What is signed is a statement: eight lines of text, the first of them fixed, so that no signature for anything else
//! is ever taken for one of these. It names addon, version and both digests, so that it says nothing about any other
//! bytes, name or number. `docs/AUTHORS.md` has the format for other languages.

mod key;
mod standing;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Timelike as _, Utc};
use semver::Version;

use crate::model::contract::ContractRange;
use crate::model::digest::Digest;
use crate::model::id::AddonId;

pub use key::{KeyError, PublicKey, PublisherKeyId, SecretKey};
pub use standing::{KeyStanding, signed_at};

/// First line of every statement. Another format gets another number.
const PREFIX: &str = "semantest:addon-signature:v1";
/// What a signature's text begins with.
const ENVELOPE: &str = "v1";
/// The lines of a statement after the first, in their order.
const LINES: [&str; 7] = ["addon", "version", "component", "manifest", "publisher", "created", "contract"];
/// Longest text of a signature, in bytes: ids, versions and ranges are short.
pub const MAX_ENVELOPE_BYTES: usize = 2048;

/// Why a signature is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The text is no signature.
    #[error("{0}")]
    Form(&'static str),
    /// Nobody registered the key for this publisher.
    #[error("the key {key} is not registered for the publisher `{publisher}`; an admin registers it")]
    UnknownKey {
        /// Whose it should be.
        publisher: String,
        /// The key.
        key: PublisherKeyId,
    },
    /// The statement was not signed with this key, or was changed since.
    #[error("the statement was not signed with the key {key}, or was changed since")]
    Forged {
        /// The key that it names.
        key: PublisherKeyId,
    },
    /// The statement is about something else.
    #[error("the signature is for another {what}: it says `{signed}`, this is `{actual}`")]
    Other {
        /// What differs, such as `version`.
        what: &'static str,
        /// What the statement says.
        signed: String,
        /// What it is.
        actual: String,
    },
    /// It says that it was made later than it was seen.
    #[error("the signature says that it was made at {created}, but it was here at {seen}; set the signer's clock")]
    Early {
        /// What it says.
        created: DateTime<Utc>,
        /// When the registry saw it.
        seen: DateTime<Utc>,
    },
    /// Made with a key that was out of use.
    #[error(
        "the key was retired at {retired_at}, and the signature says that it was made at {created}; sign with an active key"
    )]
    Retired {
        /// Since when.
        retired_at: DateTime<Utc>,
        /// When it was made.
        created: DateTime<Utc>,
    },
    /// Made with a key that may have been in other hands.
    #[error(
        "the key was revoked as of {since}, and the registry first saw the signature at {seen}; sign with an active key"
    )]
    Revoked {
        /// Since when.
        since: DateTime<Utc>,
        /// When the registry saw it.
        seen: DateTime<Utc>,
    },
}

impl SignatureFault {
    /// The fault in one word that never changes: what evidence and programs carry.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Form(_) => "malformed",
            Self::UnknownKey { .. } => "unknown-key",
            Self::Forged { .. } => "forged",
            Self::Other { .. } => "other-subject",
            Self::Early { .. } => "from-the-future",
            Self::Retired { .. } => "key-retired",
            Self::Revoked { .. } => "key-revoked",
        }
    }
}

/// What a publisher says of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The addon.
    pub addon: AddonId,
    /// The version.
    pub version: Version,
    /// Of the whole component.
    pub component: Digest,
    /// Of the contents of its section `semantest:manifest`.
    pub manifest: Digest,
    /// The namespace whose key signs.
    pub publisher: String,
    /// When the publisher says that it signed, to the second.
    pub created: DateTime<Utc>,
    /// The contract versions that the component works with.
    pub contract: ContractRange,
}

impl Statement {
    /// The bytes that are signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        let values = [
            self.addon.to_string(),
            self.version.to_string(),
            self.component.to_string(),
            self.manifest.to_string(),
            self.publisher.clone(),
            self.created.to_rfc3339_opts(SecondsFormat::Secs, true),
            self.contract.to_string(),
        ];
        let lines = LINES.iter().zip(&values).map(|(name, value)| format!("{name} {value}\n"));
        std::iter::once(format!("{PREFIX}\n")).chain(lines).collect()
    }

    /// Reads the bytes that were signed. There is one way to write a statement; any other is refused.
    ///
    /// # Errors
    /// [`SignatureFault::Form`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, SignatureFault> {
        let fault = SignatureFault::Form;
        let mut lines = text.lines();
        if lines.next() != Some(PREFIX) {
            return Err(fault("the statement does not begin with `semantest:addon-signature:v1`"));
        }
        let mut line = |name: &'static str| {
            let rest = lines.next().and_then(|line| line.strip_prefix(name));
            rest.and_then(|rest| rest.strip_prefix(' ')).ok_or(fault("the statement lacks one of its lines"))
        };
        let [addon, version, component, manifest, publisher, created, contract] = LINES;
        let statement = Self {
            addon: AddonId::parse(line(addon)?).map_err(|_| fault("`addon` is no addon id"))?,
            version: Version::parse(line(version)?).map_err(|_| fault("`version` is no version"))?,
            component: Digest::parse(line(component)?).map_err(|_| fault("`component` is no digest"))?,
            manifest: Digest::parse(line(manifest)?).map_err(|_| fault("`manifest` is no digest"))?,
            publisher: line(publisher)?.to_owned(),
            created: DateTime::parse_from_rfc3339(line(created)?)
                .map_err(|_| fault("`created` is no time"))?
                .with_timezone(&Utc),
            contract: ContractRange::parse(line(contract)?).map_err(|_| fault("`contract` is no range"))?,
        };
        if statement.to_text() == text {
            Ok(statement)
        } else {
            Err(fault("the statement is not written as `docs/AUTHORS.md` says"))
        }
    }

    /// Whether the statement is about exactly this; `contract` is left out where it is not known yet.
    ///
    /// # Errors
    /// [`SignatureFault::Other`] names the first difference.
    pub fn is_about(&self, subject: &Subject<'_>) -> Result<(), SignatureFault> {
        let pairs = [
            ("addon", self.addon.to_string(), Some(subject.addon.to_string())),
            ("version", self.version.to_string(), Some(subject.version.to_string())),
            ("publisher", self.publisher.clone(), Some(subject.addon.publisher().to_owned())),
            ("component digest", self.component.to_string(), Some(subject.component.to_string())),
            ("manifest digest", self.manifest.to_string(), Some(subject.manifest.to_string())),
            ("contract range", self.contract.to_string(), subject.contract.map(ToString::to_string)),
        ];
        for (what, signed, actual) in pairs {
            if let Some(actual) = actual.filter(|actual| *actual != signed) {
                return Err(SignatureFault::Other { what, signed, actual });
            }
        }
        Ok(())
    }
}

/// What a statement has to be about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The addon.
    pub addon: &'a AddonId,
    /// The version.
    pub version: &'a Version,
    /// Of the whole component.
    pub component: &'a Digest,
    /// Of the contents of its manifest section.
    pub manifest: &'a Digest,
    /// The contract versions that it works with, where they are known.
    pub contract: Option<&'a ContractRange>,
}

/// A statement with its signature, as one text: header `Semantest-Signature`, form field, JSON field, `.sig` file and
/// OCI layer carry the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    /// The key that signed.
    pub key: PublisherKeyId,
    /// What it says.
    pub statement: Statement,
    signature: [u8; key::SIGNATURE_BYTES],
}

impl SignedStatement {
    /// Signs a statement.
    #[must_use]
    pub fn sign(mut statement: Statement, secret: &SecretKey) -> Self {
        statement.created = statement.created.with_nanosecond(0).unwrap_or(statement.created);
        let signature = secret.sign(statement.to_text().as_bytes());
        Self { key: secret.public().id(), statement, signature }
    }

    /// Reads `v1.<key id>.<statement>.<signature>`, the last two in base64url without padding.
    ///
    /// # Errors
    /// [`SignatureFault::Form`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, SignatureFault> {
        let fault = SignatureFault::Form;
        if text.len() > MAX_ENVELOPE_BYTES {
            return Err(fault("the signature is longer than 2048 bytes"));
        }
        let parts: Vec<&str> = text.trim().split('.').collect();
        let [ENVELOPE, key, statement, signature] = parts.as_slice() else {
            return Err(fault(
                "a signature is `v1.<key id>.<statement>.<signature>`; `semantest addon sign` prints it",
            ));
        };
        let key =
            PublisherKeyId::parse(key).map_err(|_| fault("the signature's key id is not 32 hexadecimal digits"))?;
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| fault("a part is not base64url"));
        let statement = String::from_utf8(decoded(statement)?).map_err(|_| fault("the statement is not UTF-8"))?;
        let signature = decoded(signature)?.try_into().map_err(|_| fault("an Ed25519 signature has 64 bytes"))?;
        Ok(Self { key, statement: Statement::parse(&statement)?, signature })
    }

    /// Whether the statement was signed with `key`.
    ///
    /// # Errors
    /// [`SignatureFault::Forged`] when it was not.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureFault> {
        if key.id() == self.key && key.verifies(self.statement.to_text().as_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(SignatureFault::Forged { key: self.key.clone() })
        }
    }
}

impl std::fmt::Display for SignedStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let statement = URL_SAFE_NO_PAD.encode(self.statement.to_text());
        write!(f, "{ENVELOPE}.{}.{statement}.{}", self.key, URL_SAFE_NO_PAD.encode(self.signature))
    }
}

#[cfg(test)]
mod tests;
