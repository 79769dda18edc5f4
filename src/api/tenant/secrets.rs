//! The secrets of the client and of its users.

use crate::addons::secrets::SecretView;
use crate::api::extract::path::{AddonSecret, UserAddon, UserAddonSecret};
use crate::api::problem::Problem;
use crate::api::tenant::Tenant;
use crate::model::id::{AddonId, JobId};
use crate::model::secret_value::SecretValue;
use crate::store::secret_scope::SecretScope;

impl Tenant {
    /// The secrets that an addon asks for, and which of them a user has.
    ///
    /// # Errors
    /// 404 where the user never had the addon, or 503 where Redis is away.
    pub async fn secrets(&self, path: UserAddon) -> Result<Vec<SecretView>, Problem> {
        Ok(self.api.addons().secrets(&self.owner(path.user, path.addon)).await?)
    }

    /// Sets a user's own value; answers the load that goes on with it.
    ///
    /// # Errors
    /// 404 where the user never had the addon or it asks for no such secret, or 503 where Redis is away.
    pub async fn set_secret(&self, path: UserAddonSecret, value: &SecretValue) -> Result<Option<JobId>, Problem> {
        Ok(self.api.addons().set_secret(&self.owner(path.user, path.addon), &path.name, value).await?)
    }

    /// Removes a user's own value.
    ///
    /// # Errors
    /// 404 where the user never had the addon, or 503 where Redis is away.
    pub async fn remove_secret(&self, path: UserAddonSecret) -> Result<(), Problem> {
        Ok(self.api.addons().remove_secret(&self.owner(path.user, path.addon), &path.name).await?)
    }

    /// The secrets that an addon asks for, and which of them the client has for all of its users.
    ///
    /// # Errors
    /// 404 where there is no such addon, or 503 where Redis is away.
    pub async fn shared_secrets(&self, addon: AddonId) -> Result<Vec<SecretView>, Problem> {
        Ok(self.api.addons().shared_secrets(&self.scope(addon)).await?)
    }

    /// Sets the client's value.
    ///
    /// # Errors
    /// 404 where there is no such secret, or 503 where Redis is away.
    pub async fn set_shared_secret(&self, path: AddonSecret, value: &SecretValue) -> Result<(), Problem> {
        Ok(self.api.addons().set_shared_secret(&self.scope(path.addon), &self.by(), &path.name, value).await?)
    }

    /// Removes the client's value.
    ///
    /// # Errors
    /// 404 where there is no such secret, or 503 where Redis is away.
    pub async fn remove_shared_secret(&self, path: AddonSecret) -> Result<(), Problem> {
        Ok(self.api.addons().remove_shared_secret(&self.scope(path.addon), &self.by(), &path.name).await?)
    }

    fn scope(&self, addon: AddonId) -> SecretScope {
        SecretScope::Client { client: self.client().clone(), addon }
    }

    fn by(&self) -> String {
        format!("client:{}", self.client())
    }
}
