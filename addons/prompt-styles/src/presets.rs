//! Styles: what stands before and after a prompt, and what to avoid.

use std::borrow::Cow;

use semantest_addon::ImageRequest;
use serde::Deserialize;

use crate::Settings;

/// Longest prompt, in characters, that the platform takes.
const MAX_PROMPT_CHARS: usize = 4000;

/// One style.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Preset {
    before: Cow<'static, str>,
    after: Cow<'static, str>,
    avoid: Cow<'static, str>,
}

/// Name, what stands after the prompt, what to avoid.
const BUILT_IN: [(&str, &str, &str); 5] = [
    ("watercolour", "loose watercolour on rough paper, soft edges, light washes", "photograph, hard outlines"),
    ("photo", "natural light, 50 mm lens, fine detail, photograph", "illustration, painting"),
    ("pixel-art", "pixel art, 16 colours, crisp square pixels", "blur, gradients, photograph"),
    ("ink", "black ink drawing, cross-hatching, white background", "colour, photograph"),
    ("isometric", "isometric view, clean shapes, flat colours", "perspective, photograph"),
];

/// The style of a request: its own where it names a preset, else the user's; with its name.
pub(crate) fn find<'a>(settings: &'a Settings, own: Option<&'a str>) -> Option<(&'a str, Preset)> {
    own.into_iter().chain([settings.style.as_str()]).find_map(|name| Some((name, named(settings, name)?)))
}

fn named(settings: &Settings, name: &str) -> Option<Preset> {
    settings.presets.get(name).cloned().or_else(|| {
        let (_, after, avoid) = BUILT_IN.into_iter().find(|(built_in, _, _)| *built_in == name)?;
        Some(Preset { before: Cow::Borrowed(""), after: Cow::Borrowed(after), avoid: Cow::Borrowed(avoid) })
    })
}

impl Preset {
    /// Writes the style into the request, as far as there is room: a long prompt keeps its own words.
    pub(crate) fn apply(&self, request: &mut ImageRequest) {
        let prompt = joined([&self.before, &request.prompt, &self.after]);
        if fits(&prompt) {
            request.prompt = prompt;
        }
        let avoid = joined([request.negative_prompt.as_deref().unwrap_or_default(), &self.avoid, ""]);
        if fits(&avoid) && !avoid.is_empty() {
            request.negative_prompt = Some(avoid);
        }
    }
}

fn fits(text: &str) -> bool {
    text.chars().count() <= MAX_PROMPT_CHARS
}

fn joined(parts: [&str; 3]) -> String {
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
