//! How far a capability reaches: its parameters as sets, so that two of them can be compared and cut.
//!
//! A capability travels as the text that people wrote. What is decided is decided here: which uses lie in it
//! ([`Reach::allows`]), whether it holds another one ([`Reach::covers`]), and what two have in common
//! ([`Reach::intersect`]). Text that cannot be read reaches nothing; the doors refuse it before it gets here.

#[cfg(test)]
pub(super) mod properties;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::capability::{Capability, CapabilityKind, DEFAULT_KV_BYTES, SecretSpec};
use crate::model::origin::{self, OriginPattern};
use crate::model::path_prefix::PathPrefix;
use crate::model::usage::{HttpUse, Use};

/// Which methods a request may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Methods {
    /// Every one there is.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Methods {
    fn intersect(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, methods) | (methods, Self::All) => methods.clone(),
            (Self::Only(mine), Self::Only(theirs)) => Self::Only(mine.intersection(theirs).cloned().collect()),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(mine), Self::Only(theirs)) => theirs.is_subset(mine),
        }
    }
}

/// Which requests may be sent: these places × these methods × this part of each server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HttpReach {
    origins: BTreeSet<OriginPattern>,
    methods: Methods,
    prefix: Option<PathPrefix>,
}

impl HttpReach {
    fn of(capability: &Capability) -> Self {
        let prefix = match capability.path_prefix.as_deref().map(PathPrefix::parse) {
            None => None,
            Some(Ok(prefix)) => Some(prefix),
            Some(Err(_)) => return Self::nothing(),
        };
        let methods = match capability.methods.as_slice() {
            [] => Methods::All,
            methods => Methods::Only(methods.iter().cloned().collect()),
        };
        Self::made(origin::read_all(&capability.hosts), methods, prefix)
    }

    /// There is one way to reach nothing, so that equal reaches look equal. (An empty list of methods would read as all.)
    fn made(origins: BTreeSet<OriginPattern>, methods: Methods, prefix: Option<PathPrefix>) -> Self {
        let has_method = !matches!(&methods, Methods::Only(methods) if methods.is_empty());
        if origins.is_empty() || !has_method { Self::nothing() } else { Self { origins, methods, prefix } }
    }

    const fn nothing() -> Self {
        Self { origins: BTreeSet::new(), methods: Methods::All, prefix: None }
    }

    fn allows(&self, request: &HttpUse) -> bool {
        let has_method = match &self.methods {
            Methods::All => true,
            Methods::Only(methods) => methods.contains(&request.method),
        };
        has_method
            && self.prefix.as_ref().is_none_or(|prefix| prefix.matches(&request.path))
            && self.origins.iter().any(|pattern| pattern.matches(&request.origin))
    }

    fn covers(&self, other: &Self) -> bool {
        let covers_paths = match (&self.prefix, &other.prefix) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => mine.covers(theirs),
        };
        other.origins.is_empty()
            || (covers_paths
                && self.methods.covers(&other.methods)
                && origin::covers_all(&self.origins, &other.origins))
    }

    fn intersect(&self, other: &Self) -> Self {
        let prefix = match (&self.prefix, &other.prefix) {
            (None, prefix) | (prefix, None) => prefix.clone(),
            (Some(mine), Some(theirs)) if mine.covers(theirs) => Some(theirs.clone()),
            (Some(mine), Some(theirs)) if theirs.covers(mine) => Some(mine.clone()),
            (Some(_), Some(_)) => return Self::nothing(),
        };
        let origins = origin::intersect_all(&self.origins, &other.origins);
        Self::made(origins, self.methods.intersect(&other.methods), prefix)
    }

    /// One for each place and method: what several others can only hold together, each of these lies in one.
    fn atoms(&self) -> Vec<Self> {
        let methods: Vec<Methods> = match &self.methods {
            Methods::All => vec![Methods::All],
            Methods::Only(methods) => {
                methods.iter().map(|method| Methods::Only(BTreeSet::from([method.clone()]))).collect()
            }
        };
        let each = |origin: &OriginPattern| {
            let origins = BTreeSet::from([origin.clone()]);
            methods.clone().into_iter().map(move |methods| Self {
                origins: origins.clone(),
                methods,
                prefix: self.prefix.clone(),
            })
        };
        self.origins.iter().flat_map(each).collect()
    }
}

/// The secrets by name, each with the places that may receive it.
type SecretReach = BTreeMap<String, BTreeSet<OriginPattern>>;

/// How far one capability reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Requests.
    Http(HttpReach),
    /// At most this many: bytes, or credits.
    UpTo(u64),
    /// Secrets.
    Secrets(SecretReach),
    /// Topics.
    Topics(BTreeSet<String>),
    /// All or nothing: it has no parameters.
    Whole,
}

