//! Ids in the path: percent-decoded, then parsed into types that cannot be wrong.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use semver::Version;

use crate::api::problem::{Fault, Place, Problem, ProblemCode};
use crate::model::id::{AddonId, ArtifactId, BatchId, DeliveryId, EndpointId, JobId, UserId};
use crate::model::signature::PublisherKeyId;

/// The path's ids as `T`.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

/// Ids that are read out of the path by their names.
pub trait FromPath: Sized {
    /// Reads the ids; every fault is noted in `ids`, and `None` is allowed only after one was.
    fn read(ids: &mut PathIds<'_>) -> Option<Self>;

    /// What an unreadable path is: a fault of the request, unless there can be no such record.
    #[must_use]
    fn problem(faults: Vec<Fault>) -> Problem {
        Problem::invalid(faults)
    }
}

/// The path's parameters.
pub struct PathIds<'p> {
    params: &'p RawPathParams,
    faults: Vec<Fault>,
}

impl PathIds<'_> {
    /// The parameter called `name`, as `parse` understands it.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.params.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.faults.push(Fault::of(Place::Path, name, error.to_string()));
                None
            }
        }
    }
}

impl<T: FromPath, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::new(ProblemCode::NotFound, "the path is not UTF-8 after percent-decoding"))?;
        let mut ids = PathIds { params: &params, faults: Vec::new() };
        match T::read(&mut ids) {
            Some(read) if ids.faults.is_empty() => Ok(Self(read)),
            Some(_) | None => Err(T::problem(ids.faults)),
        }
    }
}

impl FromPath for JobId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("jobId", Self::parse)
    }

    /// What is no job id names no job.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::JobNotFound, "no job has such an id")
    }
}

impl FromPath for BatchId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("batchId", Self::parse)
    }

    /// What is no batch id names no batch.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no batch has such an id")
    }
}

impl FromPath for ArtifactId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("artifactId", Self::parse)
    }

    /// What is no artifact id names no artifact.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no artifact has such an id")
    }
}

impl FromPath for EndpointId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("webhookId", Self::parse)
    }

    /// What is no endpoint's id names no endpoint.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no webhook endpoint has such an id")
    }
}

impl FromPath for DeliveryId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("deliveryId", Self::parse)
    }

    /// What is no delivery's id names no delivery.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no delivery has such an id")
    }
}

impl FromPath for AddonId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("addonId", Self::parse)
    }
}

impl FromPath for UserId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("userId", Self::parse)
    }
}

/// `{addonId}` and `{version}`.
#[derive(Clone, Debug)]
pub struct AddonVersion {
    /// The addon.
    pub addon: AddonId,
    /// Its version.
    pub version: Version,
}

impl FromPath for AddonVersion {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let addon = ids.parsed("addonId", AddonId::parse);
        let version = ids.parsed("version", |text| {
            Version::parse(text).map_err(|error| format!("must be a semantic version such as 1.4.0: {error}"))
        });
        Some(Self { addon: addon?, version: version? })
    }
}

/// `{userId}` and `{addonId}`.
#[derive(Clone, Debug)]
pub struct UserAddon {
    /// The client's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
}

impl FromPath for UserAddon {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let user = ids.parsed("userId", UserId::parse);
        let addon = ids.parsed("addonId", AddonId::parse);
        Some(Self { user: user?, addon: addon? })
    }
}

/// `{userId}`, `{addonId}` and `{action}`.
#[derive(Clone, Debug)]
pub struct UserAddonAction {
    /// The client's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
    /// The action; whether the addon has it is the addon's word.
    pub action: String,
}

impl FromPath for UserAddonAction {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let user = ids.parsed("userId", UserId::parse);
        let addon = ids.parsed("addonId", AddonId::parse);
        let action = ids.parsed("action", |text| {
            // The addon's own list decides; here only a hostile length is kept out of answers.
            if text.len() <= 64 { Ok(text.to_owned()) } else { Err("must be at most 64 characters") }
        });
        Some(Self { user: user?, addon: addon?, action: action? })
    }
}

/// `{userId}`, `{addonId}` and `{name}`.
#[derive(Clone, Debug)]
pub struct UserAddonSecret {
    /// The client's end user.
    pub user: UserId,
    /// The addon.
    pub addon: AddonId,
    /// The secret; whether the addon asks for it is its manifest's word.
    pub name: String,
}

impl FromPath for UserAddonSecret {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let user = ids.parsed("userId", UserId::parse);
        let addon = ids.parsed("addonId", AddonId::parse);
        let name = ids.parsed("name", secret_name);
        Some(Self { user: user?, addon: addon?, name: name? })
    }
}

/// `{addonId}` and `{name}`.
#[derive(Clone, Debug)]
pub struct AddonSecret {
    /// The addon.
    pub addon: AddonId,
    /// The secret; whether the addon asks for it is its manifest's word.
    pub name: String,
}

impl FromPath for AddonSecret {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let addon = ids.parsed("addonId", AddonId::parse);
        let name = ids.parsed("name", secret_name);
        Some(Self { addon: addon?, name: name? })
    }
}

/// The manifest's own list decides; here only a hostile length is kept out of answers.
fn secret_name(text: &str) -> Result<String, &'static str> {
    if text.len() <= 128 { Ok(text.to_owned()) } else { Err("must be at most 128 characters") }
}

/// `{keyId}`.
#[derive(Clone, Debug)]
pub struct KeyId(pub String);

impl FromPath for KeyId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("keyId", |text| {
            let is_name = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_name { Ok(Self(text.to_owned())) } else { Err("must be letters and digits") }
        })
    }

    /// What is no key id names no key.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no key has such an id")
    }
}

/// `{publisher}`: a namespace.
#[derive(Clone, Debug)]
pub struct PublisherName(pub String);

impl FromPath for PublisherName {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("publisher", |text| namespace(text).map(Self))
    }
}

/// Reads a namespace: what stands before the dot in addon ids.
///
/// # Errors
/// What it has to be.
pub fn namespace(text: &str) -> Result<String, &'static str> {
    match AddonId::parse(&format!("{text}.any")) {
        Ok(id) if id.publisher() == text => Ok(text.to_owned()),
        _ => Err("must be the part before the dot of addon ids"),
    }
}

/// `{publisher}` and `{keyId}`.
#[derive(Clone, Debug)]
pub struct KeyOfPublisher {
    /// Whose key.
    pub publisher: String,
    /// The key.
    pub key: PublisherKeyId,
}

impl FromPath for KeyOfPublisher {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        let publisher = ids.parsed("publisher", namespace);
        let key = ids.parsed("keyId", PublisherKeyId::parse);
        Some(Self { publisher: publisher?, key: key? })
    }
}

/// `{blockId}`.
#[derive(Clone, Debug)]
pub struct BlockId(pub String);

impl FromPath for BlockId {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("blockId", |text| {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if (1..=100).contains(&text.len()) && text.bytes().all(is_name) {
                Ok(Self(text.to_owned()))
            } else {
                Err("must be letters, digits, `_` and `-`")
            }
        })
    }

    /// What is no block's id names no block.
    fn problem(_faults: Vec<Fault>) -> Problem {
        Problem::new(ProblemCode::NotFound, "no block has such an id")
    }
}

/// `{slug}`: the last part of a problem's `type`.
#[derive(Clone, Debug)]
pub struct Slug(pub String);

impl FromPath for Slug {
    fn read(ids: &mut PathIds<'_>) -> Option<Self> {
        ids.parsed("slug", |text| Ok::<_, std::convert::Infallible>(Self(text.to_owned())))
    }
}
