//! What a picture request says, after it was checked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::id::ArtifactId;

/// Longest prompt, in characters (`api.md`).
pub const MAX_PROMPT_CHARS: usize = 4000;
/// Most pictures one request may ask for.
pub const MAX_COUNT: u32 = 4;
/// Longest side of a picture, in pixels: what current providers draw at most.
pub const MAX_SIDE: u32 = 3840;
/// Most bytes of `extra`, as JSON: parameters, not payload.
pub const MAX_EXTRA_BYTES: usize = 16 * 1024;

/// A picture's size in pixels, written `WxH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels from left to right, 16–3840.
    pub width: u32,
    /// Pixels from top to bottom, 16–3840.
    pub height: u32,
}

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a size is `WxH` in pixels, each 16-3840, such as 1024x1024")]
pub struct SizeError;

impl Size {
    /// Parses `WxH`.
    ///
    /// # Errors
    /// [`SizeError`] when a side is missing, or outside 16–3840.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let (width, height) = text.split_once('x').ok_or(SizeError)?;
        let side = |text: &str| text.parse::<u32>().ok().filter(|side| (16..=MAX_SIDE).contains(side)).ok_or(SizeError);
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl Serialize for Size {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The picture that somebody asks for: the same fields as the REST request and the hooks' record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageRequest {
    /// What to draw, 1–4000 characters.
    pub prompt: String,
    /// What not to draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// A provider's name, an alias, or `automatic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A model's name: data, never checked against a list of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The provider's word for how fine it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// A word for the look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// How many pictures, 1–4.
    #[serde(default = "one")]
    pub count: u32,
    /// Same seed, same picture, where the provider can do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Artifact id of an input picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What only one provider understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Value>,
}

const fn one() -> u32 {
    1
}

impl ImageRequest {
    /// A request for one picture of `prompt`, the rest left to the host.
    #[must_use]
    pub fn of(prompt: &str) -> Self {
        Self {
            prompt: prompt.to_owned(),
            negative_prompt: None,
            provider: None,
            model: None,
            size: None,
            quality: None,
            style: None,
            count: 1,
            seed: None,
            image: None,
            extra: None,
        }
    }

    /// Every fault of the request, as (field, message); empty when there is none.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let length = self.prompt.chars().count();
        if self.prompt.trim().is_empty() || length > MAX_PROMPT_CHARS {
            faults
                .push(("prompt", format!("must be 1-{MAX_PROMPT_CHARS} characters and not only spaces, has {length}")));
        }
        if !(1..=MAX_COUNT).contains(&self.count) {
            faults.push(("count", format!("must be 1-{MAX_COUNT}")));
        }
        for (field, value) in [
            ("negativePrompt", &self.negative_prompt),
            ("provider", &self.provider),
            ("model", &self.model),
            ("quality", &self.quality),
            ("style", &self.style),
        ] {
            let most = if field == "negativePrompt" { MAX_PROMPT_CHARS } else { 200 };
            if value.as_ref().is_some_and(|text| text.chars().count() > most) {
                faults.push((field, format!("must be at most {most} characters")));
            }
        }
        if self.image.as_ref().is_some_and(|id| ArtifactId::parse(id).is_err()) {
            faults.push(("image", String::from("must be the id of an artifact")));
        }
        if self.extra.as_ref().is_some_and(|extra| !extra.is_object() || extra.to_string().len() > MAX_EXTRA_BYTES) {
            faults.push(("extra", format!("must be an object of at most {MAX_EXTRA_BYTES} bytes as JSON")));
        }
        faults
    }

    /// The names of the fields in which the two differ: what a trace may tell, since the texts are the user's own.
    #[must_use]
    pub fn changed_fields(&self, other: &Self) -> Vec<&'static str> {
        let differs = [
            ("prompt", self.prompt != other.prompt),
            ("negativePrompt", self.negative_prompt != other.negative_prompt),
            ("provider", self.provider != other.provider),
            ("model", self.model != other.model),
            ("size", self.size != other.size),
            ("quality", self.quality != other.quality),
            ("style", self.style != other.style),
            ("count", self.count != other.count),
            ("seed", self.seed != other.seed),
            ("image", self.image != other.image),
            ("extra", self.extra != other.extra),
        ];
        differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_sides_in_range() {
        for (text, is_good) in
            [("1024x1024", true), ("16x3840", true), ("15x16", false), ("1024", false), ("9999x1", false)]
        {
            assert_eq!(Size::parse(text).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let request = ImageRequest { count: 9, ..ImageRequest::of(" ") };
        assert_eq!(request.faults().iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["prompt", "count"]);
        assert!(ImageRequest::of("a garden").faults().is_empty());
        let request = ImageRequest {
            image: Some(String::from("not-an-id")),
            extra: Some(serde_json::json!({ "text": "x".repeat(MAX_EXTRA_BYTES) })),
            ..ImageRequest::of("a garden")
        };
        assert_eq!(request.faults().iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["image", "extra"]);
    }

    #[test]
    fn a_difference_is_told_by_field_names_alone() {
        let before = ImageRequest::of("a garden");
        let after = ImageRequest { count: 2, seed: Some(7), ..ImageRequest::of("a secret garden") };
        assert_eq!(before.changed_fields(&after), ["prompt", "count", "seed"]);
        assert!(before.changed_fields(&before).is_empty());
    }
}
