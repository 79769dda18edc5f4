//! What a client that keeps its own list of addons asks now and then: is there something newer, and does it ask for more?

use semver::Version;
use serde::Serialize;
use serde_json::Value;

use crate::addons::registry::VersionWish;
use crate::addons::views::in_plain_words;
use crate::addons::{Addons, AddonsError};
use crate::model::grants::Grants;
use crate::model::id::AddonId;
use crate::model::manifest::Manifest;

/// What there is about one addon of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateView {
    /// The addon.
    pub id: String,
    /// The version that was asked about.
    pub version: String,
    /// Whether anything was ever published under this id.
    pub known: bool,
    /// The newest version that may be enabled, where it is newer than the one asked about.
    pub update: Option<NewerVersion>,
}

/// A newer version, as somebody decides by it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewerVersion {
    /// The version.
    pub version: String,
    /// Of its component: what consent is given to.
    pub digest: String,
    /// Whether it asks for something that the version asked about does not, or hears more. True where that one is unknown
    /// and this one asks for anything.
    pub asks_for_more: bool,
    /// What it asks for beyond that, in plain words too.
    pub newly_requested: Vec<Value>,
}

impl Addons {
    /// For each addon and version, whether a newer one may be enabled; in the order of the list.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn updates(&self, held: &[(AddonId, Version)]) -> Result<Vec<UpdateView>, AddonsError> {
        let mut views = Vec::with_capacity(held.len());
        for (id, version) in held {
            let records = self.inner.marked(self.inner.versions.list(id).await?);
            // Whoever has a pre-release follows those.
            let wish = if version.pre.is_empty() { VersionWish::Latest } else { VersionWish::Beta };
            let newest = wish.choose(&records, None).filter(|newest| newest.version > *version);
            let before = records.iter().find(|record| record.version == *version).map(|record| &record.manifest);
            views.push(UpdateView {
                id: id.to_string(),
                version: version.to_string(),
                known: !records.is_empty(),
                update: newest.map(|newest| {
                    let newly = beyond(before, &newest.manifest);
                    NewerVersion {
                        version: newest.version.to_string(),
                        digest: newest.digest.to_string(),
                        asks_for_more: before
                            .map_or(!newly.capabilities.is_empty(), |before| !asks_no_more(before, &newest.manifest)),
                        newly_requested: in_plain_words(&newly),
                    }
                }),
            });
        }
        Ok(views)
    }
}

/// Whether whoever said yes to the version before need not be asked about the newer one.
pub(super) fn asks_no_more(before: &Manifest, newer: &Manifest) -> bool {
    Grants::requested(before).covers(&Grants::requested(newer)) && newer.hears().is_subset(&before.hears())
}

/// The newer manifest with only those capabilities that the one before does not cover.
fn beyond(before: Option<&Manifest>, newer: &Manifest) -> Manifest {
    let held = before.map(Grants::requested).unwrap_or_default();
    let more = held.beyond(&Grants::requested(newer));
    let is_more = |kind| more.iter().any(|asked| asked.kind == kind);
    let capabilities = newer.capabilities.iter().filter(|asked| is_more(asked.kind)).cloned().collect();
    Manifest { capabilities, ..newer.clone() }
}
