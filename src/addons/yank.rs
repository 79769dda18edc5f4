//! Taking a version back: nobody new gets it, whoever has it keeps it.

use semver::Version;

use crate::addons::views::VersionView;
use crate::addons::{Addons, AddonsError, Publisher};
use crate::model::id::AddonId;
use crate::store::addons::VersionState;

/// Why a publisher takes a version back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YankReason {
    /// It is dangerous.
    Security,
    /// It does not work.
    Bug,
    /// It may not be used as it was.
    Licence,
    /// Something else.
    Other,
}

impl YankReason {
    /// Every reason there is.
    pub const ALL: [Self; 4] = [Self::Security, Self::Bug, Self::Licence, Self::Other];

    /// The reason as publishers write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Bug => "bug",
            Self::Licence => "licence",
            Self::Other => "other",
        }
    }
}

impl Addons {
    /// Takes a version back: `latest`, `beta`, ranges and new users do not get it any more; who has it goes on.
    ///
    /// # Errors
    /// [`AddonsError::Forbidden`] outside of the publisher's namespaces, [`AddonsError::NotFound`], or a conflict when an admin
    /// blocked it.
    pub async fn yank(
        &self,
        publisher: &Publisher,
        (id, version): (&AddonId, &Version),
        reason: YankReason,
        note: Option<&str>,
    ) -> Result<VersionView, AddonsError> {
        if !publisher.owns(id) {
            return Err(AddonsError::Forbidden(format!("`{id}` is not in your namespaces")));
        }
        let record = self.record(id, version).await?;
        if record.state == VersionState::Blocked {
            return Err(AddonsError::conflict(format!("{id} {version} is blocked, which is more than yanked")));
        }
        let said = match note {
            Some(note) => format!("{}: {note}", reason.as_str()),
            None => reason.as_str().to_owned(),
        };
        let from = [VersionState::Pending, VersionState::Approved, VersionState::Yanked];
        self.inner.versions.set_state(id, version, (&from, VersionState::Yanked), Some(&said)).await?;
        self.version(id, version).await
    }
}
