//! What a provider is, what it is given, and the one way out that it may use.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::config::imaging::ProviderSettings;
use crate::imaging::error::{BuildError, HttpError, Misfit, ProviderError};
use crate::imaging::sniff::Format;
use crate::model::id::JobId;
use crate::model::image::ImageRequest;

/// Something that makes pictures from a request.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What has to be configured before the provider can be asked; `None` when it is ready.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Whether the provider can do `request`, judged without asking anybody.
    ///
    /// # Errors
    /// [`Misfit`] says which wish cannot be met.
    fn check(&self, request: &ImageRequest) -> Result<(), Misfit>;

    /// Makes the pictures. Dropping the future drops whatever runs for it; `cx.cancel` is for work that a drop
    /// does not reach.
    ///
    /// # Errors
    /// [`ProviderError`], with its own verdict on trying again.
    async fn generate(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Drawn, ProviderError>;
}

/// The circumstances of one request.
#[derive(Clone, Debug)]
pub struct GenerateContext {
    /// Fires when the job is cancelled or its lock is lost.
    pub cancel: CancellationToken,
    /// The job that asks; the same over its attempts.
    pub job_id: JobId,
    /// Whether this is `semantest dev`, where a name without a key is answered by `sketch`.
    pub is_dev: bool,
    /// A pseudonym of client and user (an HMAC), for providers that want to know who misbehaves.
    pub user_tag: String,
}

/// One picture as the provider made it: its bytes are never re-encoded, so that provenance inside them survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub bytes: Bytes,
    /// What the bytes are, found by looking at them.
    pub format: Format,
    /// The format's media type, such as `image/png`.
    pub media_type: &'static str,
    /// Pixels from left to right, from the file's header.
    pub width: u32,
    /// Pixels from top to bottom, from the file's header.
    pub height: u32,
    /// The prompt as the provider rewrote it.
    pub revised_prompt: Option<String>,
    /// The seed that makes this picture again, where the provider has such a thing.
    pub seed: Option<u64>,
    /// The model that made it.
    pub model: String,
}

/// What a provider answers.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// One to four pictures.
    pub pictures: Vec<Picture>,
    /// The model that made them.
    pub model: String,
    /// What the asker should know: wishes that were not met, what kind of picture this is.
    pub notes: Vec<String>,
}

/// A kind of provider, as `[imaging.providers.<name>] kind` names it.
#[derive(Debug)]
pub struct Kind {
    /// The kind's name.
    pub name: &'static str,
    /// Makes a provider of this kind from its settings.
    pub build: fn(name: &str, settings: &ProviderSettings, parts: &Parts) -> Result<Arc<dyn Provider>, BuildError>,
}

/// What the house hands to every provider it builds.
#[derive(Clone)]
pub struct Parts {
    /// The way to the server that the admin configured.
    pub upstream: Arc<dyn Http>,
    /// The guarded way to addresses that a server's answer names.
    pub strangers: Arc<dyn Http>,
    /// What a picture may weigh.
    pub caps: Caps,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("caps", &self.caps).finish_non_exhaustive()
    }
}

/// Limits on a picture, checked before anything decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of one picture.
    pub max_bytes: u64,
    /// Pixels of one picture.
    pub max_pixels: u64,
}

/// A way to the network. Redirects are not followed: an answer of 3xx comes back as it is.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends `request` and reads the whole answer. Dropping the future drops the connection.
    ///
    /// # Errors
    /// [`HttpError`] when the address is refused, or no whole answer came within the limits.
    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, HttpError>;
}

/// A request to a server.
#[derive(Clone)]
pub struct HttpRequest {
    /// Where to.
    pub url: Url,
    /// Name and value.
    pub headers: Vec<(&'static str, String)>,
    /// The body of a `POST`; without one the request is a `GET`.
    pub body: Option<Bytes>,
    /// Longest time until the answer is read whole.
    pub timeout: Duration,
    /// Largest answer, in bytes; a larger one is [`HttpError::TooLarge`] as soon as that is known.
    pub max_answer_bytes: u64,
}

impl std::fmt::Debug for HttpRequest {
    /// Leaves headers and body out: they carry a key and a prompt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// A server's answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl HttpAnswer {
    /// The first value of the header `name`, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}
