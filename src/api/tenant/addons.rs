//! The addons of the client's users.

use bytes::Bytes;
use futures::stream::Stream;
use serde_json::Value;

use crate::addons::explain::Explanation;
use crate::addons::views::EnablementView;
use crate::addons::{AddonsError, EnableAnswer, EnableSpec, PatchSpec};
use crate::api::extract::path::{UserAddon, UserAddonAction};
use crate::api::problem::Problem;
use crate::api::tenant::{Ask, Tenant};
use crate::model::id::{AddonId, UserId};
use crate::model::lifecycle::EnablementState;
use crate::model::usage::Use;
use crate::work::{JobOptions, Submitted};

impl Tenant {
    /// Every addon of a user.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn enablements(&self, user: &UserId) -> Result<Vec<EnablementView>, Problem> {
        Ok(self.api.addons().enablements(self.client(), user).await?)
    }

    /// One addon of a user.
    ///
    /// # Errors
    /// 404 where the user never had it, 503 where Redis is away.
    pub async fn enablement(&self, path: &UserAddon) -> Result<EnablementView, Problem> {
        Ok(self.api.addons().enablement(self.client(), &path.user, &path.addon).await?)
    }

    /// Brings an addon of a user to what `spec` says.
    ///
    /// # Errors
    /// What is wrong with the wish, 429, or 503 where Redis is away or full.
    pub async fn enable(&self, path: &UserAddon, spec: &EnableSpec, ask: Ask<'_>) -> Result<EnableAnswer, Problem> {
        let whose = (self.client(), &path.user);
        Ok(self.api.addons().request_enable(whose, &path.addon, spec, ask.options, ask.idempotency).await?)
    }

    /// Changes an addon of a user.
    ///
    /// # Errors
    /// 404 where the user never had it, what is wrong with the change, or 503 where Redis is away.
    pub async fn change(&self, path: UserAddon, patch: &PatchSpec) -> Result<EnablementView, Problem> {
        Ok(self.api.addons().patch(&self.owner(path.user, path.addon), patch).await?)
    }

    /// Switches an addon of a user off.
    ///
    /// # Errors
    /// 404 where the user never had it, a conflict, or 503 where Redis is away or full.
    pub async fn disable(&self, path: UserAddon, erase: bool, ask: Ask<'_>) -> Result<Submitted, Problem> {
        let owner = self.owner(path.user, path.addon);
        Ok(self.api.addons().request_disable(&owner, erase, ask.options, ask.idempotency).await?)
    }

    /// Switches an addon of a user off as a part of something larger.
    ///
    /// # Errors
    /// The service's own, so that the caller may go on with the next.
    pub async fn disable_one_of(&self, user: &UserId, addon: AddonId, erase: bool) -> Result<Submitted, AddonsError> {
        let owner = self.owner(user.clone(), addon);
        self.api.addons().request_disable(&owner, erase, &JobOptions::default(), None).await
    }

    /// The addons that a user has or had, and how each stands.
    ///
    /// # Errors
    /// 503 where Redis is away.
    pub async fn had_by(&self, user: &UserId) -> Result<Vec<(AddonId, EnablementState)>, Problem> {
        Ok(self.api.addons().had_by(self.client(), user).await?)
    }

    /// Returns to the version before.
    ///
    /// # Errors
    /// 404 where the user never had it, a conflict, or 503 where Redis is away.
    pub async fn roll_back(&self, path: UserAddon) -> Result<EnablementView, Problem> {
        Ok(self.api.addons().roll_back(&self.owner(path.user, path.addon)).await?)
    }

    /// Lets an addon run again that was paused.
    ///
    /// # Errors
    /// 404 where the user never had it, a conflict, or 503 where Redis is away.
    pub async fn resume(&self, path: UserAddon) -> Result<EnablementView, Problem> {
        Ok(self.api.addons().resume(&self.owner(path.user, path.addon)).await?)
    }

    /// Which keys say yes or no to a use.
    ///
    /// # Errors
    /// 404 where the user never had it, or 503 where Redis is away.
    pub async fn explain(&self, path: UserAddon, asked: &Use) -> Result<Explanation, Problem> {
        Ok(self.api.addons().explain(&self.owner(path.user, path.addon), asked).await?)
    }

    /// Everything that is kept for a user of an addon.
    ///
    /// # Errors
    /// 404 where the user never had it, or 503 where Redis is away.
    pub async fn export(
        &self,
        path: UserAddon,
    ) -> Result<impl Stream<Item = Result<Bytes, AddonsError>> + Send + use<>, Problem> {
        Ok(self.api.addons().export(&self.owner(path.user, path.addon)).await?)
    }

    /// Erases every value that is kept for a user of an addon.
    ///
    /// # Errors
    /// 404 where the user never had it, a conflict, or 503 where Redis is away.
    pub async fn erase_values(&self, path: UserAddon) -> Result<(), Problem> {
        Ok(self.api.addons().erase_values(&self.owner(path.user, path.addon)).await?)
    }

    /// Calls an action of an addon of a user.
    ///
    /// # Errors
    /// 404 where there is no such action, what is wrong with the parameters, 429, or 503 where Redis is away or full.
    pub async fn invoke(&self, path: UserAddonAction, params: Value, ask: Ask<'_>) -> Result<Submitted, Problem> {
        let owner = self.owner(path.user, path.addon);
        let Ask { options, idempotency, traceparent } = ask;
        let job = self.api.addons().request_action(&owner, &path.action, params, options, idempotency, traceparent);
        Ok(job.await?)
    }

    /// Refuses an addon as a provider that does not draw for the user.
    ///
    /// # Errors
    /// 422 at `pointer`, or 503 where Redis is away.
    pub async fn must_draw(&self, user: &UserId, provider: &str, pointer: &str) -> Result<(), Problem> {
        Ok(self.api.addons().must_draw((self.client(), user), provider, pointer).await?)
    }
}
