//! `images`: pictures that one enablement asks for, within its user's credits.

use std::sync::Arc;

use async_trait::async_trait;

use crate::addons::starts::{StartError, Starts};
use crate::host::ports::{AssetsPort, ImagesPort, PortError};
use crate::model::image::ImageRequest;
use crate::model::job::JobStatus;
use crate::model::right::Rights;
use crate::model::usage::Use;
use crate::ports::starts::refusal;

/// The image queue as one call reaches it.
pub(super) struct AddonImages {
    starts: Starts,
    rights: Arc<Rights>,
    assets: Arc<dyn AssetsPort>,
}

impl AddonImages {
    pub(super) const fn new(starts: Starts, rights: Arc<Rights>, assets: Arc<dyn AssetsPort>) -> Self {
        Self { starts, rights, assets }
    }

    /// A request that the day's credits do not cover is told with the key that set the bound.
    fn refused(&self, error: &StartError) -> PortError {
        let told = refusal(error);
        let StartError::NoCredit { reached, .. } = error else { return told };
        match self.rights.decide(&Use::Images { credits: *reached }).denial() {
            Some(denial) => told.denied_by(&denial),
            None => told,
        }
    }
}

#[async_trait]
impl ImagesPort for AddonImages {
    async fn submit(&self, request: ImageRequest, then: Option<&str>) -> Result<String, PortError> {
        // Whatever the addon may not read, a provider does not get for it either.
        if let Some(image) = &request.image {
            self.assets.open(image).await?;
        }
        let credits = self.rights.effective().credits_per_day();
        let submitted = self.starts.submit_picture(request, then, credits).await;
        submitted.map(|id| id.to_string()).map_err(|error| self.refused(&error))
    }

    async fn state(&self, id: &str) -> Result<JobStatus, PortError> {
        self.starts.picture_status(id).await.map_err(|error| refusal(&error))
    }

    async fn cancel(&self, id: &str) -> Result<bool, PortError> {
        self.starts.cancel_picture(id).await.map_err(|error| refusal(&error))
    }
}
