//! What a chat message and a wish for pictures have in common: who asks for what, in which chat, and how it should look.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::extract::fields::Fields;
use crate::api::problem::Problem;
use crate::api::tenant::Tenant;
use crate::model::id::{ArtifactId, UserId};
use crate::model::image::{ImageRequest, MAX_COUNT, MAX_EXTRA_BYTES, MAX_PROMPT_CHARS, Size};

/// Longest name of a chat session, in characters.
const MAX_SESSION_CHARS: usize = 200;
/// Longest word for provider, model, quality and style, in characters.
const MAX_WORD_CHARS: usize = 200;

/// A prompt that is there, not only spaces, and not too long.
pub(super) fn read_prompt(fields: &mut Fields<'_>) -> Option<String> {
    let prompt = fields.required_text("prompt", MAX_PROMPT_CHARS)?;
    if prompt.trim().is_empty() {
        fields.fault("prompt", "must not be empty");
        return None;
    }
    Some(prompt)
}

/// The client's name for a chat.
pub(super) fn read_session(fields: &mut Fields<'_>) -> Option<String> {
    fields.parsed("sessionId", |text| {
        let is_harmless = text.chars().all(|c| c.is_ascii_graphic()) && (1..=MAX_SESSION_CHARS).contains(&text.len());
        if is_harmless { Ok(text.to_owned()) } else { Err("must be 1-200 visible ASCII characters") }
    })
}

/// The client's end user, or the client's own when none is named.
pub(super) fn read_user(fields: &mut Fields<'_>) -> UserId {
    fields.parsed("userId", UserId::parse).unwrap_or_else(UserId::fallback)
}

/// The image fields around a prompt that was read already.
pub(super) fn read_image(fields: &mut Fields<'_>, prompt: &str) -> ImageRequest {
    ImageRequest {
        negative_prompt: fields.text("negativePrompt", MAX_PROMPT_CHARS),
        provider: fields.text("provider", MAX_WORD_CHARS),
        model: fields.text("model", MAX_WORD_CHARS),
        size: fields.parsed("size", Size::parse),
        quality: fields.text("quality", MAX_WORD_CHARS),
        style: fields.text("style", MAX_WORD_CHARS),
        count: fields
            .integer("count", 1..=u64::from(MAX_COUNT))
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        seed: fields.integer("seed", 0..=u64::MAX),
        image: fields.parsed("image", ArtifactId::parse).map(|id| id.to_string()),
        extra: read_extra(fields),
        ..ImageRequest::of(prompt)
    }
}

/// Refuses an addon as a provider that does not draw for the user; it costs nothing where no addon is named.
pub(super) async fn check_provider(
    tenant: &Tenant,
    user: &UserId,
    image: &ImageRequest,
    pointer: &str,
) -> Result<(), Problem> {
    match &image.provider {
        Some(name) => tenant.must_draw(user, name, pointer).await,
        None => Ok(()),
    }
}

fn read_extra(fields: &mut Fields<'_>) -> Option<Value> {
    let extra = fields.value("extra")?;
    if extra.is_object() && extra.to_string().len() <= MAX_EXTRA_BYTES {
        return Some(extra);
    }
    fields.fault("extra", format!("must be an object of at most {MAX_EXTRA_BYTES} bytes as JSON"));
    None
}

/// What pictures should be like; everything may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageFields {
    /// `automatic`, a configured provider's name, `addon:<addonId>`, or an alias such as `dalle3`.
    pub provider: Option<String>,
    /// The provider's name of a model.
    pub model: Option<String>,
    /// `WxH` in pixels.
    #[schema(example = "1024x1024")]
    pub size: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 4)]
    pub count: Option<u32>,
    /// The provider's word for how fine they should be.
    pub quality: Option<String>,
    /// A word for the look.
    pub style: Option<String>,
    /// What not to draw.
    pub negative_prompt: Option<String>,
    /// Same seed, same picture, where the provider can do that.
    pub seed: Option<u64>,
    /// Artifact id of an input picture.
    pub image: Option<String>,
    /// What only one provider understands.
    #[schema(value_type = Option<Object>)]
    pub extra: Option<Value>,
}
