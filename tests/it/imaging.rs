//! Pictures from providers: who answers, what is asked of a server with OpenAI's API, and what its faults become.
//!
//! The server's answers are written after OpenAI's API reference (“Create image”, “Error codes”) and LocalAI's
//! documentation for pictures by address.

mod choice;
mod faults;
mod openai;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use semantest::config::imaging::{ImagingSettings, ProviderSettings};
use semantest::config::secret::Secret;
use semantest::imaging::error::{BuildError, ImagingError};
use semantest::imaging::{GenerateContext, Generated, Imaging};
use semantest::model::id::JobId;
use semantest::model::image::ImageRequest;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::net::listing;
use crate::net::peer::{Peer, Script, answer};

/// The key that the tests' servers are asked with.
const KEY: &str = "sk-very-secret";

/// A context outside of `dev`.
fn context() -> GenerateContext {
    GenerateContext {
        cancel: CancellationToken::new(),
        job_id: JobId::fresh("img"),
        is_dev: false,
        user_tag: String::from("tag-of-the-user"),
        account: None,
        addons: None,
    }
}

/// Settings whose `openai` is the server at `base`.
fn settings(base: Option<Url>) -> ImagingSettings {
    let openai = ProviderSettings { base_url: base, api_key: Some(Secret::new(KEY)), ..ProviderSettings::default() };
    ImagingSettings { providers: [(String::from("openai"), openai)].into(), ..ImagingSettings::default() }
}

/// The service as production has it: private addresses are closed, except those that the settings name.
fn imaging(settings: &ImagingSettings) -> Result<Imaging, BuildError> {
    Imaging::new(settings, &listing(&[]), false)
}

/// Asks the server at `peer` for `request`.
async fn ask(peer: &Peer, request: &ImageRequest) -> anyhow::Result<Result<Generated, ImagingError>> {
    Ok(imaging(&settings(Some(peer.url("/v1")?)))?.generate(request, &context()).await)
}

/// A request that goes to `provider`.
fn to(provider: &str) -> ImageRequest {
    ImageRequest { provider: Some(provider.to_owned()), ..ImageRequest::of("a garden") }
}

/// A small but whole PNG, `width` by 2, that no encoder of ours would write again like this.
fn picture(width: u32) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk(String::from("Provenance"), String::from("must survive"))?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&vec![7; usize::try_from(width)? * 6])?;
    writer.finish()?;
    Ok(bytes)
}

/// The answer with these pictures as base64.
fn pictures(all: &[Vec<u8>]) -> Script {
    let data: Vec<_> = all.iter().map(|bytes| json!({ "b64_json": STANDARD.encode(bytes) })).collect();
    answer(200, "content-type: application/json\r\n", &json!({ "created": 1, "data": data }).to_string())
}

/// An answer with bytes that need not be text.
fn bytes(content_type: &str, body: &[u8]) -> Script {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Script::Say([head.as_bytes(), body].concat())
}
