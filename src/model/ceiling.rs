//! What the platform allows addons at most, one ceiling a kind of capability.
//!
//! What a ceiling leaves out it does not bound, and a kind without a ceiling is not bounded at all. A namespace may
//! have ceilings of its own; such a one stands in the place of the platform's, wider or narrower.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::capability::{Capability, CapabilityFault, CapabilityKind, SecretSpec};
use crate::model::grants::Grants;
use crate::model::origin::OriginPattern;
use crate::model::path_prefix::PathPrefix;
use crate::model::usage::Use;

/// The most that one kind of capability may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Ceiling {
    /// Whether it may be had at all.
    pub allowed: bool,
    /// `http`: places that may be asked; `secrets`: places that may receive one. `https://*` means all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// `http`: methods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// `http`: the part of each server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<String>,
    /// `kv`, `kv-shared`: bytes of keys and values together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// `secrets`, `secrets-reveal`: names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// `images`: credits a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_per_day: Option<u64>,
    /// `events`: topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emits: Option<Vec<String>>,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            allowed: true,
            hosts: None,
            methods: None,
            path_prefix: None,
            max_bytes: None,
            names: None,
            credits_per_day: None,
            emits: None,
        }
    }
}

impl Ceiling {
    /// A ceiling for bytes.
    #[must_use]
    pub fn bytes(most: u64) -> Self {
        Self { max_bytes: Some(most), ..Self::default() }
    }

    /// The ceiling of what may not be had.
    #[must_use]
    pub fn closed() -> Self {
        Self { allowed: false, ..Self::default() }
    }

    /// Everything in it that cannot be read, or belongs to another kind.
    #[must_use]
    pub fn faults(&self, kind: CapabilityKind) -> Vec<CapabilityFault> {
        let secrets = matches!(kind, CapabilityKind::Secrets | CapabilityKind::SecretsReveal);
        let named = |name: &String| SecretSpec { name: name.clone(), origins: Vec::new(), required: false };
        // The same rules as for what is asked for: a capability with these parameters is looked at.
        let mirror = Capability {
            hosts: if secrets { Vec::new() } else { self.hosts.clone().unwrap_or_default() },
            methods: self.methods.clone().unwrap_or_default(),
            path_prefix: self.path_prefix.clone(),
            max_bytes: self.max_bytes,
            secrets: self.names.iter().flatten().map(named).collect(),
            credits_per_day: self.credits_per_day,
            emits: self.emits.clone().unwrap_or_default(),
            ..Capability::bare(kind)
        };
        let mut faults = mirror.faults();
        for fault in &mut faults {
            if let Some(rest) = fault.field.strip_prefix("secrets") {
                fault.field = format!("names{}", rest.strip_suffix("/name").unwrap_or(rest));
            }
        }
        if secrets {
            let hosts = self.hosts.clone().unwrap_or_default();
            faults.extend(Capability { hosts, ..Capability::bare(CapabilityKind::Http) }.faults());
        }
        if self.methods.as_ref().is_some_and(Vec::is_empty) {
            let message = String::from("is empty; leave it out for every method, or say `allowed: false`");
            faults.push(CapabilityFault { field: String::from("methods"), message });
        }
        faults
    }

    /// Whether one use of the kind lies under it.
    fn allows(&self, asked: &Use) -> bool {
        let holds = |list: &Option<Vec<String>>, item: &String| list.as_ref().is_none_or(|list| list.contains(item));
        self.allowed
            && match asked {
                Use::Door(_) => true,
                Use::Http(request) => {
                    let prefix = self.path_prefix.as_deref().map(PathPrefix::parse);
                    holds(&self.methods, &request.method)
                        && prefix.is_none_or(|prefix| prefix.is_ok_and(|prefix| prefix.matches(&request.path)))
                        && self.has_place(|pattern| pattern.matches(&request.origin))
                }
                Use::Kv { bytes } | Use::KvShared { bytes } => self.max_bytes.is_none_or(|most| *bytes <= most),
                Use::Secret { name, origin } => {
                    let is_place = |pattern: &OriginPattern| origin.as_ref().is_some_and(|to| pattern.matches(to));
                    holds(&self.names, name) && (origin.is_none() || self.has_place(is_place))
                }
                Use::Reveal { name } => holds(&self.names, name),
                Use::Images { credits } => self.credits_per_day.is_none_or(|most| *credits <= most),
                Use::Emit { topic } => holds(&self.emits, topic),
            }
    }

