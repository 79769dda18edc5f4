//! The ticket of a picture.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::image::{ImageRequest, Size};
use crate::model::job::JobKind;
use crate::queue::{Lane, Ticket};

/// Draw pictures from a prompt. Public contract.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Generate {
    /// What to draw, 1–4000 characters.
    pub prompt: String,
    /// The client's end user; the client's own `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The tenant; the configured default client when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What not to draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// A provider's name, an alias, or `automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A model's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Pixels, `WxH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The provider's word for how fine it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// A word for the look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How many pictures, 1–4; one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Same seed, same picture, where the provider can do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Artifact id of an input picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What only one provider understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Value>,
    /// The chat it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Where this job's events go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
    /// The events it wants there; the terminal ones when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_events: Option<Vec<String>>,
    /// Echoed on the job and its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Longest run of one try, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What a foreign producer wished for; shown, not obeyed: the queue's own option orders jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Value>,
    /// The caller's W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// How many starts by addons lie behind it; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hops: Option<u32>,
}

impl Ticket for Generate {
    const KIND: JobKind = JobKind::Generate;
    const NAME: &'static str = "generate";
    const ALIASES: &'static [&'static str] = &["generate-image"];
    const LANE: Lane = Lane::ImageGeneration;
}

impl Generate {
    /// A ticket for `request`, with nothing else said.
    ///
    /// The fields are written out because this is a stored format: what a request says may grow without it.
    #[must_use]
    pub fn of(request: ImageRequest) -> Self {
        Self {
            prompt: request.prompt,
            negative_prompt: request.negative_prompt,
            provider: request.provider,
            model: request.model,
            size: request.size,
            quality: request.quality,
            style: request.style,
            count: Some(request.count),
            seed: request.seed,
            image: request.image,
            extra: request.extra,
            ..Self::default()
        }
    }

    /// The picture that is asked for; not checked yet where a foreign producer wrote the ticket.
    #[must_use]
    pub fn image_request(&self) -> ImageRequest {
        ImageRequest {
            prompt: self.prompt.clone(),
            negative_prompt: self.negative_prompt.clone(),
            provider: self.provider.clone(),
            model: self.model.clone(),
            size: self.size,
            quality: self.quality.clone(),
            style: self.style.clone(),
            count: self.count.unwrap_or(1),
            seed: self.seed,
            image: self.image.clone(),
            extra: self.extra.clone(),
        }
    }
}