impl Reach {
    /// What a capability's parameters say; those that its kind does not have are passed over.
    pub(super) fn of(capability: &Capability) -> Self {
        match capability.kind {
            CapabilityKind::Http => Self::Http(HttpReach::of(capability)),
            CapabilityKind::Kv | CapabilityKind::KvShared => {
                Self::UpTo(capability.max_bytes.unwrap_or(DEFAULT_KV_BYTES.as_u64()))
            }
            CapabilityKind::Secrets | CapabilityKind::SecretsReveal => {
                let mut secrets = SecretReach::new();
                for spec in &capability.secrets {
                    let known = secrets.remove(&spec.name).unwrap_or_default();
                    let texts: Vec<String> =
                        known.iter().map(ToString::to_string).chain(spec.origins.iter().cloned()).collect();
                    secrets.insert(spec.name.clone(), origin::read_all(&texts));
                }
                Self::Secrets(secrets)
            }
            CapabilityKind::Images => Self::UpTo(capability.credits_per_day.unwrap_or(0)),
            CapabilityKind::Events => Self::Topics(capability.emits.iter().cloned().collect()),
            CapabilityKind::Jobs | CapabilityKind::Schedule => Self::Whole,
        }
    }

    /// The capability of `kind` that reaches this far, written in the one way that there is.
    pub(super) fn into_capability(self, kind: CapabilityKind) -> Capability {
        let bare = Capability::bare(kind);
        match self {
            Self::Http(HttpReach { origins, methods, prefix }) => Capability {
                hosts: texts(&origins),
                methods: match methods {
                    Methods::All => Vec::new(),
                    Methods::Only(methods) => methods.into_iter().collect(),
                },
                path_prefix: prefix.map(|prefix| prefix.as_str().to_owned()),
                ..bare
            },
            Self::UpTo(most) if kind == CapabilityKind::Images => Capability { credits_per_day: Some(most), ..bare },
            Self::UpTo(most) => Capability { max_bytes: Some(most), ..bare },
            Self::Secrets(secrets) => Capability {
                secrets: secrets
                    .into_iter()
                    .map(|(name, origins)| SecretSpec { name, origins: texts(&origins), required: false })
                    .collect(),
                ..bare
            },
            Self::Topics(topics) => Capability { emits: topics.into_iter().collect(), ..bare },
            Self::Whole => bare,
        }
    }

    /// Whether a use, of a kind that the capability opens, lies in it.
    pub(super) fn allows(&self, asked: &Use) -> bool {
        match (self, asked) {
            (_, Use::Door(_)) => true,
            (Self::Http(reach), Use::Http(request)) => reach.allows(request),
            (
                Self::UpTo(most),
                Use::Kv { bytes: asked } | Use::KvShared { bytes: asked } | Use::Images { credits: asked },
            ) => asked <= most,
            (Self::Secrets(secrets), Use::Secret { name, origin }) => secrets.get(name).is_some_and(|patterns| {
                origin.as_ref().is_none_or(|origin| patterns.iter().any(|pattern| pattern.matches(origin)))
            }),
            (Self::Secrets(secrets), Use::Reveal { name }) => secrets.contains_key(name),
            (Self::Topics(topics), Use::Emit { topic }) => topics.contains(topic),
            (Self::Http(_) | Self::UpTo(_) | Self::Secrets(_) | Self::Topics(_) | Self::Whole, _) => false,
        }
    }

    /// Whether every use that lies in `other` lies here.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(mine), Self::Http(theirs)) => mine.covers(theirs),
            (Self::UpTo(mine), Self::UpTo(theirs)) => theirs <= mine,
            (Self::Secrets(mine), Self::Secrets(theirs)) => {
                theirs.iter().all(|(name, theirs)| mine.get(name).is_some_and(|mine| origin::covers_all(mine, theirs)))
            }
            (Self::Topics(mine), Self::Topics(theirs)) => theirs.is_subset(mine),
            (Self::Whole, Self::Whole) => true,
            (Self::Http(_) | Self::UpTo(_) | Self::Secrets(_) | Self::Topics(_) | Self::Whole, _) => false,
        }
    }

    /// The uses that lie in both; none for reaches of different kinds.
    pub(super) fn intersect(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Http(mine), Self::Http(theirs)) => Self::Http(mine.intersect(theirs)),
            (Self::UpTo(mine), Self::UpTo(theirs)) => Self::UpTo(*mine.min(theirs)),
            (Self::Secrets(mine), Self::Secrets(theirs)) => {
                let both = |(name, mine): (&String, &BTreeSet<OriginPattern>)| {
                    let theirs = theirs.get(name)?;
                    Some((name.clone(), origin::intersect_all(mine, theirs)))
                };
                Self::Secrets(mine.iter().filter_map(both).collect())
            }
            (Self::Topics(mine), Self::Topics(theirs)) => Self::Topics(mine.intersection(theirs).cloned().collect()),
            (Self::Whole, Self::Whole) => Self::Whole,
            (Self::Http(_) | Self::UpTo(_) | Self::Secrets(_) | Self::Topics(_) | Self::Whole, _) => return None,
        })
    }

    /// The same reach in pieces that are so small that a union of reaches holds one only if a single reach of it does.
    pub(super) fn atoms(&self) -> Vec<Self> {
        let pieces: Vec<Self> = match self {
            Self::Http(reach) => reach.atoms().into_iter().map(Self::Http).collect(),
            Self::Secrets(secrets) => secrets
                .iter()
                .flat_map(|(name, origins)| {
                    let one = |origins| Self::Secrets(BTreeMap::from([(name.clone(), origins)]));
                    let each = origins.iter().map(move |origin| one(BTreeSet::from([origin.clone()])));
                    std::iter::once(one(BTreeSet::new())).chain(each)
                })
                .collect(),
            Self::Topics(topics) => topics.iter().map(|topic| Self::Topics(BTreeSet::from([topic.clone()]))).collect(),
            Self::UpTo(_) | Self::Whole => Vec::new(),
        };
        if pieces.is_empty() { vec![self.clone()] } else { pieces }
    }
}

