//! What a guest's handles stand for: the generated bindings name these types, and `iface/` gives them their methods.

use std::sync::Arc;

use bytes::BytesMut;

use crate::host::ports::{AssetFacts, KvPort, OpenSecret, SecretsPort};

/// An asset that a guest holds.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HostAsset(pub(in crate::host) AssetFacts);

/// An asset that a guest is writing.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HostAssetWriter {
    pub(in crate::host) media_type: String,
    pub(in crate::host) bytes: BytesMut,
}

/// An open bucket: the handle's other end.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HostBucket(pub(in crate::host) Arc<dyn KvPort>);

/// A secret that a guest holds: its name and its placeholder. The plaintext is behind the port.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct HostSecret {
    pub(in crate::host) secret: OpenSecret,
    pub(in crate::host) port: Arc<dyn SecretsPort>,
}
