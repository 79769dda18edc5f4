//! Text that must not be seen: it is read from a setting or a file, and never printed.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Largest file that is read as a secret, in bytes: a private key in PEM fits, a mistyped path to a log does not.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What stands where a secret would be printed.
const MASK: &str = "[secret]";

/// A secret text: its `Debug`, `Display` and serialised form are a mask.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is missing or unreadable.
    #[error("reading the secret in {}", path.display())]
    Read {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no secret: empty, or far too long.
    #[error("the secret in {} must be 1-{MAX_FILE_BYTES} bytes of text", path.display())]
    Length {
        /// The file that was named.
        path: PathBuf,
    },
}

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that has to send or compute with it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Reads the secret in the file at `path`; white space at the end is not part of it.
    ///
    /// Blocking: for start-up.
    ///
    /// # Errors
    /// [`SecretError`] when the file is missing, unreadable, empty or longer than 64 KiB.
    pub fn from_file(path: &Path) -> Result<Self, SecretError> {
        let failed = |source| SecretError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE_BYTES {
            return Err(SecretError::Length { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        match text.trim_end() {
            "" => Err(SecretError::Length { path: path.to_owned() }),
            text => Ok(Self::new(text)),
        }
    }

    /// The secret that a pair of settings `x` and `x_file` names: the text where there is one, else the file's.
    ///
    /// # Errors
    /// [`SecretError`] when the file is named and cannot be read.
    pub fn resolve(text: Option<&Self>, file: Option<&Path>) -> Result<Option<Self>, SecretError> {
        match (text, file) {
            (Some(secret), _) if !secret.expose().is_empty() => Ok(Some(secret.clone())),
            (_, Some(path)) => Self::from_file(path).map(Some),
            (_, None) => Ok(None),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("sk-hidden");
        let shown = format!("{secret:?} {secret} {}", serde_json::to_string(&secret).unwrap_or_default());
        assert!(!shown.contains("hidden"), "{shown}");
        assert_eq!(secret.expose(), "sk-hidden");
    }

    #[test]
    fn the_text_wins_over_the_file_and_an_empty_text_is_none() -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), "from file\n")?;
        let text = Secret::new("from text");
        assert_eq!(Secret::resolve(Some(&text), Some(file.path()))?, Some(text));
        assert_eq!(Secret::resolve(Some(&Secret::new("")), Some(file.path()))?, Some(Secret::new("from file")));
        assert_eq!(Secret::resolve(None, None)?, None);
        Ok(())
    }

    #[test]
    fn an_empty_or_missing_file_is_refused_by_name() -> anyhow::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        assert!(Secret::from_file(file.path()).is_err());
        let missing = Secret::from_file(Path::new("/nowhere/key")).map_err(|error| error.to_string());
        assert_eq!(missing, Err(String::from("reading the secret in /nowhere/key")));
        Ok(())
    }
}
