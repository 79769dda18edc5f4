//! A sketcher that is built in: it draws a generative picture from the words of the prompt and a seed, offline.
//!
//! No model, nothing learned from anybody's pictures: it knows a few hundred words, and has a way of drawing each.
//! The same prompt, seed and size give the same bytes on every machine. What it draws says of itself, in the result
//! and in the file, that it is such a drawing.

mod animals;
mod brief;
mod buildings;
mod canvas;
mod castle;
mod chance;
mod colour;
mod composition;
mod flowers;
mod garden;
mod label;
mod land;
mod path;
mod plants;
mod room;
mod scene;
mod shore;
mod sky;
mod space;
mod stage;
mod water;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::imaging::ProviderSettings;
use crate::imaging::error::{BuildError, Misfit, ProviderError};
use crate::imaging::provider::{Drawn, GenerateContext, Kind, Parts, Picture, Provider};
use crate::imaging::providers::refuse_settings;
use crate::imaging::sniff::Format;
use crate::model::image::{ImageRequest, MAX_COUNT, Size};

use self::brief::Brief;

/// The kind `sketch`.
pub const KIND: Kind = Kind { name: "sketch", build };

/// The name of this way of drawing; a change that alters pictures gets a new number.
const MODEL: &str = "sketch-1";

/// What the drawings say of themselves.
const SOURCE: &str = "Generative drawing by sketch-1, computed from words and a seed. No photograph, no AI model.";

/// Sides in pixels that it draws.
const SIDES: std::ops::RangeInclusive<u32> = 64..=2048;

/// The size for requests that name none.
const DEFAULT_SIZE: Size = Size { width: 1024, height: 1024 };

/// Pictures drawn at the same time: drawing takes a whole core each.
const DEFAULT_CONCURRENCY: usize = 2;

struct Sketch {
    desks: Arc<Semaphore>,
}

fn build(name: &str, settings: &ProviderSettings, _parts: &Parts) -> Result<Arc<dyn Provider>, BuildError> {
    let set = [
        ("base_url", settings.base_url.is_some()),
        ("api_key", settings.api_key.is_some()),
        ("api_key_file", settings.api_key_file.is_some()),
        ("model", settings.model.is_some()),
        ("output_format", settings.output_format.is_some()),
        ("extra_fields", settings.extra_fields.is_some()),
        ("timeout", settings.timeout.is_some()),
    ];
    refuse_settings(name, KIND.name, &set)?;
    let concurrency = settings.concurrency.unwrap_or(DEFAULT_CONCURRENCY);
    if !(1..=256).contains(&concurrency) {
        let fault = String::from("must be 1-256");
        return Err(BuildError::BadSetting { name: name.to_owned(), setting: "concurrency", fault });
    }
    Ok(Arc::new(Sketch { desks: Arc::new(Semaphore::new(concurrency)) }))
}

