//! The client's pictures, and those that a signed link opens.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::SemaphorePermit;

use crate::api::problem::{Problem, ProblemCode};
use crate::api::tenant::{Tenant, Visitor};
use crate::clock;
use crate::imaging::gallery::NewArtifact;
use crate::model::id::ArtifactId;
use crate::store::artifacts::ArtifactRecord;

impl Tenant {
    /// A turn to hold an upload in memory.
    ///
    /// # Errors
    /// 503 with `Retry-After` where none became free in time.
    pub async fn upload_turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.api.upload_turn().await
    }

    /// Keeps a picture that the client uploaded.
    ///
    /// # Errors
    /// 503 where it cannot be kept.
    pub async fn keep_upload(&self, media_type: &str, bytes: Bytes) -> Result<ArtifactRecord, Problem> {
        let artifact = NewArtifact {
            id: ArtifactId::fresh(),
            client: self.client().clone(),
            user: None,
            job_id: None,
            media_type: media_type.to_owned(),
            metadata: Value::Null,
        };
        Ok(self.api.services.gallery.keep(artifact, bytes).await?)
    }
}

impl Visitor {
    /// An artifact: with a key only the client's own, else the one that the link's `query` is signed for.
    ///
    /// # Errors
    /// 404 for everything else, 503 where Redis is away.
    pub async fn artifact(&self, id: &ArtifactId, query: &str) -> Result<ArtifactRecord, Problem> {
        let gallery = &self.api.services.gallery;
        let found = match &self.tenant {
            Some(tenant) => gallery.find(tenant.client(), id.as_str()).await?,
            None if gallery.links().is_signed(id, query, clock::now()) => gallery.find_linked(id).await?,
            None => None,
        };
        found.ok_or_else(|| {
            Problem::new(ProblemCode::NotFound, "there is no such artifact, or its link is not valid any more")
        })
    }

    /// The bytes of an artifact that was found.
    ///
    /// # Errors
    /// 503 where they cannot be read.
    pub async fn bytes(&self, record: &ArtifactRecord) -> Result<Bytes, Problem> {
        Ok(self.api.services.gallery.bytes(record).await?)
    }
}
