//! What is wrong with a capability's parameters: told at every door, so that nothing unreadable is ever stored.

use crate::model::capability::{Capability, CapabilityKind};
use crate::model::origin::OriginPattern;
use crate::model::path_prefix::PathPrefix;
use crate::model::usage::is_method_byte;

/// Most entries of one list: people read these lists before they consent.
const MAX_ENTRIES: usize = 64;
/// Longest name of a secret or topic, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// One fault of a capability's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilityFault {
    /// Where in the capability, such as `hosts/0`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl CapabilityFault {
    fn at(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl Capability {
    /// Everything in the parameters that cannot be read, or belongs to another kind.
    #[must_use]
    pub fn faults(&self) -> Vec<CapabilityFault> {
        let mut faults = self.strange_fields();
        origins("hosts", &self.hosts, &mut faults);
        methods(&self.methods, &mut faults);
        if let Some(Err(error)) = self.path_prefix.as_deref().map(PathPrefix::parse) {
            faults.push(CapabilityFault::at("pathPrefix", error.to_string()));
        }
        count("secrets", self.secrets.len(), &mut faults);
        for (index, secret) in self.secrets.iter().enumerate().take(MAX_ENTRIES) {
            name(&format!("secrets/{index}/name"), &secret.name, &mut faults);
            origins(&format!("secrets/{index}/origins"), &secret.origins, &mut faults);
        }
        count("emits", self.emits.len(), &mut faults);
        for (index, topic) in self.emits.iter().enumerate().take(MAX_ENTRIES) {
            name(&format!("emits/{index}"), topic, &mut faults);
        }
        faults
    }

    /// Places that are more than any one publisher's servers: an addon does not ask for them.
    #[must_use]
    pub fn sweeping_places(&self) -> Vec<CapabilityFault> {
        let lists = std::iter::once((String::from("hosts"), &self.hosts)).chain(
            self.secrets
                .iter()
                .enumerate()
                .map(|(index, secret)| (format!("secrets/{index}/origins"), &secret.origins)),
        );
        let mut faults = Vec::new();
        for (field, texts) in lists {
            for (index, text) in texts.iter().enumerate() {
                if OriginPattern::parse(text).is_ok_and(|pattern| pattern.is_sweeping()) {
                    let message = format!("`{text}` means whole parts of the internet; name the servers");
                    faults.push(CapabilityFault::at(format!("{field}/{index}"), message));
                }
            }
        }
        faults
    }

    /// Parameters that this kind does not have.
    fn strange_fields(&self) -> Vec<CapabilityFault> {
        use CapabilityKind as Kind;
        let is_http = self.kind == Kind::Http;
        let fields = [
            ("hosts", !self.hosts.is_empty(), is_http),
            ("methods", !self.methods.is_empty(), is_http),
            ("pathPrefix", self.path_prefix.is_some(), is_http),
            ("maxBytes", self.max_bytes.is_some(), matches!(self.kind, Kind::Kv | Kind::KvShared)),
            ("secrets", !self.secrets.is_empty(), matches!(self.kind, Kind::Secrets | Kind::SecretsReveal)),
            ("creditsPerDay", self.credits_per_day.is_some(), self.kind == Kind::Images),
            ("emits", !self.emits.is_empty(), self.kind == Kind::Events),
        ];
        fields
            .into_iter()
            .filter(|(_, is_there, belongs)| *is_there && !belongs)
            .map(|(field, _, _)| {
                CapabilityFault::at(field, format!("means nothing for `{}`; leave it out", self.kind.as_str()))
            })
            .collect()
    }
}

fn count(field: &str, entries: usize, faults: &mut Vec<CapabilityFault>) {
    if entries > MAX_ENTRIES {
        faults.push(CapabilityFault::at(field, format!("has {entries} entries, at most {MAX_ENTRIES} are allowed")));
    }
}

/// What is wrong with a list of origins.
pub(in crate::model) fn origins(field: &str, texts: &[String], faults: &mut Vec<CapabilityFault>) {
    count(field, texts.len(), faults);
    for (index, text) in texts.iter().enumerate().take(MAX_ENTRIES) {
        if let Err(error) = OriginPattern::parse(text) {
            faults.push(CapabilityFault::at(format!("{field}/{index}"), error.to_string()));
        }
    }
}

/// What is wrong with a list of methods.
pub(in crate::model) fn methods(texts: &[String], faults: &mut Vec<CapabilityFault>) {
    count("methods", texts.len(), faults);
    for (index, text) in texts.iter().enumerate().take(MAX_ENTRIES) {
        if text.is_empty() || text.len() > 32 || !text.bytes().all(is_method_byte) {
            faults.push(CapabilityFault::at(format!("methods/{index}"), "must be a method such as GET"));
        }
    }
}

/// What is wrong with the name of a secret or topic.
pub(in crate::model) fn name(field: &str, text: &str, faults: &mut Vec<CapabilityFault>) {
    faults.extend(topic_fault(text).map(|message| CapabilityFault::at(field, message)));
}

/// Why `text` is not the name of a topic or secret.
pub(in crate::model) fn topic_fault(text: &str) -> Option<String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b':');
    let is_fault = text.is_empty() || text.len() > MAX_NAME_BYTES || !text.bytes().all(is_good);
    is_fault.then(|| format!("must be 1-{MAX_NAME_BYTES} of A-Z a-z 0-9 . - _ / :"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_with_its_place() -> Result<(), serde_json::Error> {
        for (value, expected) in [
            (serde_json::json!({ "kind": "kv", "maxBytes": 10 }), vec![]),
            (serde_json::json!({ "kind": "kv", "hosts": ["https://a.example"] }), vec!["hosts"]),
            (
                serde_json::json!({ "kind": "http", "hosts": ["a.example", "https://b.example"], "methods": ["get"], "pathPrefix": "v1" }),
                vec!["hosts/0", "methods/0", "pathPrefix"],
            ),
            (
                serde_json::json!({ "kind": "secrets", "secrets": [{ "name": "", "origins": ["*"] }] }),
                vec!["secrets/0/name", "secrets/0/origins/0"],
            ),
            (serde_json::json!({ "kind": "events", "emits": ["weather.changed", "a b"] }), vec!["emits/1"]),
        ] {
            let capability: Capability = serde_json::from_value(value)?;
            let fields: Vec<String> = capability.faults().into_iter().map(|fault| fault.field).collect();
            assert_eq!(fields, expected, "{capability:?}");
        }
        Ok(())
    }

    #[test]
    fn an_addon_does_not_ask_for_the_whole_internet() {
        let hosts = ["https://*", "https://*.com", "https://*.example.com", "https://com"].map(str::to_owned).to_vec();
        let capability = Capability { hosts, ..Capability::bare(CapabilityKind::Http) };
        let fields: Vec<String> = capability.sweeping_places().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["hosts/0", "hosts/1"]);
    }
}
