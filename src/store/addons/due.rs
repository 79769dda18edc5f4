//! Addons with a new version whose enablements have not all been looked at yet.

use ulid::Ulid;

use crate::model::id::AddonId;
use crate::store::addons::AddonVersions;
use crate::store::{StoreError, script};

/// Noun of the hash of addons with a new version: `<mark> <cursor>`, a mark for each time one was approved.
const UPDATES: &str = "addon-updates";

/// An addon with a new version, and how far its enablements were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueUpdate {
    /// The addon.
    pub addon: AddonId,
    /// Where to go on in [`Enablements::of_addon`](crate::store::enablements::Enablements::of_addon).
    pub cursor: String,
    mark: String,
}

impl AddonVersions {
    /// Says that an addon has a new version: all its enablements are to be looked at, from the start.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn mark_update(&self, addon: &AddonId) -> Result<(), StoreError> {
        let mut command = redis::cmd("HSET");
        command.arg(self.store.only_key(UPDATES)).arg(addon.as_str()).arg(format!("{} 0", Ulid::generate()));
        self.store.ask::<u64>(&command).await.map(|_| ())
    }

    /// At most `limit` addons with a new version, in no order.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn due_updates(&self, limit: usize) -> Result<Vec<DueUpdate>, StoreError> {
        let mut command = redis::cmd("HRANDFIELD");
        command.arg(self.store.only_key(UPDATES)).arg(limit).arg("WITHVALUES");
        let found: Vec<(String, String)> = self.store.ask(&command).await?;
        let due = found.into_iter().filter_map(|(addon, value)| {
            let (mark, cursor) = value.split_once(' ')?;
            Some(DueUpdate { addon: AddonId::parse(&addon).ok()?, cursor: cursor.to_owned(), mark: mark.to_owned() })
        });
        Ok(due.collect())
    }

    /// Notes how far the enablements were looked at; none is all of them. Nothing happens where another version was
    /// approved meanwhile, or somebody else looks too.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn advance_update(&self, due: &DueUpdate, next: Option<&str>) -> Result<(), StoreError> {
        let DueUpdate { addon, cursor, mark } = due;
        let before = format!("{mark} {cursor}");
        let mut invocation = match next {
            Some(_) => script::FIELD_REPLACE.prepare_invoke(),
            None => script::FIELD_REMOVE.prepare_invoke(),
        };
        invocation.key(self.store.only_key(UPDATES)).arg(addon.as_str()).arg(before);
        if let Some(next) = next {
            invocation.arg(format!("{mark} {next}"));
        }
        self.store.run::<u8>(&invocation).await.map(|_| ())
    }
}
