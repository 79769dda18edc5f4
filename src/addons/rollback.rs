//! Back to the version before: its component, grants, settings and values, in one step and at once.

use crate::addons::blocks::blockable;
use crate::addons::enable::not_enabled;
use crate::addons::owner::Owner;
use crate::addons::record::WRITE_TRIES;
use crate::addons::views::EnablementView;
use crate::addons::{Addons, AddonsError};
use crate::clock;
use crate::model::lifecycle::EnablementState;
use crate::store::enablements::{Enablement, Previous, RolledBack, Setup};

impl Addons {
    /// Returns to what ran before the last change of versions. What the version that goes kept since is gone; an upgrade
    /// that is on its way is overtaken.
    ///
    /// # Errors
    /// [`AddonsError::NotFound`] when the user never had this addon; a conflict when there is nothing to return to, its time
    /// is over, it was blocked, or the state of the addon does not allow it.
    pub async fn roll_back(&self, owner: &Owner) -> Result<EnablementView, AddonsError> {
        for _ in 0..WRITE_TRIES {
            let current = self.inner.enablements.get(&owner.client, &owner.user, &owner.addon).await?;
            let current = self.settled(current.ok_or_else(|| not_enabled(&owner.addon, &owner.user))?).await?;
            match current.state {
                EnablementState::Enabled | EnablementState::Quarantined => {}
                state => {
                    return Err(AddonsError::conflict(format!(
                        "`{}` is {state}; a rollback needs it enabled or quarantined",
                        owner.addon
                    )));
                }
            }
            let left = current.kv_scope();
            let next = returned(current)?;
            if let Some(version) = &next.version {
                self.inner.must_be_free(&blockable(&self.record(&owner.addon, version).await?))?;
            }
            match self.inner.roll_back(&next, &left).await? {
                RolledBack::Written => return self.view(&next).await,
                RolledBack::Gone => return Err(nothing(&owner.addon.to_string())),
                RolledBack::Conflict => {}
            }
        }
        Err(AddonsError::conflict("this enablement is being changed by too many at once; try again"))
    }
}

/// The enablement as it was before its last change of versions. Updates that nobody asks for pass over what it leaves.
fn returned(current: Enablement) -> Result<Enablement, AddonsError> {
    let previous = current.previous.clone().filter(|previous| previous.until > clock::now());
    let Some(Previous { setup, .. }) = previous else { return Err(nothing(current.addon.as_str())) };
    let Setup { version, digest, grants, config, consent, values } = setup;
    Ok(Enablement {
        state: EnablementState::Enabled,
        skipped: current.version.max(current.skipped),
        version: Some(version),
        digest: Some(digest),
        grants,
        config,
        consent,
        values,
        previous: None,
        candidate: None,
        steps: Vec::new(),
        error: None,
        enabled_at: Some(current.enabled_at.unwrap_or_else(clock::now)),
        ..current
    })
}

fn nothing(addon: &str) -> AddonsError {
    AddonsError::conflict(format!(
        "there is no version before that `{addon}` could return to: it was never upgraded for this user, was rolled back \
         already, or the time for it is over"
    ))
}
