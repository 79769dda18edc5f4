//! Pictures that an addon draws itself: what an [`ImageProvider`](crate::ImageProvider) answers with.
//!
//! The manifest's `[provider]` says which sizes, formats and how many pictures it makes; a user who enabled the addon
//! asks for it as `addon:<addon id>`.

use serde::Serialize;

use crate::{Asset, Error, assets};

/// What the host shows beside a picture; everything may be left out.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PictureFacts {
    /// The prompt as it was really drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revised_prompt: Option<String>,
    /// The seed that makes this picture again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The model that made it; the addon and its version where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A finished picture: the bytes of a PNG, JPEG, GIF or WebP file. The host looks at them; the media type is a label.
///
/// # Errors
/// What the host answers, such as `too-large`.
pub fn picture(media_type: &str, bytes: &[u8], facts: &PictureFacts) -> Result<Asset, Error> {
    assets::create(media_type, bytes, facts)
}
