//! Erasing what an addon keeps for a user, while the user keeps the addon.

use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::{Addons, AddonsError};
use crate::store::kv::Erased;

/// How often the record is read again where it changes in the very moment.
const TRIES: u32 = 5;

impl Addons {
    /// Removes every value that the addon keeps for the user, those for a rollback too; settings, grants and secrets stay.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when the user never had this addon, a conflict while its values go over to another version.
    pub async fn erase_values(&self, owner: &Owner) -> Result<(), AddonsError> {
        for _ in 0..TRIES {
            let record = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let record = record.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?;
            match self.inner.kv.erase(&record).await? {
                Erased::Done => return Ok(()),
                Erased::Changed => {}
                Erased::Moving => break,
            }
        }
        Err(AddonsError::Conflict {
            code: "CONFLICT",
            message: format!("the values of `{}` are going over to another version of it; ask again then", owner.addon),
        })
    }
}
