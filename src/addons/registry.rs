//! What the registry answers: addons, versions, bytes, and which version a wish means.

use bytes::Bytes;
use semver::{Version, VersionReq};

use crate::addons::views::{AddonView, VersionLine, VersionView};
use crate::addons::{Addons, AddonsError};
use crate::model::id::AddonId;
use crate::store::addons::{VersionRecord, VersionState};
use crate::store::blobs::BlobKind;

/// Most addons that one answer lists.
const MAX_LISTED: usize = 1000;

/// Which version somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VersionWish {
    /// The newest release.
    Latest,
    /// The newest, pre-releases included.
    Beta,
    /// The newest release in a range.
    Range(VersionReq),
    /// This one.
    Exact(Version),
}

impl VersionWish {
    /// Reads `latest`, `beta`, an exact version or a range.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, String> {
        match text {
            None | Some("latest") => Ok(Self::Latest),
            Some("beta") => Ok(Self::Beta),
            Some(text) => Version::parse(text).map(Self::Exact).or_else(|_| {
                VersionReq::parse(text)
                    .map(Self::Range)
                    .map_err(|_| format!("`{text}` is not a version, a range such as `^1.2`, `latest` or `beta`"))
            }),
        }
    }

    /// The record that the wish means among `records`, in any order; only approved ones count.
    pub(super) fn choose(&self, records: &[VersionRecord]) -> Option<VersionRecord> {
        records
            .iter()
            .filter(|record| record.state == VersionState::Approved)
            .filter(|record| self.fits(&record.version))
            .max_by(|a, b| a.version.cmp(&b.version))
            .cloned()
    }

    fn fits(&self, found: &Version) -> bool {
        match self {
            Self::Latest => found.pre.is_empty(),
            Self::Beta => true,
            Self::Range(range) => range.matches(found),
            Self::Exact(version) => found == version,
        }
    }
}

/// That no version fits a wish, and which would once an admin approves it.
pub(super) fn nothing_fits(addon: &AddonId, wanted: Option<&str>, wish: &VersionWish, all: &[VersionRecord]) -> String {
    let wanted = wanted.unwrap_or("latest");
    let waiting = all.iter().filter(|record| record.state == VersionState::Pending && wish.fits(&record.version));
    match waiting.map(|record| &record.version).max() {
        Some(version) => format!(
            "`{addon}` has no approved version that is `{wanted}`; {version} would fit and waits for an admin's approval"
        ),
        None => {
            format!("`{addon}` has no approved version that is `{wanted}`; GET /addons/{addon} lists its versions")
        }
    }
}

impl Addons {
    /// Every addon whose id, name or description holds `query` and which asks for `capability`.
    ///
    /// # Errors
    /// [`AddonsError`] when the records cannot be read.
    pub async fn list(&self, query: Option<&str>, capability: Option<&str>) -> Result<Vec<AddonView>, AddonsError> {
        let needle = query.map(str::to_lowercase).unwrap_or_default();
        let mut views = Vec::new();
        for id in self.inner.versions.all(None, MAX_LISTED).await?.items {
            let records = self.inner.marked(self.inner.versions.list(&id).await?);
            let Some(view) = view_of(&id, records) else { continue };
            let text = format!("{} {} {}", view.id, view.name, view.description).to_lowercase();
            let asks = |latest: &VersionView| {
                capability
                    .is_none_or(|kind| latest.manifest.capabilities.iter().any(|asked| asked.kind.as_str() == kind))
            };
            if text.contains(&needle) && (capability.is_none() || view.latest.as_ref().is_some_and(asks)) {
                views.push(view);
            }
        }
        Ok(views)
    }

    /// One addon with its versions.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when nothing was published under this id.
    pub async fn addon(&self, id: &AddonId) -> Result<AddonView, AddonsError> {
        let records = self.inner.marked(self.inner.versions.list(id).await?);
        view_of(id, records).ok_or_else(|| unknown_addon(id))
    }

    /// One version of one addon.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when it was never published.
    pub async fn version(&self, id: &AddonId, version: &Version) -> Result<VersionView, AddonsError> {
        self.record(id, version).await.map(|record| VersionView::of(&record))
    }

    /// The bytes of one version, and their digest.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when it was never published; [`AddonsError::Blob`] when the bytes cannot be read.
    pub async fn component_bytes(&self, id: &AddonId, version: &Version) -> Result<(VersionView, Bytes), AddonsError> {
        let record = self.record(id, version).await?;
        let bytes = self.inner.blobs.get(BlobKind::Component, &record.digest).await?;
        Ok((VersionView::of(&record), bytes))
    }

    /// Lets a pending version into the registry.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when it was never published; a conflict when it is blocked or yanked.
    pub async fn approve(&self, id: &AddonId, version: &Version) -> Result<VersionView, AddonsError> {
        let record = self.record(id, version).await?;
        match record.state {
            VersionState::Approved => return Ok(VersionView::of(&record)),
            VersionState::Pending => {}
            VersionState::Yanked | VersionState::Blocked => {
                return Err(AddonsError::conflict(format!(
                    "{id} {version} is {} and cannot be approved",
                    record.state.as_str()
                )));
            }
        }
        self.inner.versions.set_state(id, version, VersionState::Approved, None).await?;
        self.inner.caches.tell_of_addon(id).await;
        self.version(id, version).await
    }

    pub(super) async fn record(&self, id: &AddonId, version: &Version) -> Result<VersionRecord, AddonsError> {
        let record = self.inner.versions.get(id, version).await?;
        self.inner.marked(record.into_iter().collect()).pop().ok_or_else(|| {
            AddonsError::NotFound(format!("`{id}` has no version {version}; GET /addons/{id} lists them"))
        })
    }
}

pub(super) fn unknown_addon(id: &AddonId) -> AddonsError {
    AddonsError::NotFound(format!("no addon `{id}` was published here; GET /addons lists what there is"))
}

fn view_of(id: &AddonId, mut records: Vec<VersionRecord>) -> Option<AddonView> {
    records.sort_by(|a, b| b.version.cmp(&a.version));
    let newest = records.first()?.clone();
    let versions = records
        .iter()
        .map(|record| VersionLine {
            version: record.version.to_string(),
            digest: record.digest.to_string(),
            state: record.state.as_str().to_owned(),
            published_at: record.published_at,
        })
        .collect();
    let latest = VersionWish::Latest.choose(&records);
    let shown = latest.as_ref().unwrap_or(&newest);
    Some(AddonView {
        id: id.to_string(),
        name: shown.manifest.name.clone(),
        description: shown.manifest.description.clone(),
        latest: latest.as_ref().map(VersionView::of),
        versions,
    })
}
