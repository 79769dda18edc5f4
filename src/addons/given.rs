//! What a job hands to a call beside its question.

use bytes::Bytes;

use crate::host::ports::AssetFacts;
use crate::store::blobs::digest_of;

/// A picture or file that a call may read, before it is stored anywhere.
#[derive(Clone, Debug)]
pub struct GivenAsset {
    /// The id it will be stored under.
    pub id: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Their sha-256, in hexadecimal digits.
    pub digest: String,
    /// Facts such as width and height.
    pub metadata: serde_json::Value,
}

impl GivenAsset {
    /// Some bytes under a name; their digest is computed here, off the caller's thread.
    pub async fn of(id: String, media_type: String, bytes: Bytes, metadata: serde_json::Value) -> Self {
        let digest = digest_of(bytes.clone()).await.hex();
        Self { id, media_type, bytes, digest, metadata }
    }

    /// What a guest learns about it without reading it.
    #[must_use]
    pub fn facts(&self) -> AssetFacts {
        AssetFacts {
            id: self.id.clone(),
            media_type: self.media_type.clone(),
            size: u64::try_from(self.bytes.len()).unwrap_or(u64::MAX),
            digest: self.digest.clone(),
            metadata: self.metadata.clone(),
        }
    }
}
