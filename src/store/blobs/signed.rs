//! Addresses in a bucket that its owner signed: whoever has one fetches one blob, for a while, past this server.

use std::time::Duration;

use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use url::Url;

use super::path;
use crate::model::digest::Digest;
use crate::store::blobs::{BlobError, BlobKind, Blobs};

/// A bucket, and what the name of every object of ours starts with.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) store: AmazonS3,
    pub(super) prefix: Path,
}

impl Blobs {
    /// An address that works for `lifetime`, at which the bucket answers with this media type; none where the blobs lie in a
    /// folder. Nobody is asked whether there are such bytes.
    ///
    /// # Errors
    /// [`BlobError`] when the bucket's credentials cannot be had.
    pub async fn signed_url(
        &self,
        kind: BlobKind,
        digest: &Digest,
        media_type: &str,
        lifetime: Duration,
    ) -> Result<Option<Url>, BlobError> {
        let Some(bucket) = &self.bucket else { return Ok(None) };
        let name = path(kind, digest);
        let whole: Path = bucket.prefix.parts().chain(name.parts()).collect();
        let options = SignedUrlOptions::new().with_query([
            ("response-content-type", media_type),
            ("response-cache-control", "private, max-age=86400, immutable"),
        ]);
        let signed = bucket.store.signed_url_opts(Method::GET, &whole, lifetime, &options).await;
        signed.map(Some).map_err(|error| BlobError::of(error, kind, digest))
    }
}
