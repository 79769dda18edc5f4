//! One use of a capability: what is asked before a guest gets it.

use std::fmt;

use url::Url;

use crate::model::capability::CapabilityKind;
use crate::model::origin::Origin;
use crate::model::units::ByteSize;

/// A request to a server, as far as rights are about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUse {
    /// Where to.
    pub origin: Origin,
    /// Such as `GET`.
    pub method: String,
    /// From the first `/` on, without the query.
    pub path: String,
}

/// Why a request cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpUseError {
    /// Not a URL of the web, or one with a name or password in it.
    #[error("must be an http or https URL with a host and without a name or password")]
    Url,
    /// Not a method.
    #[error("must be a method such as GET")]
    Method,
}

impl HttpUse {
    /// A request with this method to this URL.
    ///
    /// # Errors
    /// [`HttpUseError`] names the part that is wrong.
    pub fn new(method: &str, url: &Url) -> Result<Self, HttpUseError> {
        let origin = Origin::of(url).ok_or(HttpUseError::Url)?;
        if method.is_empty() || !method.bytes().all(is_method_byte) {
            return Err(HttpUseError::Method);
        }
        Ok(Self { origin, method: method.to_owned(), path: url.path().to_owned() })
    }
}

/// What a method is made of (RFC 9110, token); lower-case methods are other methods and mean nothing to anybody.
pub(super) const fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// One use of a capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// The interface is there at all.
    Door(CapabilityKind),
    /// A request to a server.
    Http(HttpUse),
    /// Keeping this many bytes of keys and values in all.
    Kv {
        /// In all, after the write.
        bytes: u64,
    },
    /// Keeping this many bytes of keys and values in all, shared by a client's users.
    KvShared {
        /// In all, after the write.
        bytes: u64,
    },
    /// A handle of a secret, to be sent to a server where one is named.
    Secret {
        /// The secret's name.
        name: String,
        /// Who receives it.
        origin: Option<Origin>,
    },
    /// A secret in clear.
    Reveal {
        /// The secret's name.
        name: String,
    },
    /// Pictures for this many credits in one day.
    Images {
        /// In all, this request's included.
        credits: u64,
    },
    /// Emitting an event.
    Emit {
        /// The event's topic.
        topic: String,
    },
}

impl Use {
    /// The capability that it is a use of.
    #[must_use]
    pub const fn kind(&self) -> CapabilityKind {
        match self {
            Self::Door(kind) => *kind,
            Self::Http(_) => CapabilityKind::Http,
            Self::Kv { .. } => CapabilityKind::Kv,
            Self::KvShared { .. } => CapabilityKind::KvShared,
            Self::Secret { .. } => CapabilityKind::Secrets,
            Self::Reveal { .. } => CapabilityKind::SecretsReveal,
            Self::Images { .. } => CapabilityKind::Images,
            Self::Emit { .. } => CapabilityKind::Events,
        }
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Door(kind) => write!(f, "use `{}`", kind.as_str()),
            Self::Http(HttpUse { origin, method, path }) => write!(f, "send {method} to {origin}{path}"),
            Self::Kv { bytes } => write!(f, "keep {} in all", ByteSize::bytes(*bytes)),
            Self::KvShared { bytes } => write!(f, "keep {} in all, shared", ByteSize::bytes(*bytes)),
            Self::Secret { name, origin: None } => write!(f, "use the secret `{name}`"),
            Self::Secret { name, origin: Some(origin) } => write!(f, "send the secret `{name}` to {origin}"),
            Self::Reveal { name } => write!(f, "read the secret `{name}` in clear"),
            Self::Images { credits } => write!(f, "ask for pictures of {credits} credits in one day"),
            Self::Emit { topic } => write!(f, "emit `{topic}`"),
        }
    }
}
