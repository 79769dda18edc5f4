//! `assets`: pictures handed to this call, and those that this enablement made.

use std::collections::HashMap;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::addons::{CallScope, GivenAsset, Lineage, Owner};
use crate::host::ports::{AssetFacts, AssetsPort, PortError};
use crate::imaging::gallery::{Gallery, GalleryError, NewArtifact};
use crate::model::id::{ArtifactId, JobId};
use crate::store::artifacts::ArtifactRecord;

/// The member of an artifact's metadata that names the enablement which made it.
const MADE_BY: &str = "madeBy";

/// What is known of an asset: its bytes, or where they are until somebody reads them. A guest that opens assets without
/// reading them costs no memory.
#[derive(Clone)]
enum Held {
    Bytes(Bytes),
    Stored(Box<ArtifactRecord>),
}

/// The assets that one call may touch; how many and how large, the host counts.
pub(super) struct CallAssets {
    gallery: Gallery,
    owner: Owner,
    job_id: JobId,
    enablement: String,
    lineage: Lineage,
    known: Mutex<HashMap<String, (AssetFacts, Held)>>,
}

impl CallAssets {
    pub(super) fn new(gallery: Gallery, scope: &CallScope<'_>) -> Self {
        let held = |given: &GivenAsset| (given.id.clone(), (given.facts(), Held::Bytes(given.bytes.clone())));
        let known = scope.given.iter().map(held).collect();
        Self {
            gallery,
            owner: scope.owner.clone(),
            job_id: scope.context.job_id.clone(),
            enablement: scope.enablement.id(),
            lineage: scope.context.lineage.clone(),
            known: Mutex::new(known),
        }
    }
}

#[async_trait]
impl AssetsPort for CallAssets {
    async fn open(&self, id: &str) -> Result<AssetFacts, PortError> {
        if let Some((facts, _)) = self.known.lock().get(id) {
            return Ok(facts.clone());
        }
        let record = self.gallery.find(&self.owner.client, id).await.map_err(|error| away(&error))?;
        let record = record.filter(|record| self.lineage.hands(id) || is_made_by(record, &self.enablement));
        let Some(record) = record else {
            return Err(PortError::missing(format!("no asset `{id}` was handed to this call or made by this addon")));
        };
        let facts = facts_of(&record);
        self.known.lock().insert(id.to_owned(), (facts.clone(), Held::Stored(Box::new(record))));
        Ok(facts)
    }

    async fn read(&self, asset: &AssetFacts, offset: u64, len: u32) -> Result<Bytes, PortError> {
        let held = self.known.lock().get(&asset.id).map(|(_, held)| held.clone());
        let bytes = match held.ok_or_else(|| PortError::missing(format!("asset `{}` is not open", asset.id)))? {
            Held::Bytes(bytes) => bytes,
            Held::Stored(record) => {
                let bytes = self.gallery.bytes(&record).await.map_err(|error| away(&error))?;
                self.known.lock().insert(asset.id.clone(), (asset.clone(), Held::Bytes(bytes.clone())));
                bytes
            }
        };
        Ok(bytes.slice(window(bytes.len(), offset, len)))
    }

    async fn create(&self, media_type: &str, bytes: Bytes, metadata: Value) -> Result<AssetFacts, PortError> {
        let mut metadata = if metadata.is_object() { metadata } else { json!({ "value": metadata }) };
        if let Some(members) = metadata.as_object_mut() {
            members.insert(String::from(MADE_BY), json!(self.enablement));
        }
        let new = NewArtifact {
            id: ArtifactId::fresh(),
            client: self.owner.client.clone(),
            user: Some(self.owner.user.clone()),
            job_id: Some(self.job_id.clone()),
            media_type: media_type.to_owned(),
            metadata,
            provenance: None,
        };
        let record = self.gallery.keep(new, bytes.clone()).await.map_err(|error| away(&error))?;
        let facts = facts_of(&record);
        self.known.lock().insert(facts.id.clone(), (facts.clone(), Held::Bytes(bytes)));
        Ok(facts)
    }
}

/// Whether an enablement made an asset, by the enablement's opaque name.
pub(super) fn is_made_by(record: &ArtifactRecord, enablement: &str) -> bool {
    record.metadata.get(MADE_BY).and_then(Value::as_str) == Some(enablement)
}

/// At most `len` bytes from `offset` on, as a range within `size`.
fn window(size: usize, offset: u64, len: u32) -> Range<usize> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(size);
    let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX)).min(size);
    start..end
}

fn facts_of(record: &ArtifactRecord) -> AssetFacts {
    AssetFacts {
        id: record.id.to_string(),
        media_type: record.media_type.clone(),
        size: record.size_bytes,
        digest: record.digest.hex(),
        metadata: record.metadata.clone(),
    }
}

fn away(error: &GalleryError) -> PortError {
    tracing::warn!(error = %error, "An addon's asset could not be read or written");
    PortError::unavailable("assets cannot be read or written right now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_never_leaves_the_asset() {
        for (size, offset, len, expected) in [
            (10, 0, 4, 0..4),
            (10, 8, 4, 8..10),
            (10, 10, 4, 10..10),
            (10, 99, 4, 10..10),
            (10, u64::MAX, u32::MAX, 10..10),
        ] {
            assert_eq!(window(size, offset, len), expected);
        }
    }
}
