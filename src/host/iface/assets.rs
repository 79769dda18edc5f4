//! `assets`: binary payloads that stay in the host; guests hold handles.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use wasmtime::component::Resource;

use crate::host::api::v1::imports::semantest::addon::assets::{
    Host, HostAsset as AssetMethods, HostAssetWriter as WriterMethods,
};
use crate::host::ports::{AssetsPort, PortError};
use crate::host::resources::{HostAsset, HostAssetWriter};
use crate::host::state::GuestState;
use crate::model::limit::Limit;

/// Longest media type, in bytes.
const MAX_MEDIA_TYPE_BYTES: usize = 100;
/// Largest metadata of an asset, in bytes of JSON.
const MAX_METADATA_BYTES: usize = 16 * 1024;

impl GuestState {
    fn assets_port(&self) -> Result<Arc<dyn AssetsPort>, PortError> {
        self.ports.assets.clone().ok_or_else(|| PortError::unavailable("no asset store is attached to this call"))
    }
}

impl Host for GuestState {
    async fn open(&mut self, id: String) -> Result<Resource<HostAsset>, PortError> {
        let facts = self.assets_port()?.open(&id).await?;
        self.tally.asset(&self.limits, facts.size)?;
        Ok(self.table.push(HostAsset(facts))?)
    }
}

impl AssetMethods for GuestState {
    async fn id(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<String> {
        Ok(self.table.get(&asset)?.0.id.clone())
    }

    async fn media_type(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<String> {
        Ok(self.table.get(&asset)?.0.media_type.clone())
    }

    async fn size(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&asset)?.0.size)
    }

    async fn digest(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<String> {
        Ok(self.table.get(&asset)?.0.digest.clone())
    }

    async fn metadata(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<String> {
        Ok(self.table.get(&asset)?.0.metadata.to_string())
    }

    async fn read(&mut self, asset: Resource<HostAsset>, offset: u64, len: u32) -> Result<Vec<u8>, PortError> {
        let port = self.assets_port()?;
        let facts = &self.table.get(&asset)?.0;
        let left = u32::try_from(facts.size.saturating_sub(offset)).unwrap_or(u32::MAX);
        let len = len.min(self.assets.max_window).min(left);
        if len == 0 {
            return Ok(Vec::new());
        }
        Ok(port.read(facts, offset, len).await?.into())
    }

    async fn drop(&mut self, asset: Resource<HostAsset>) -> wasmtime::Result<()> {
        self.table.delete(asset)?;
        Ok(())
    }
}

impl WriterMethods for GuestState {
    async fn new(&mut self, media_type: String) -> wasmtime::Result<Resource<HostAssetWriter>> {
        // A guest may have thousands of writers: none keeps more of a wrong type than it takes to see that it is wrong.
        let mut media_type = media_type;
        media_type.truncate(media_type.floor_char_boundary(MAX_MEDIA_TYPE_BYTES + 1));
        media_type.shrink_to_fit();
        Ok(self.table.push(HostAssetWriter { media_type, bytes: BytesMut::new() })?)
    }

    async fn write(&mut self, writer: Resource<HostAssetWriter>, bytes: Vec<u8>) -> Result<u64, PortError> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let unfinished = self.assets.unfinished_bytes.saturating_add(added);
        let allowed = self.limits.asset.as_u64();
        if unfinished > allowed {
            return Err(PortError::too_large("what is being written", unfinished, allowed).of(Limit::AssetBytes));
        }
        let writer = self.table.get_mut(&writer)?;
        writer.bytes.extend_from_slice(&bytes);
        self.assets.unfinished_bytes = unfinished;
        Ok(u64::try_from(writer.bytes.len()).unwrap_or(u64::MAX))
    }

    async fn finish(
        &mut self,
        writer: Resource<HostAssetWriter>,
        metadata: String,
    ) -> Result<Resource<HostAsset>, PortError> {
        let writer = self.take_writer(writer)?;
        let metadata = parse_metadata(&metadata)?;
        check_media_type(&writer.media_type)?;
        self.tally.asset(&self.limits, u64::try_from(writer.bytes.len()).unwrap_or(u64::MAX))?;
        let facts = self.assets_port()?.create(&writer.media_type, Bytes::from(writer.bytes), metadata).await?;
        Ok(self.table.push(HostAsset(facts))?)
    }

    async fn drop(&mut self, writer: Resource<HostAssetWriter>) -> wasmtime::Result<()> {
        self.take_writer(writer)?;
        Ok(())
    }
}

impl GuestState {
    /// Takes a writer out of the table and gives its bytes back to the allowance.
    fn take_writer(
        &mut self,
        writer: Resource<HostAssetWriter>,
    ) -> Result<HostAssetWriter, wasmtime::component::ResourceTableError> {
        let writer = self.table.delete(writer)?;
        let freed = u64::try_from(writer.bytes.len()).unwrap_or(u64::MAX);
        self.assets.unfinished_bytes = self.assets.unfinished_bytes.saturating_sub(freed);
        Ok(writer)
    }
}

fn parse_metadata(text: &str) -> Result<Value, PortError> {
    let value: Option<Value> =
        Some(text).filter(|text| text.len() <= MAX_METADATA_BYTES).and_then(|text| serde_json::from_str(text).ok());
    value
        .filter(Value::is_object)
        .ok_or_else(|| PortError::bad_input(format!("metadata is a JSON object of at most {MAX_METADATA_BYTES} bytes")))
}

fn check_media_type(text: &str) -> Result<(), PortError> {
    let is_token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let is_good = text.len() <= MAX_MEDIA_TYPE_BYTES
        && text.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if is_good { Ok(()) } else { Err(PortError::bad_input("a media type is `type/subtype`, such as image/png")) }
}
