//! OpenAI's images API, and every server that answers in its shape.
//!
//! `POST {base}/images/generations` with a bearer key; the answer carries each picture as base64 or as an address.
//! Model names are data: they go through as they come. (Source: OpenAI API reference, “Create image”.)

mod faults;
mod server;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use crate::config::imaging::ProviderSettings;
use crate::config::secret::Secret;
use crate::imaging::error::{BuildError, Misfit, ProviderError};
use crate::imaging::provider::{Drawn, GenerateContext, Kind, Parts, Picture, Provider};
use crate::imaging::providers::refuse_settings;
use crate::imaging::sniff::{Sniffed, sniff};
use crate::model::image::ImageRequest;
use crate::model::units::{ByteSize, Span};
use crate::net::{Method, Request};

use self::server::OpenAi;
use self::wire::{Answer, Datum, Wish};

/// The kind `openai`.
pub const KIND: Kind = Kind { name: "openai", build };

/// Where OpenAI itself is.
const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// The model when neither request nor settings name one; the cheap one of the current family (November 2026).
const DEFAULT_MODEL: &str = "gpt-image-2.5-flare";

/// Longest time of one request: a picture of high quality takes up to two minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(180);

/// Longest time of fetching one finished picture.
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);

/// Members of `extra` that are passed on: none of them changes what is paid or who is asked.
const DEFAULT_EXTRA_FIELDS: [&str; 3] = ["background", "output_format", "output_compression"];

fn build(name: &str, settings: &ProviderSettings, parts: &Parts) -> Result<Arc<dyn Provider>, BuildError> {
    refuse_settings(name, KIND.name, &[("concurrency", settings.concurrency.is_some())])?;
    let bad =
        |fault: &str| BuildError::BadSetting { name: name.to_owned(), setting: "base_url", fault: fault.to_owned() };
    let base_url = match &settings.base_url {
        Some(url) => url.clone(),
        None => Url::parse(DEFAULT_BASE_URL).map_err(|_| bad("is not a URL"))?,
    };
    if !matches!(base_url.scheme(), "http" | "https") || base_url.host().is_none() {
        return Err(bad("must be an http or https URL"));
    }
    let mut endpoint = base_url.clone();
    endpoint.path_segments_mut().map_err(|()| bad("has no path"))?.pop_if_empty().extend(["images", "generations"]);
    let key = Secret::resolve(settings.api_key.as_ref(), settings.api_key_file.as_deref())
        .map_err(|source| BuildError::Key { name: name.to_owned(), source })?;
    let client = parts.client(&base_url).map_err(|source| BuildError::Net { name: name.to_owned(), source })?;
    let default_fields = || DEFAULT_EXTRA_FIELDS.iter().map(|field| (*field).to_owned()).collect();
    Ok(Arc::new(OpenAi {
        name: name.to_owned(),
        is_key_needed: settings.base_url.is_none(),
        endpoint,
        key,
        model: settings.model.clone().unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        output_format: settings.output_format.clone(),
        extra_fields: settings.extra_fields.clone().unwrap_or_else(default_fields),
        timeout: settings.timeout.map_or(DEFAULT_TIMEOUT, Span::duration),
        client,
        caps: parts.caps,
    }))
}

#[async_trait]
impl Provider for OpenAi {
    fn missing(&self) -> Option<String> {
        (self.is_key_needed && self.key.is_none()).then(|| {
            format!(
                "set `imaging.providers.{name}.api_key` or `api_key_file` (in the environment \
                 `SEMANTEST_IMAGING__PROVIDERS__{upper}__API_KEY`), or the `base_url` of a server that needs no key",
                name = self.name,
                upper = self.name.to_uppercase(),
            )
        })
    }

    fn check(&self, request: &ImageRequest) -> Result<(), Misfit> {
        match request.image {
            Some(_) => Err(Misfit(String::from("it takes no input picture yet"))),
            None => Ok(()),
        }
    }

    async fn generate(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Drawn, ProviderError> {
        let wish = Wish::of(request, self, &cx.user_tag);
        let model = wish.model.clone();
        let answer = self.ask(&wish).await?;
        let mut pictures = Vec::new();
        let mut notes = wish.notes;
        for datum in answer.data.into_iter().take(wish.count) {
            pictures.push(self.take(datum, &model).await?);
        }
        if pictures.is_empty() {
            return Err(ProviderError::Answer { fault: String::from("there is no picture in it") });
        }
        if pictures.len() < wish.count {
            notes.push(format!("the provider made {} of {} pictures", pictures.len(), wish.count));
        }
        Ok(Drawn { pictures, model, notes })
    }
}

impl OpenAi {
    async fn ask(&self, wish: &Wish) -> Result<Answer, ProviderError> {
        let count = u64::try_from(wish.count).unwrap_or(1);
        // Base64 is a third larger than what it carries; the rest of the answer is small.
        let limit = self.caps.max_bytes.saturating_mul(count).saturating_mul(4) / 3 + 1024 * 1024;
        let mut request = Request::new(Method::Post, self.endpoint.clone())
            .header("accept", "application/json")
            .json(&wish.body)
            .within(self.timeout)
            .refusing_above(ByteSize::bytes(limit));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {}", key.expose()));
        }
        let answer =
            self.client.send(request).await.map_err(|source| ProviderError::Http { what: "the request", source })?;
        if !answer.is_success() {
            return Err(faults::of(&answer));
        }
        Answer::parse(answer.body).await
    }

    async fn take(&self, datum: Datum, model: &str) -> Result<Picture, ProviderError> {
        let (bytes, sniffed) = match datum.source {
            wire::Source::Base64(text) => self.decode(text).await?,
            wire::Source::Address(url) => self.fetch(&url).await?,
        };
        let Sniffed { format, width, height } = sniffed;
        Ok(Picture {
            bytes,
            format,
            media_type: format.media_type(),
            width,
            height,
            revised_prompt: datum.revised_prompt,
            seed: None,
            model: model.to_owned(),
        })
    }

    async fn decode(&self, text: String) -> Result<(Bytes, Sniffed), ProviderError> {
        let caps = self.caps;
        let decoded = tokio::task::spawn_blocking(move || {
            let bytes = Bytes::from(wire::decode(&text)?);
            let sniffed = sniff(&bytes, caps)?;
            Ok((bytes, sniffed))
        });
        decoded.await.map_err(|error| ProviderError::Internal(error.to_string()))?
    }

    /// Fetches a finished picture. The server that the admin configured may name itself, wherever it stands;
    /// any other address is a stranger's, and the client's policy judges it as one.
    async fn fetch(&self, address: &str) -> Result<(Bytes, Sniffed), ProviderError> {
        let what = "the fetch of a finished picture";
        let url = Url::parse(address)
            .map_err(|_| ProviderError::Answer { fault: String::from("the picture's address is not a URL") })?;
        let request = Request::new(Method::Get, url)
            .header("accept", "image/*")
            .within(FETCH_TIMEOUT)
            .refusing_above(ByteSize::bytes(self.caps.max_bytes));
        let answer = self.client.send(request).await.map_err(|source| ProviderError::Http { what, source })?;
        if !answer.is_success() {
            return Err(ProviderError::Answer { fault: format!("{what} ended with status {}", answer.status) });
        }
        let sniffed = sniff(&answer.body, self.caps)?;
        Ok((answer.body, sniffed))
    }
}
