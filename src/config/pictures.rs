//! `[pictures]`: how long pictures and other artifacts are kept, and how small their thumbnails are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// How pictures are kept. How long is `server.artifact_ttl`, but for the clients that are named here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PictureSettings {
    /// How long the artifacts of single clients are kept.
    pub keep: BTreeMap<String, Span>,
    /// Longest side of a thumbnail, in pixels; 0 for none.
    pub thumbnail_pixels: u32,
    /// Whether a signed link to a picture in a bucket leads to the bucket itself, by an address that the bucket's owner signed
    /// for a quarter of an hour; otherwise this server passes the bytes on.
    pub links_lead_to_bucket: bool,
}

impl Default for PictureSettings {
    fn default() -> Self {
        Self { keep: BTreeMap::new(), thumbnail_pixels: 256, links_lead_to_bucket: true }
    }
}
