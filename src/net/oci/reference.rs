//! Where a component lies in a registry: `registry/repository:tag`, or `@sha256:…`.

use std::fmt;

use oci_spec::distribution;

use crate::model::digest::Digest;

/// The scheme that may stand before a reference.
const SCHEME: &str = "oci://";

/// A place in a registry. The registry is always named, and so is a tag or a digest: there is no silent `docker.io` and
/// no silent `latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    parsed: distribution::Reference,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// It does not have the shape.
    #[error("is not of the form `registry/repository:tag` or `registry/repository@sha256:…`")]
    Shape,
    /// The first part is no registry.
    #[error("names no registry: write its host first, as in `registry.example/acme/greeter:1.0.0`")]
    NoRegistry,
    /// Neither tag nor digest.
    #[error("names neither a tag nor a digest")]
    NoVersion,
    /// A digest that is no sha-256.
    #[error("names a digest that is not sha256")]
    Digest,
}

impl Reference {
    /// Parses a reference, with or without `oci://` before it.
    ///
    /// # Errors
    /// [`ReferenceError`] says what is missing.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix(SCHEME).unwrap_or(text);
        let (first, rest) = text.split_once('/').ok_or(ReferenceError::Shape)?;
        if first != "localhost" && !first.contains(['.', ':']) {
            return Err(ReferenceError::NoRegistry);
        }
        if !rest.contains([':', '@']) {
            return Err(ReferenceError::NoVersion);
        }
        let registry = first.to_ascii_lowercase();
        let parsed = distribution::Reference::try_from(format!("{registry}/{rest}")).map_err(|error| match error {
            distribution::ParseError::DigestUnsupported
            | distribution::ParseError::DigestInvalidLength
            | distribution::ParseError::DigestInvalidFormat => ReferenceError::Digest,
            _ => ReferenceError::Shape,
        })?;
        let digest = parsed.digest().map(Digest::parse).transpose().map_err(|_| ReferenceError::Digest)?;
        Ok(Self { parsed, digest })
    }

    /// Host and port, as settings name them.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.parsed.registry()
    }

    /// Host and port that are asked; Docker's hub answers elsewhere than it is called.
    #[must_use]
    pub fn address(&self) -> &str {
        self.parsed.resolve_registry()
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> &str {
        self.registry().split(':').next().unwrap_or_default()
    }

    /// The repository, such as `acme/greeter`.
    #[must_use]
    pub fn repository(&self) -> &str {
        self.parsed.repository()
    }

    /// The tag, where there is one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.parsed.tag()
    }

    /// The manifest's digest, where there is one; it counts more than the tag.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What the registry is asked for: the digest, or the tag.
    pub(super) fn version(&self) -> String {
        self.digest.map_or_else(|| self.tag().unwrap_or_default().to_owned(), |digest| digest.to_string())
    }

    /// The same place, nailed to a manifest: `registry/repository:tag@sha256:…`.
    #[must_use]
    pub fn pinned(&self, manifest: &Digest) -> String {
        let tag = self.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("{}/{}{tag}@{manifest}", self.registry(), self.repository())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_registry_repository_and_version() -> Result<(), ReferenceError> {
        let digest = Digest::of(b"manifest");
        let tagged = Reference::parse("oci://registry.example:5000/acme/greeter:1.0.0")?;
        assert_eq!((tagged.registry(), tagged.host()), ("registry.example:5000", "registry.example"));
        assert_eq!((tagged.repository(), tagged.tag(), tagged.digest()), ("acme/greeter", Some("1.0.0"), None));
        assert_eq!(tagged.pinned(&digest), format!("registry.example:5000/acme/greeter:1.0.0@{digest}"));
        let pinned = Reference::parse(&format!("localhost/greeter@{digest}"))?;
        assert_eq!((pinned.digest(), pinned.tag(), pinned.version()), (Some(&digest), None, digest.to_string()));
        Ok(())
    }

    #[test]
    fn nothing_is_guessed() {
        let short = format!("r.example/a@sha256:{}", "0".repeat(63));
        let other = format!("r.example/a@sha512:{}", "0".repeat(128));
        for (text, expected) in [
            ("acme/greeter:1.0.0", ReferenceError::NoRegistry),
            ("registry.example/acme/greeter", ReferenceError::NoVersion),
            ("greeter:1.0.0", ReferenceError::Shape),
            ("registry.example/Acme/greeter:1", ReferenceError::Shape),
            ("registry.example/acme/../greeter:1", ReferenceError::Shape),
            ("registry.example/acme/greeter:", ReferenceError::Shape),
            ("user@registry.example/acme/greeter:1", ReferenceError::Shape),
            ("https://registry.example/acme/greeter:1", ReferenceError::Shape),
            (short.as_str(), ReferenceError::Digest),
            (other.as_str(), ReferenceError::Digest),
        ] {
            assert_eq!(Reference::parse(text), Err(expected), "{text}");
        }
    }
}
