//! The ticket that takes a component into the registry.

use serde::{Deserialize, Serialize};

use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Where a component's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "at")]
pub enum Source {
    /// In the blob store already: they were uploaded.
    Upload,
    /// At an address.
    Url(String),
    /// In an OCI registry: `registry/repository:tag` or `@sha256:…`.
    Oci(String),
    /// In a file of the server's machine.
    Path(String),
}

impl Source {
    /// The source as registry and steps show it.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Upload => String::from("upload"),
            Self::Url(url) => without_secrets(url),
            Self::Oci(reference) => format!("oci {reference}"),
            Self::Path(path) => format!("path {path}"),
        }
    }
}

/// The address without user, query and fragment, where signed links have what lets anybody in.
fn without_secrets(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => bare.to_owned(),
    }
}

/// Take a component into the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// Where the bytes are.
    pub source: Source,
    /// What they must be: `sha256:…`. Only a registry's manifest may say it instead.
    #[serde(default)]
    pub digest: Option<String>,
    /// The publisher's word about them, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The client whose key asked.
    pub client_id: String,
    /// The namespaces that it owned when it asked; `*` is every one but the platform's own.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Whether every namespace was open to it.
    #[serde(default)]
    pub is_admin: bool,
}

impl Ticket for Publish {
    const KIND: JobKind = JobKind::Publish;
    const NAME: &'static str = "publish";
    const ALIASES: &'static [&'static str] = &[];
    const LANE: Lane = Lane::Addons;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_link_is_shown_without_what_signs_it() {
        for (url, shown) in [
            ("https://a.example/x.wasm?sig=secret#part", "https://a.example/x.wasm"),
            ("https://user:secret@a.example:444/x@y", "https://a.example:444/x@y"),
            ("https://a.example", "https://a.example/"),
        ] {
            assert_eq!(Source::Url(url.to_owned()).in_words(), shown);
        }
    }

    #[test]
    fn a_ticket_from_before_registries_is_still_read() -> Result<(), serde_json::Error> {
        let text = r#"{"source": {"kind": "upload"}, "digest": "sha256:00", "clientId": "acme"}"#;
        let ticket: Publish = serde_json::from_str(text)?;
        assert_eq!((ticket.source, ticket.digest.as_deref()), (Source::Upload, Some("sha256:00")));
        Ok(())
    }
}
