//! What the registry answers: addons, versions, bytes, and which version a wish means.

use bytes::Bytes;
use semver::{Version, VersionReq};

use crate::addons::views::{AddonView, VersionLine, VersionView};
use crate::addons::{Addons, AddonsError};
use crate::model::digest::Digest;
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

    /// The record that the wish means among `records`, in any order; only approved ones count, and to whoever holds a
    /// version by its digest also that one where it was yanked.
    pub(super) fn choose(&self, records: &[VersionRecord], held: Option<&Digest>) -> Option<VersionRecord> {
        let may_be_used = |record: &VersionRecord| match record.state {
            VersionState::Approved => true,
            VersionState::Yanked => matches!(self, Self::Exact(_)) && held == Some(&record.digest),
            VersionState::Pending | VersionState::Blocked => false,
        };
        records
            .iter()
            .filter(|record| may_be_used(record))
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

impl VersionWish {
    /// The newest approved record among `records` that is compatible with `version`, newer, and not against the wish. Whoever
    /// wished for an exact version and follows all the same begins there.
    pub(super) fn newest_after<'a>(
        &self,
        version: &Version,
        records: &'a [VersionRecord],
    ) -> Option<&'a VersionRecord> {
        let is_wished = |other: &Version| match self {
            Self::Latest | Self::Exact(_) => other.pre.is_empty() || !version.pre.is_empty(),
            Self::Beta => true,
            Self::Range(range) => range.matches(other),
        };
        records
            .iter()
            .filter(|record| record.state == VersionState::Approved && record.version > *version)
            .filter(|record| is_compatible(version, &record.version) && is_wished(&record.version))
            .max_by(|a, b| a.version.cmp(&b.version))
    }
}

/// Whether semver promises that `other` can take the place of `version`: the first number that is not 0 is the same.
fn is_compatible(version: &Version, other: &Version) -> bool {
    let line = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    line(version) == line(other)
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
            VersionState::Approved => {
                // Whoever approved it may have died before the others heard of it.
                self.announce_version(&record).await?;
                return Ok(VersionView::of(&record));
            }
            VersionState::Pending => {}
            VersionState::Yanked | VersionState::Blocked => {
                return Err(AddonsError::conflict(format!(
                    "{id} {version} is {} and cannot be approved",
                    record.state.as_str()
                )));
            }
        }
        // A publisher who takes it back at this very moment is heard: only what still waits is approved.
        let (from, to) = ([VersionState::Pending], VersionState::Approved);
        let now = self.inner.versions.set_state(id, version, (&from, to), None).await?;
        if now.is_some_and(|now| now.state == VersionState::Approved) {
            self.announce_version(&record).await?;
        }
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
    let latest = VersionWish::Latest.choose(&records, None);
    let shown = latest.as_ref().unwrap_or(&newest);
    Some(AddonView {
        id: id.to_string(),
        name: shown.manifest.name.clone(),
        description: shown.manifest.description.clone(),
        latest: latest.as_ref().map(VersionView::of),
        versions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_takes_the_place_of_another_where_semver_promises_so() -> Result<(), semver::Error> {
        for (version, other, expected) in [
            ("1.2.3", "1.9.0", true),
            ("1.2.3", "2.0.0", false),
            ("0.2.3", "0.2.9", true),
            ("0.2.3", "0.3.0", false),
            ("0.0.3", "0.0.4", false),
            ("1.0.0-beta.1", "1.0.0", true),
        ] {
            assert_eq!(
                is_compatible(&Version::parse(version)?, &Version::parse(other)?),
                expected,
                "{version} {other}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_wish_for_a_version_is_a_channel_a_number_or_a_range() {
        for (text, is_good) in
            [("latest", true), ("beta", true), ("1.2.0", true), ("^1.2", true), ("~1.2", true), ("newest", false)]
        {
            assert_eq!(VersionWish::parse(Some(text)).is_ok(), is_good, "{text}");
        }
        assert_eq!(VersionWish::parse(None), Ok(VersionWish::Latest));
    }
}
