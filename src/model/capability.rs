//! What an addon may ask for, and which interface each capability opens.
//!
//! How far one reaches and how two compare is worked out in `model/reach.rs`.

mod faults;

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::reach::Reach;
use crate::model::units::ByteSize;
use crate::model::usage::Use;

pub use faults::CapabilityFault;

/// One of the host's doors that needs consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CapabilityKind {
    /// Requests to the internet, through the one guarded door.
    Http,
    /// Small durable state, private to this addon and user.
    Kv,
    /// State shared by this addon's users of one client.
    KvShared,
    /// Handles of secrets; the plaintext stays with the host.
    Secrets,
    /// The plaintext of secrets.
    SecretsReveal,
    /// Requests to the host's image queue.
    Images,
    /// Emitting declared topics.
    Events,
    /// Running an own action later.
    Jobs,
    /// Being woken by a clock.
    Schedule,
}

impl CapabilityKind {
    /// Every kind there is.
    pub const ALL: [Self; 9] = [
        Self::Http,
        Self::Kv,
        Self::KvShared,
        Self::Secrets,
        Self::SecretsReveal,
        Self::Images,
        Self::Events,
        Self::Jobs,
        Self::Schedule,
    ];

    /// The kind as the manifest writes it, such as `kv-shared`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Kv => "kv",
            Self::KvShared => "kv-shared",
            Self::Secrets => "secrets",
            Self::SecretsReveal => "secrets-reveal",
            Self::Images => "images",
            Self::Events => "events",
            Self::Jobs => "jobs",
            Self::Schedule => "schedule",
        }
    }

    /// The interface that this capability opens; `schedule` opens an export and no import.
    #[must_use]
    pub const fn interface(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("wasi:http/outgoing-handler"),
            Self::Kv => Some("semantest:addon/kv"),
            Self::KvShared => Some("semantest:addon/kv-shared"),
            Self::Secrets => Some("semantest:addon/secrets"),
            Self::SecretsReveal => Some("semantest:addon/secrets-reveal"),
            Self::Images => Some("semantest:addon/images"),
            Self::Events => Some("semantest:addon/events"),
            Self::Jobs => Some("semantest:addon/jobs"),
            Self::Schedule => None,
        }
    }

    /// Whether this host implements the door yet; the rest is refused when an addon is verified.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Kv)
    }

    /// What the capability means, for the person who is asked to consent.
    #[must_use]
    pub const fn in_plain_words(self) -> &'static str {
        match self {
            Self::Http => "talk to the listed servers on the internet",
            Self::Kv => "remember small things for you",
            Self::KvShared => "remember small things shared by all users of your platform",
            Self::Secrets => "use the listed secrets without seeing them",
            Self::SecretsReveal => "read the listed secrets in clear",
            Self::Images => "ask for pictures at your cost",
            Self::Events => "announce the listed events",
            Self::Jobs => "start its own actions later",
            Self::Schedule => "wake up by itself at set times",
        }
    }
}

/// A secret that an addon names, and the origins that it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretSpec {
    /// The secret's name.
    pub name: String,
    /// Origins (`https://host`) that may receive it.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Whether the addon cannot work without it.
    #[serde(default)]
    pub required: bool,
}

/// A capability with its parameters, as a manifest asks for it and as a grant gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capability {
    /// Which door.
    pub kind: CapabilityKind,
    /// Why the addon wants it; shown to the user. Empty in a grant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// `http`: allowed origins, `scheme://host-or-*.host[:port]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// `http`: allowed methods; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// `http`: allowed path prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// `kv`, `kv-shared`: bytes of keys and values together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// `secrets`: the secrets and the origins they are bound to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSpec>,
    /// `images`: credits a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits_per_day: Option<u64>,
    /// `events`: topics it may emit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emits: Vec<String>,
}

/// Bytes a `kv` capability gets when the manifest names no number: 10 MiB per user and addon.
pub const DEFAULT_KV_BYTES: ByteSize = ByteSize::mib(10);

impl Capability {
    /// A capability of `kind` without parameters.
    #[must_use]
    pub const fn bare(kind: CapabilityKind) -> Self {
        Self {
            kind,
            reason: String::new(),
            hosts: Vec::new(),
            methods: Vec::new(),
            path_prefix: None,
            max_bytes: None,
            secrets: Vec::new(),
            credits_per_day: None,
            emits: Vec::new(),
        }
    }

    /// Whether it opens the interface of `kind`: its own, and for `secrets-reveal` that of `secrets` too.
    #[must_use]
    pub const fn opens(&self, kind: CapabilityKind) -> bool {
        self.kind as u8 == kind as u8
            || matches!((self.kind, kind), (CapabilityKind::SecretsReveal, CapabilityKind::Secrets))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

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