#[async_trait]
impl Provider for Sketch {
    fn check(&self, request: &ImageRequest) -> Result<(), Misfit> {
        if request.image.is_some() {
            return Err(Misfit(String::from("it takes no input picture")));
        }
        match request.size {
            Some(size) if !SIDES.contains(&size.width) || !SIDES.contains(&size.height) => {
                Err(Misfit(format!("it draws sides of {}-{} pixels, not {size}", SIDES.start(), SIDES.end())))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn generate(&self, request: &ImageRequest, cx: &GenerateContext) -> Result<Drawn, ProviderError> {
        let mut notes = vec![SOURCE.to_owned()];
        if request.model.as_deref().is_some_and(|model| model != MODEL) {
            notes.push(format!("the model is always `{MODEL}`"));
        }
        // A job that is tried again must draw the same pictures, so the seed is not left to chance.
        let first = request.seed.unwrap_or_else(|| chance::hash_text(cx.job_id.as_str()) & 0xffff_ffff);
        let mut pictures = Vec::new();
        for offset in 0..u64::from(request.count.clamp(1, MAX_COUNT)) {
            pictures.push(self.picture(request, first.wrapping_add(offset), &cx.cancel).await?);
        }
        Ok(Drawn { pictures, model: MODEL.to_owned(), notes })
    }
}

impl Sketch {
    async fn picture(
        &self,
        request: &ImageRequest,
        seed: u64,
        cancel: &CancellationToken,
    ) -> Result<Picture, ProviderError> {
        let closed = |_| ProviderError::Internal(String::from("the drawing desks are closed"));
        let desk = Arc::clone(&self.desks).acquire_owned().await.map_err(closed)?;
        // Dropping the job's future does not reach a thread, so the drawing hears of it by a token of its own.
        let watch = cancel.child_token();
        let _stops_with_us = watch.clone().drop_guard();
        let order = Order::of(request, seed);
        let (width, height) = (order.size.width, order.size.height);
        let drawing = tokio::task::spawn_blocking(move || {
            let bytes = order.draw(&watch);
            drop(desk);
            bytes
        });
        let bytes = drawing.await.map_err(|error| ProviderError::Internal(error.to_string()))??;
        Ok(Picture {
            bytes,
            format: Format::Png,
            media_type: Format::Png.media_type(),
            width,
            height,
            revised_prompt: None,
            seed: Some(seed),
            model: MODEL.to_owned(),
        })
    }
}

/// One picture to draw.
struct Order {
    prompt: String,
    style: String,
    negative: String,
    seed: u64,
    size: Size,
}

impl Order {
    fn of(request: &ImageRequest, seed: u64) -> Self {
        Self {
            prompt: request.prompt.clone(),
            style: request.style.clone().unwrap_or_default(),
            negative: request.negative_prompt.clone().unwrap_or_default(),
            seed,
            size: request.size.unwrap_or(DEFAULT_SIZE),
        }
    }

    /// Takes up to seconds: for a thread that may block.
    fn draw(&self, cancel: &CancellationToken) -> Result<Bytes, ProviderError> {
        let brief = Brief::read(&self.prompt, &self.style, &self.negative);
        let side = |pixels: u32| usize::try_from(pixels).unwrap_or(0);
        let seed = chance::hash_text(&self.prompt.trim().to_lowercase()) ^ self.seed.rotate_left(17);
        let (width, height) = (side(self.size.width), side(self.size.height));
        let pixels = scene::draw(&brief, seed, width, height, cancel).ok_or(ProviderError::Cancelled)?;
        label::png(&pixels, self.size.width, self.size.height, self.seed, &brief.understood)
            .map(Bytes::from)
            .map_err(|error| ProviderError::Internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::sniff::Caps;
    use crate::imaging::sniff::sniff;
    use crate::model::digest::Digest;

    fn draw(prompt: &str, seed: u64, width: u32, height: u32) -> Result<Bytes, ProviderError> {
        let request = ImageRequest { size: Some(Size { width, height }), ..ImageRequest::of(prompt) };
        Order::of(&request, seed).draw(&CancellationToken::new())
    }

    #[test]
    fn the_same_prompt_seed_and_size_give_the_same_bytes_and_others_give_others() -> Result<(), ProviderError> {
        let first = draw("a serene garden", 7, 160, 120)?;
        assert_eq!(first, draw("a serene garden", 7, 160, 120)?);
        assert_ne!(first, draw("a serene garden", 8, 160, 120)?);
        assert_ne!(first, draw("a red desert", 7, 160, 120)?);
        assert_ne!(first, draw("a serene garden", 7, 120, 160)?);
        Ok(())
    }

    #[test]
    fn the_pixels_are_the_same_on_every_machine() {
        let brief = Brief::read("a lighthouse in a storm at night", "", "");
        let pixels = scene::draw(&brief, 7, 96, 64, &CancellationToken::new()).unwrap_or_default();
        // Whoever changes how this is drawn changes the number in `MODEL` too: seeds that people noted then lead
        // to other pictures.
        assert_eq!(Digest::of(&pixels).hex(), "36b3a47dc8a732660b13947dd6d3645a18c59389f210359e82228e90c7d8d501");
    }

    #[test]
    fn every_place_can_be_drawn_in_every_shape() -> Result<(), ProviderError> {
        let caps = Caps { max_bytes: 1 << 24, max_pixels: 1 << 24 };
        for prompt in [
            "garden with a house in winter",
            "a village meadow with a balloon, butterflies, a rainbow",
            "sea storm at night, lighthouse, boat",
            "beach at sunset with a boat",
            "lake at dawn in mist",
            "castle in the mountains at night",
            "rainy forest",
            "desert caravan with palm and camel",
            "city at night, vivid",
            "planet and rocket in space",
            "a cat and a dog",
            "gibberish",
        ] {
            for (width, height) in [(64, 64), (256, 64), (64, 200)] {
                let bytes = draw(prompt, 3, width, height)?;
                let sniffed = sniff(&bytes, caps)?;
                assert_eq!((sniffed.width, sniffed.height), (width, height), "{prompt}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_file_says_what_it_is() -> Result<(), ProviderError> {
        let bytes = draw("a cat", 1, 64, 64)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for mark in ["semantest sketch-1", "Generative drawing", "algorithmicMedia", "seed 1; drawn from: cat"] {
            assert!(text.contains(mark), "{mark}");
        }
        Ok(())
    }

    #[test]
    fn a_cancelled_drawing_ends_without_a_picture() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let request = ImageRequest { size: Some(Size { width: 2048, height: 2048 }), ..ImageRequest::of("a forest") };
        assert!(matches!(Order::of(&request, 1).draw(&cancel), Err(ProviderError::Cancelled)));
    }
}