    fn has_place(&self, is_it: impl Fn(&OriginPattern) -> bool) -> bool {
        let reads = |text: &String| OriginPattern::parse(text).is_ok_and(|pattern| is_it(&pattern));
        self.hosts.as_ref().is_none_or(|hosts| hosts.iter().any(reads))
    }

    /// The part of a capability that lies under it.
    fn cut(&self, capability: &Capability) -> Option<Capability> {
        if !self.allowed {
            return None;
        }
        // What is not bounded is cut with itself.
        let places = |own: &Vec<String>| self.hosts.clone().unwrap_or_else(|| own.clone());
        let secret = |spec: &SecretSpec| {
            let is_named = self.names.as_ref().is_none_or(|names| names.contains(&spec.name));
            is_named.then(|| SecretSpec { origins: places(&spec.origins), ..spec.clone() })
        };
        let has_no_method = self.methods.as_ref().is_some_and(Vec::is_empty);
        let bound = Capability {
            kind: capability.kind,
            reason: String::new(),
            hosts: if has_no_method { Vec::new() } else { places(&capability.hosts) },
            methods: self.methods.clone().unwrap_or_else(|| capability.methods.clone()),
            path_prefix: self.path_prefix.clone().or_else(|| capability.path_prefix.clone()),
            max_bytes: self.max_bytes.or(capability.max_bytes),
            secrets: capability.secrets.iter().filter_map(secret).collect(),
            credits_per_day: self.credits_per_day.or(capability.credits_per_day),
            emits: self.emits.clone().unwrap_or_else(|| capability.emits.clone()),
        };
        capability.intersect(&bound)
    }
}

/// Ceilings by kind.
pub type Ceilings = BTreeMap<CapabilityKind, Ceiling>;

/// Whose ceiling it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    Platform,
    /// That of the addons of one publisher.
    Namespace(Box<str>),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Namespace(name) => write!(f, "the platform, for addons of `{name}`,"),
        }
    }
}

/// The ceilings that one addon stands under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds(BTreeMap<CapabilityKind, (Scope, Ceiling)>);

impl Bounds {
    /// The platform's ceilings, and in their place those of the addon's namespace.
    #[must_use]
    pub fn new(platform: &Ceilings, namespace: Option<(&str, &Ceilings)>) -> Self {
        let everybody = platform.iter().map(|(kind, ceiling)| (*kind, (Scope::Platform, ceiling.clone())));
        let own = namespace.into_iter().flat_map(|(name, ceilings)| {
            ceilings.iter().map(move |(kind, ceiling)| (*kind, (Scope::Namespace(name.into()), ceiling.clone())))
        });
        Self(everybody.chain(own).collect())
    }

    /// The ceiling of a kind, and whose it is.
    #[must_use]
    pub fn of(&self, kind: CapabilityKind) -> Option<(&Scope, &Ceiling)> {
        self.0.get(&kind).map(|(scope, ceiling)| (scope, ceiling))
    }

    /// Whether one use lies under the ceilings. Reading a secret in clear also takes the right to use it.
    #[must_use]
    pub fn allows(&self, asked: &Use) -> bool {
        self.is_under_own(asked) && Self::implied(asked).is_none_or(|implied| self.is_under_own(&implied))
    }

    /// The kind whose ceiling decides about a use: its own, or that of what it implies where only that one says no.
    #[must_use]
    pub fn deciding(&self, asked: &Use) -> CapabilityKind {
        match Self::implied(asked) {
            Some(implied) if self.is_under_own(asked) && !self.is_under_own(&implied) => implied.kind(),
            Some(_) | None => asked.kind(),
        }
    }

