//! The client's pictures, and those that a signed link opens.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use url::Url;

use crate::api::problem::{Problem, ProblemCode};
use crate::api::tenant::{Tenant, Visitor};
use crate::clock;
use crate::imaging::gallery::NewArtifact;
use crate::imaging::sniff::Caps;
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
            provenance: None,
        };
        Ok(self.api.services.gallery.keep(artifact, bytes).await?)
    }

    /// How large an uploaded picture may be: its bytes were counted while they came.
    #[must_use]
    pub fn picture_caps(&self) -> Caps {
        Caps { max_bytes: u64::MAX, ..self.api.services.imaging.caps() }
    }

    /// Removes an artifact of the client, and its bytes where nobody else has the same.
    ///
    /// # Errors
    /// 404 where the client has no such artifact, 503 where it cannot be removed.
    pub async fn remove_artifact(&self, id: &ArtifactId) -> Result<(), Problem> {
        let gallery = &self.api.services.gallery;
        let record = gallery.find(self.client(), id.as_str()).await?.ok_or_else(no_artifact)?;
        Ok(gallery.remove(&record.id).await?)
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
        found.ok_or_else(no_artifact)
    }

    /// Where a bucket answers with the bytes instead; nowhere for whoever has a key, who is served here.
    ///
    /// # Errors
    /// 503 where the bucket's credentials cannot be had.
    pub async fn bucket_address(&self, record: &ArtifactRecord) -> Result<Option<Url>, Problem> {
        match self.tenant {
            Some(_) => Ok(None),
            None => Ok(self.api.services.gallery.bucket_address(record).await?),
        }
    }

    /// Whether an artifact has a small copy, now or later, and its bytes where it is made.
    ///
    /// # Errors
    /// 503 where they cannot be read.
    pub async fn thumbnail(&self, record: &ArtifactRecord) -> Result<(bool, Option<Bytes>), Problem> {
        let gallery = &self.api.services.gallery;
        if !gallery.has_thumbnail(record) {
            return Ok((false, None));
        }
        Ok((true, gallery.small_bytes(record).await?))
    }

    /// The bytes of an artifact that was found.
    ///
    /// # Errors
    /// 503 where they cannot be read.
    pub async fn bytes(&self, record: &ArtifactRecord) -> Result<Bytes, Problem> {
        Ok(self.api.services.gallery.bytes(record).await?)
    }
}

/// There is no such artifact, or not for this visitor.
pub(in crate::api) fn no_artifact() -> Problem {
    Problem::new(ProblemCode::NotFound, "there is no such artifact, or its link is not valid any more")
}
