//! The rules of the three keys in plain words.

use crate::model::capability::{Capability, CapabilityKind, DEFAULT_KV_BYTES};
use crate::model::ceiling::{Bounds, Ceiling};
use crate::model::units::ByteSize;
use crate::model::usage::Use;

/// Most items of a list that a sentence spells out.
const MAX_ITEMS: usize = 8;

/// What a manifest asks for of one kind.
pub(super) fn of_manifest(asked: &[Capability], kind: CapabilityKind) -> String {
    match about(asked, kind) {
        Some(words) => format!("the manifest asks for {words}"),
        None => format!("the manifest does not ask for `{}`", kind.as_str()),
    }
}

/// What a user gave of one kind.
pub(super) fn of_grant(given: &[Capability], kind: CapabilityKind) -> String {
    match about(given, kind) {
        Some(words) => format!("the user gave {words}"),
        None => format!("the user did not give `{}`", kind.as_str()),
    }
}

/// What the ceilings say about one use.
pub(super) fn of_ceiling(bounds: &Bounds, asked: &Use) -> String {
    let named = bounds.deciding(asked);
    let name = named.as_str();
    match bounds.of(named) {
        None => format!("the platform does not bound `{name}`"),
        Some((scope, Ceiling { allowed: false, .. })) => format!("{scope} allows no `{name}`"),
        Some((scope, ceiling)) => match ceiling_parts(ceiling) {
            parts if parts.is_empty() => format!("{scope} allows every `{name}`"),
            parts => format!("{scope} allows `{name}` {}", parts.join(", ")),
        },
    }
}

fn ceiling_parts(ceiling: &Ceiling) -> Vec<String> {
    let bounds = [
        ceiling.max_bytes.map(up_to_bytes),
        ceiling.credits_per_day.map(up_to_credits),
        ceiling.methods.as_ref().map(|methods| format!("with {}", list(methods, "no method"))),
        ceiling.hosts.as_ref().map(|hosts| format!("for {}", list(hosts, "no server"))),
        ceiling.path_prefix.as_ref().map(|prefix| format!("below {prefix}")),
        ceiling.names.as_ref().map(|names| format!("by the names {}", list(names, "(none)"))),
        ceiling.emits.as_ref().map(|topics| format!("for the topics {}", list(topics, "(none)"))),
    ];
    bounds.into_iter().flatten().collect()
}

/// Everything in `list` that opens a door, in words.
fn about(capabilities: &[Capability], kind: CapabilityKind) -> Option<String> {
    let all: Vec<String> = capabilities
        .iter()
        .filter(|capability| capability.opens(kind))
        .map(|capability| format!("`{}` {}", capability.kind.as_str(), parameters(capability)).trim_end().to_owned())
        .collect();
    if all.is_empty() { None } else { Some(all.join(", and ")) }
}

fn parameters(capability: &Capability) -> String {
    match capability.kind {
        CapabilityKind::Http => {
            let methods = if capability.methods.is_empty() {
                String::from("every method")
            } else {
                list(&capability.methods, "no method")
            };
            let below = capability.path_prefix.as_ref().map(|prefix| format!(" below {prefix}")).unwrap_or_default();
            format!("with {methods} for {}{below}", list(&capability.hosts, "no server"))
        }
        CapabilityKind::Kv | CapabilityKind::KvShared => {
            up_to_bytes(capability.max_bytes.unwrap_or(DEFAULT_KV_BYTES.as_u64()))
        }
        CapabilityKind::Secrets | CapabilityKind::SecretsReveal => {
            let secret = |name: &str, origins: &[String]| format!("`{name}` for {}", list(origins, "no server"));
            let all: Vec<String> = capability.secrets.iter().map(|spec| secret(&spec.name, &spec.origins)).collect();
            list(&all, "by no name")
        }
        CapabilityKind::Images => up_to_credits(capability.credits_per_day.unwrap_or(0)),
        CapabilityKind::Events => format!("for the topics {}", list(&capability.emits, "(none)")),
        CapabilityKind::Jobs | CapabilityKind::Schedule => String::new(),
    }
}

fn up_to_bytes(most: u64) -> String {
    format!("up to {}", ByteSize::bytes(most))
}

fn up_to_credits(most: u64) -> String {
    format!("up to {most} credits a day")
}

fn list(items: &[String], none: &str) -> String {
    match items.split_at_checked(MAX_ITEMS) {
        _ if items.is_empty() => none.to_owned(),
        Some((shown, rest)) if !rest.is_empty() => format!("{} and {} more", shown.join(", "), rest.len()),
        _ => items.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ceiling::Ceilings;

    #[test]
    fn a_rule_reads_as_a_sentence() -> Result<(), serde_json::Error> {
        for (value, expected) in [
            (serde_json::json!({ "kind": "kv", "maxBytes": 65536 }), "the manifest asks for `kv` up to 64KiB"),
            (
                serde_json::json!({ "kind": "http", "hosts": ["https://a.example"], "methods": ["GET"], "pathPrefix": "/v1" }),
                "the manifest asks for `http` with GET for https://a.example below /v1",
            ),
            (serde_json::json!({ "kind": "http" }), "the manifest asks for `http` with every method for no server"),
            (serde_json::json!({ "kind": "jobs" }), "the manifest asks for `jobs`"),
            (
                serde_json::json!({ "kind": "secrets", "secrets": [{ "name": "key", "origins": ["https://a.example"] }] }),
                "the manifest asks for `secrets` `key` for https://a.example",
            ),
        ] {
            let capability: Capability = serde_json::from_value(value)?;
            assert_eq!(of_manifest(std::slice::from_ref(&capability), capability.kind), expected);
        }
        assert_eq!(of_grant(&[], CapabilityKind::Kv), "the user did not give `kv`");
        Ok(())
    }

    #[test]
    fn a_ceiling_says_whose_it_is() {
        let platform = Ceilings::from([(CapabilityKind::Kv, Ceiling::bytes(1024))]);
        let own = Ceilings::from([(CapabilityKind::Secrets, Ceiling::closed())]);
        let bounds = Bounds::new(&platform, Some(("acme", &own)));
        for (asked, expected) in [
            (Use::Kv { bytes: 1 }, "the platform allows `kv` up to 1KiB"),
            (Use::Door(CapabilityKind::Http), "the platform does not bound `http`"),
            (Use::Reveal { name: String::from("key") }, "the platform, for addons of `acme`, allows no `secrets`"),
        ] {
            assert_eq!(of_ceiling(&bounds, &asked), expected);
        }
    }
}
