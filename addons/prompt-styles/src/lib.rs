//! `semantest.prompt-styles`: the user's style in every picture, the user's banned words in none.

mod presets;
mod words;

use std::collections::BTreeMap;

use semantest_addon::{BeforeImage, Call, Error, ImageRequest, ImageVerdict, Refusal, config, log};
use serde::Deserialize;

use presets::Preset;

/// The user's settings; every field has a default in the schema.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    style: String,
    presets: BTreeMap<String, Preset>,
    banned_words: Vec<String>,
    on_banned_word: OnBannedWord,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnBannedWord {
    Block,
    Remove,
}

struct PromptStyles;

impl BeforeImage for PromptStyles {
    fn run(_call: Call, mut request: ImageRequest) -> Result<ImageVerdict, Error> {
        let settings: Settings = config::get()?;
        let asked = request.prompt.clone();
        for banned in &settings.banned_words {
            let Some(cleaned) = words::without(&request.prompt, banned) else { continue };
            if settings.on_banned_word == OnBannedWord::Block || cleaned.is_empty() {
                return Ok(ImageVerdict::Block(Refusal::new("banned-word", format!("“{banned}” is a banned word"))));
            }
            request.prompt = cleaned;
        }
        let own = request.style.take();
        let style = presets::find(&settings, own.as_deref());
        if let Some((name, preset)) = &style {
            log!(debug, "applied the style `{name}`"; style = name);
            preset.apply(&mut request);
        }
        // A style that is a preset's name means nothing to a provider; any other stays.
        request.style = own.clone().filter(|own| style.as_ref().is_none_or(|(name, _)| name != own));
        if style.is_none() && request.prompt == asked {
            return Ok(ImageVerdict::Pass);
        }
        Ok(ImageVerdict::Rewrite(request))
    }
}

semantest_addon::export!(PromptStyles: BeforeImage);
