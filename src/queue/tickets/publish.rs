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
    /// In a file of the server's machine.
    Path(String),
}

impl Source {
    /// The source as registry and steps show it.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Upload => String::from("upload"),
            Self::Url(url) => url.clone(),
            Self::Path(path) => format!("path {path}"),
        }
    }
}

/// Take a component into the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// Where the bytes are.
    pub source: Source,
    /// What they must be: `sha256:…`.
    pub digest: String,
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