impl Capability {
    /// The order in which lists of capabilities are written: the same set is then the same list.
    pub(in crate::model) fn order(&self, other: &Self) -> Ordering {
        let key = |one: &Self| {
            let secrets: Vec<(String, Vec<String>)> =
                one.secrets.iter().map(|secret| (secret.name.clone(), secret.origins.clone())).collect();
            (one.hosts.clone(), one.methods.clone(), one.path_prefix.clone(), secrets, one.emits.clone())
        };
        (self.kind, self.max_bytes, self.credits_per_day)
            .cmp(&(other.kind, other.max_bytes, other.credits_per_day))
            .then_with(|| key(self).cmp(&key(other)))
    }

    /// Whether one use lies in it.
    #[must_use]
    pub fn allows(&self, asked: &Use) -> bool {
        self.opens(asked.kind()) && Reach::of(self).allows(asked)
    }

    /// Whether every use that lies in `other` lies in it: `other` asks for equal or less.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.opens(other.kind) && Reach::of(self).covers(&Reach::of(other))
    }

    /// The uses that lie in both, written in the one way that there is; none where no interface is opened by both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let kind = if self.opens(other.kind) { other.kind } else { self.kind };
        if !(self.opens(kind) && other.opens(kind)) {
            return None;
        }
        Some(Reach::of(self).intersect(&Reach::of(other))?.into_capability(kind))
    }
}

fn texts(origins: &BTreeSet<OriginPattern>) -> Vec<String> {
    origins.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::capability::{Capability, CapabilityKind};

    fn capability(value: serde_json::Value) -> Result<Capability, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn less_is_covered_by_more_and_more_is_not_covered_by_less() -> Result<(), serde_json::Error> {
        use serde_json::json;
        let http = |hosts: &[&str], methods: &[&str]| json!({ "kind": "http", "hosts": hosts, "methods": methods });
        let secret =
            |kind: &str, origins: &[&str]| json!({ "kind": kind, "secrets": [{ "name": "key", "origins": origins }] });
        for (more, less) in [
            (json!({ "kind": "kv", "maxBytes": 20 }), json!({ "kind": "kv", "maxBytes": 10 })),
            (json!({ "kind": "kv" }), json!({ "kind": "kv", "maxBytes": 10_000_000 })),
            (json!({ "kind": "images", "creditsPerDay": 1 }), json!({ "kind": "images" })),
            (http(&["https://*.a.example"], &[]), http(&["https://x.a.example"], &[])),
            (http(&["https://a.example"], &[]), http(&["https://a.example"], &["GET"])),
            (http(&["https://a.example"], &["GET", "PUT"]), http(&["https://a.example"], &["GET"])),
            (http(&["https://a.example", "https://b.example"], &[]), http(&["https://b.example"], &[])),
            (
                http(&["https://a.example"], &[]),
                json!({ "kind": "http", "hosts": ["https://a.example"], "pathPrefix": "/" }),
            ),
            (secret("secrets", &["https://a.example"]), secret("secrets", &[])),
            (secret("secrets-reveal", &["https://a.example"]), secret("secrets", &["https://a.example"])),
            (json!({ "kind": "events", "emits": ["a", "b"] }), json!({ "kind": "events", "emits": ["b"] })),
        ] {
            let (more, less) = (capability(more)?, capability(less)?);
            assert!(more.covers(&less), "{more:?} {less:?}");
            assert!(!less.covers(&more), "{less:?} {more:?}");
            assert!(more.covers(&more) && less.covers(&less));
        }
        Ok(())
    }

    #[test]
    fn methods_with_nothing_in_common_leave_no_request_and_not_all_of_them() -> Result<(), serde_json::Error> {
        let one =
            capability(serde_json::json!({ "kind": "http", "hosts": ["https://a.example"], "methods": ["GET"] }))?;
        let other = Capability { methods: vec![String::from("PUT")], ..one.clone() };
        let both = one.intersect(&other);
        assert_eq!(both, Some(Capability::bare(CapabilityKind::Http)));
        assert!(both.is_some_and(|both| one.covers(&both) && other.covers(&both)));
        Ok(())
    }

    #[test]
    fn different_kinds_have_nothing_in_common() {
        for one in CapabilityKind::ALL.map(Capability::bare) {
            for other in CapabilityKind::ALL.map(Capability::bare) {
                let related = one.opens(other.kind) || other.opens(one.kind);
                assert_eq!(one.intersect(&other).is_some(), related, "{one:?} {other:?}");
            }
        }
    }
}
