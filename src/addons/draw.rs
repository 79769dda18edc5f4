//! An addon as the provider of pictures for a user who enabled it.

use std::sync::Arc;

use crate::addons::running::{Call, CallContext, Running};
use crate::addons::{Addons, AddonsError, Owner};
use crate::host::ports::AssetFacts;
use crate::host::{Invocation, Reply};
use crate::model::code::JobCode;
use crate::model::id::{AddonId, ClientId, UserId};
use crate::model::image::ImageRequest;
use crate::model::job_error::JobError;
use crate::model::manifest::ProviderSpec;

/// What the name of an addon's provider starts with.
const PREFIX: &str = "addon:";

/// An addon that draws for one user.
#[derive(Clone)]
pub struct Painter {
    addons: Addons,
    running: Arc<Running>,
    spec: ProviderSpec,
}

impl Addons {
    /// The painter that a provider's name means for a user; none where the user has no such addon, or it does not draw.
    ///
    /// # Errors
    /// [`JobError`] when the enablement cannot be read.
    pub async fn painter(&self, user: (&ClientId, &UserId), name: &str) -> Result<Option<Painter>, JobError> {
        Ok(self.find_painter(user, name).await?)
    }

    /// Looks beforehand whether `name` can answer a request for pictures, where it names an addon.
    ///
    /// # Errors
    /// [`AddonsError`] at `pointer` where it cannot, and what to do.
    pub async fn must_draw(&self, user: (&ClientId, &UserId), name: &str, pointer: &str) -> Result<(), AddonsError> {
        if !name.starts_with(PREFIX) || self.find_painter(user, name).await?.is_some() {
            return Ok(());
        }
        let message = format!(
            "`{name}` does not draw for user `{}`: name an addon that the user has enabled and that is an image provider, \
             as `{PREFIX}<addonId>`, or leave `provider` out",
            user.1
        );
        Err(AddonsError::invalid(pointer, message))
    }

    async fn find_painter(
        &self,
        (client, user): (&ClientId, &UserId),
        name: &str,
    ) -> Result<Option<Painter>, crate::store::StoreError> {
        let Some(addon) = name.strip_prefix(PREFIX).and_then(|id| AddonId::parse(id).ok()) else { return Ok(None) };
        let owner = Owner { client: client.clone(), user: user.clone(), addon };
        let Some(running) = self.inner.running(&owner).await? else { return Ok(None) };
        let spec = running.manifest.provider.clone();
        Ok(spec.map(|spec| Painter { addons: self.clone(), running, spec }))
    }
}

impl Painter {
    /// What the manifest says that it can draw.
    #[must_use]
    pub const fn spec(&self) -> &ProviderSpec {
        &self.spec
    }

    /// Its enablement, by the opaque name that marks what it made.
    #[must_use]
    pub fn enablement(&self) -> String {
        self.running.enablement.id()
    }

    /// What made its pictures where it names no model: itself, in its version.
    #[must_use]
    pub fn model(&self) -> String {
        let addon = &self.running.owner.addon;
        match &self.running.enablement.version {
            Some(version) => format!("{addon}@{version}"),
            None => addon.to_string(),
        }
    }

    /// Lets the addon draw. A picture that the request brings along may be opened by it.
    ///
    /// # Errors
    /// [`JobError`]: the addon is blocked, or the call's own outcome.
    pub async fn draw(&self, request: &ImageRequest, context: &CallContext) -> Result<Vec<AssetFacts>, JobError> {
        let inner = &self.addons.inner;
        inner.may_run(&self.running)?;
        let compiled = inner.compiled(&self.running).await?;
        let limits = inner.limits(&self.running.manifest, None, None);
        let handed = request.image.iter().cloned().collect();
        let context = CallContext { lineage: context.lineage.clone().handing(handed), ..context.clone() };
        let call = Call { context: &context, limits, given: &[] };
        let question = Invocation::Draw { request: request.clone() };
        match inner.call(&self.running, &compiled, call, question).await? {
            Reply::Drawn(pictures) => Ok(pictures),
            _ => Err(JobError::permanent(JobCode::Internal, "the provider answered out of turn")),
        }
    }
}