    fn is_under_own(&self, asked: &Use) -> bool {
        self.0.get(&asked.kind()).is_none_or(|(_, ceiling)| ceiling.allows(asked))
    }

    fn implied(asked: &Use) -> Option<Use> {
        match asked {
            Use::Reveal { name } => Some(Use::Secret { name: name.clone(), origin: None }),
            Use::Door(CapabilityKind::SecretsReveal) => Some(Use::Door(CapabilityKind::Secrets)),
            Use::Door(_)
            | Use::Http(_)
            | Use::Kv { .. }
            | Use::KvShared { .. }
            | Use::Secret { .. }
            | Use::Images { .. }
            | Use::Emit { .. } => None,
        }
    }

    /// What of `grants` lies under the ceilings, written in the one way that there is.
    #[must_use]
    pub fn cut(&self, grants: &Grants) -> Grants {
        Grants::widest(grants.capabilities().iter().flat_map(|capability| self.pieces(capability)))
    }

    fn pieces(&self, capability: &Capability) -> Vec<Capability> {
        let under = |kind: CapabilityKind, capability: Capability| match self.0.get(&kind) {
            // Cut with itself, for the one way of writing.
            None => capability.intersect(&capability),
            Some((_, ceiling)) => ceiling.cut(&capability),
        };
        if capability.kind != CapabilityKind::SecretsReveal {
            return under(capability.kind, capability.clone()).into_iter().collect();
        }
        // It opens two doors, each with a ceiling of its own.
        let reveal = under(CapabilityKind::Secrets, capability.clone())
            .and_then(|capability| under(CapabilityKind::SecretsReveal, capability));
        let handles = Capability { kind: CapabilityKind::Secrets, ..capability.clone() };
        reveal.into_iter().chain(under(CapabilityKind::Secrets, handles)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_checked_like_what_it_bounds() -> Result<(), serde_json::Error> {
        for (kind, value, expected) in [
            (CapabilityKind::Kv, serde_json::json!({ "maxBytes": 10 }), vec![]),
            (CapabilityKind::Kv, serde_json::json!({ "hosts": ["https://a.example"] }), vec!["hosts"]),
            (CapabilityKind::Http, serde_json::json!({ "hosts": ["https://*"] }), vec![]),
            (CapabilityKind::Http, serde_json::json!({ "hosts": ["*"], "methods": [] }), vec!["hosts/0", "methods"]),
            (CapabilityKind::Secrets, serde_json::json!({ "hosts": ["https://*"], "names": ["a"] }), vec![]),
            (CapabilityKind::Secrets, serde_json::json!({ "hosts": ["x"], "names": [""] }), vec!["names/0", "hosts/0"]),
            (CapabilityKind::Events, serde_json::json!({ "names": ["a"] }), vec!["names"]),
        ] {
            let ceiling: Ceiling = serde_json::from_value(value)?;
            let fields: Vec<String> = ceiling.faults(kind).into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, expected, "{ceiling:?}");
        }
        Ok(())
    }

    #[test]
    fn a_namespace_stands_in_the_place_of_the_platform() {
        let platform =
            Ceilings::from([(CapabilityKind::Kv, Ceiling::bytes(10)), (CapabilityKind::Http, Ceiling::closed())]);
        let own = Ceilings::from([(CapabilityKind::Kv, Ceiling::bytes(20))]);
        let bounds = Bounds::new(&platform, Some(("acme", &own)));
        for (asked, expected) in [
            (Use::Kv { bytes: 20 }, true),
            (Use::Kv { bytes: 21 }, false),
            (Use::Door(CapabilityKind::Http), false),
            (Use::Door(CapabilityKind::Images), true),
        ] {
            assert_eq!(bounds.allows(&asked), expected, "{asked}");
        }
        assert!(!Bounds::new(&platform, None).allows(&Use::Kv { bytes: 20 }));
    }
}
