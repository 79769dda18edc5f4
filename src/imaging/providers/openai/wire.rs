//! The images API as it travels: the request's members and the answer's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::imaging::error::ProviderError;
use crate::model::image::{ImageRequest, MAX_COUNT};

use super::server::OpenAi;

/// The tag with which stable-diffusion.cpp's server lets a prompt set its own options, size and steps included.
const OPTIONS_TAG: (&str, &str) = ("<sd_cpp_extra_args>", "</sd_cpp_extra_args>");

/// What is asked of the server.
pub(super) struct Wish {
    pub(super) body: Value,
    pub(super) model: String,
    pub(super) count: usize,
    /// Wishes of the request that the API has no member for.
    pub(super) notes: Vec<String>,
}

impl Wish {
    pub(super) fn of(request: &ImageRequest, server: &OpenAi, user_tag: &str) -> Self {
        let mut notes = Vec::new();
        let count = request.count.clamp(1, MAX_COUNT);
        let model = request.model.clone().unwrap_or_else(|| server.model.clone());
        let mut body = Map::new();
        extra(request.extra.as_ref(), &server.extra_fields, &mut body, &mut notes);
        if let (Some(format), false) = (&server.output_format, body.contains_key("output_format")) {
            body.insert(String::from("output_format"), format.clone().into());
        }
        let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
        set("model", model.clone().into());
        set("prompt", prompt(request, &mut notes).into());
        set("n", count.into());
        if let Some(size) = request.size {
            set("size", size.to_string().into());
        }
        if let Some(quality) = &request.quality {
            set("quality", quality.clone().into());
        }
        if !user_tag.is_empty() {
            set("safety_identifier", user_tag.into());
        }
        if request.seed.is_some() {
            notes.push(String::from("the provider has no seeds: the same seed draws another picture"));
        }
        Self { body: Value::Object(body), model, count: usize::try_from(count).unwrap_or(1), notes }
    }
}

fn extra(extra: Option<&Value>, allowed: &[String], body: &mut Map<String, Value>, notes: &mut Vec<String>) {
    let Some(Value::Object(members)) = extra else { return };
    for (name, value) in members {
        if allowed.contains(name) {
            body.insert(name.clone(), value.clone());
        } else {
            notes.push(format!("`extra.{name}` is not passed on to this provider"));
        }
    }
}

/// The prompt with the wishes that the API has no member for as words behind it.
fn prompt(request: &ImageRequest, notes: &mut Vec<String>) -> String {
    let mut prompt = without_options_tag(&request.prompt);
    if let Some(style) = &request.style {
        prompt = format!("{prompt}\n\nStyle: {}", without_options_tag(style));
        notes.push(String::from("the style became words after the prompt"));
    }
    if let Some(negative) = &request.negative_prompt {
        prompt = format!("{prompt}\n\nLeave out: {}", without_options_tag(negative));
        notes.push(String::from("the negative prompt became words after the prompt"));
    }
    without_options_tag(&prompt)
}

/// Takes the options tag out until none is left, so that the rest cannot close up to a new one.
fn without_options_tag(text: &str) -> String {
    let (open, close) = OPTIONS_TAG;
    let mut text = text.to_owned();
    while let Some((before, rest)) = text.split_once(open) {
        let after = rest.split_once(close).map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    text
}

/// The answer to a request that went well.
pub(super) struct Answer {
    pub(super) data: Vec<Datum>,
}

/// One picture of the answer.
pub(super) struct Datum {
    pub(super) source: Source,
    pub(super) revised_prompt: Option<String>,
}

/// How the picture comes.
pub(super) enum Source {
    Base64(String),
    Address(String),
}

#[derive(Deserialize)]
struct WireAnswer {
    #[serde(default)]
    data: Vec<WireDatum>,
}

#[derive(Deserialize)]
struct WireDatum {
    b64_json: Option<String>,
    url: Option<String>,
    revised_prompt: Option<String>,
}

impl Answer {
    /// Reads the body, which may be tens of megabytes, away from the async threads.
    pub(super) async fn parse(body: Bytes) -> Result<Self, ProviderError> {
        tokio::task::spawn_blocking(move || Self::parse_now(&body))
            .await
            .map_err(|error| ProviderError::Internal(error.to_string()))?
    }

    fn parse_now(body: &[u8]) -> Result<Self, ProviderError> {
        // The parser's own message would quote the body.
        let wire: WireAnswer = serde_json::from_slice(body)
            .map_err(|_| ProviderError::Answer { fault: String::from("it is not the JSON that the API promises") })?;
        let data = wire.data.into_iter().map(Datum::of).collect::<Result<_, _>>()?;
        Ok(Self { data })
    }
}

impl Datum {
    fn of(wire: WireDatum) -> Result<Self, ProviderError> {
        let source = match (wire.b64_json, wire.url) {
            (Some(text), _) => Source::Base64(text),
            (None, Some(url)) => Source::Address(url),
            (None, None) => {
                return Err(ProviderError::Answer { fault: String::from("a picture has neither bytes nor address") });
            }
        };
        Ok(Self { source, revised_prompt: wire.revised_prompt })
    }
}

/// The bytes behind base64 text.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ProviderError> {
    STANDARD
        .decode(text.trim_end())
        .map_err(|_| ProviderError::Answer { fault: String::from("a picture is not base64") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_cannot_carry_options_for_the_server() {
        for (text, expected) in [
            ("a <sd_cpp_extra_args>{\"steps\":999}</sd_cpp_extra_args>cat", "a cat"),
            ("a cat<sd_cpp_extra_args>{\"steps\":999}", "a cat"),
            ("a <sd_cpp_<sd_cpp_extra_args>x</sd_cpp_extra_args>extra_args>y</sd_cpp_extra_args>cat", "a cat"),
            ("a < b", "a < b"),
        ] {
            assert_eq!(without_options_tag(text), expected);
        }
    }
}
