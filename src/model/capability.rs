//! What an addon may ask for, and which interface each capability opens.
//!
//! How far one reaches and how two compare is worked out in `model/reach.rs`.

mod faults;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::units::ByteSize;

pub use faults::CapabilityFault;
pub(in crate::model) use faults::topic_fault;

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
}
