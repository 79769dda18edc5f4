//! Old and friendly names for providers: a table of data, and the one function that reads it.
//!
//! The models behind `dalle2` and `dalle3` were switched off in May 2026; programs that name them still run.

use std::collections::BTreeMap;

use crate::config::imaging::AliasSettings;
use crate::model::image::{ImageRequest, Size};

/// A request in today's words, and what was changed on the way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Translated {
    /// The request for the alias's provider.
    pub(crate) request: ImageRequest,
    /// One sentence for each change.
    pub(crate) notes: Vec<String>,
}

/// The aliases that exist without being configured.
#[must_use]
pub fn builtin() -> BTreeMap<String, AliasSettings> {
    [("dalle3", dalle3()), ("dalle2", dalle2()), ("stable_diffusion", stable_diffusion())]
        .into_iter()
        .map(|(name, alias)| (name.to_owned(), alias))
        .collect()
}

/// Puts `request` into the words that the alias's provider understands today.
pub(crate) fn translate(name: &str, alias: &AliasSettings, request: &ImageRequest) -> Translated {
    let mut request = request.clone();
    let mut notes = Vec::new();
    if request.model.as_ref().is_some_and(|model| alias.retired_models.contains(model)) {
        request.model = None;
    }
    if request.model.is_none() {
        request.model.clone_from(&alias.model);
    }
    let asked = request.size.map(|size| size.to_string());
    match asked.as_ref().and_then(|asked| alias.sizes.get(asked)) {
        Some(size) => {
            notes.push(format!("size {} was asked for as {size}", asked.unwrap_or_default()));
            request.size = Some(*size);
        }
        None => request.size = request.size.or(alias.size),
    }
    if let Some((old, new)) = lookup(request.quality.as_deref(), &alias.qualities) {
        notes.push(format!("quality `{old}` was asked for as `{new}`"));
        request.quality = Some(new);
    }
    if let Some((old, hint)) = lookup(request.style.as_deref(), &alias.styles) {
        notes.push(format!("style `{old}` became words after the prompt"));
        request.prompt = format!("{}\n\n{hint}", request.prompt);
        request.style = None;
    }
    notes.insert(0, format!("`{name}` is an alias: `{}` answers", alias.provider));
    Translated { request, notes }
}

fn lookup(word: Option<&str>, table: &BTreeMap<String, String>) -> Option<(String, String)> {
    let word = word?;
    table.get(word).map(|new| (word.to_owned(), new.clone()))
}

fn dalle3() -> AliasSettings {
    AliasSettings {
        provider: String::from("openai"),
        model: None,
        retired_models: words(&["dall-e-3", "dalle3", "dalle-3"]),
        size: Some(SQUARE),
        sizes: table(&[("1792x1024", WIDE), ("1024x1792", TALL)]),
        qualities: texts(&[("standard", "medium"), ("hd", "high")]),
        styles: texts(&[
            ("vivid", "Vivid: dramatic, hyper-real, strong colours."),
            ("natural", "Natural: subdued, true to life, no exaggeration."),
        ]),
    }
}

fn dalle2() -> AliasSettings {
    AliasSettings {
        provider: String::from("openai"),
        model: None,
        retired_models: words(&["dall-e-2", "dalle2", "dalle-2"]),
        size: Some(SQUARE),
        // Today's models draw nothing this small.
        sizes: table(&[("256x256", SQUARE), ("512x512", SQUARE)]),
        qualities: texts(&[("standard", "low")]),
        styles: BTreeMap::new(),
    }
}

/// Any server of one's own that speaks OpenAI's API in front of Stable Diffusion: `sd-server`, LocalAI and others.
fn stable_diffusion() -> AliasSettings {
    AliasSettings { provider: String::from("stable-diffusion"), ..AliasSettings::default() }
}

const SQUARE: Size = Size { width: 1024, height: 1024 };
const WIDE: Size = Size { width: 1536, height: 1024 };
const TALL: Size = Size { width: 1024, height: 1536 };

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn table(entries: &[(&str, Size)]) -> BTreeMap<String, Size> {
    entries.iter().map(|(old, new)| ((*old).to_owned(), *new)).collect()
}

fn texts(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(size: &str, quality: &str) -> ImageRequest {
        ImageRequest {
            size: Size::parse(size).ok(),
            quality: Some(quality.to_owned()),
            model: Some(String::from("dall-e-3")),
            ..ImageRequest::of("a garden")
        }
    }

    #[test]
    fn what_dall_e_3_called_it_is_asked_for_in_todays_words() {
        for (size, quality, todays_size, todays_quality) in [
            ("1024x1024", "standard", "1024x1024", "medium"),
            ("1792x1024", "hd", "1536x1024", "high"),
            ("1024x1792", "max", "1024x1536", "max"),
            ("2048x2048", "low", "2048x2048", "low"),
        ] {
            let request = translate("dalle3", &dalle3(), &asked(size, quality)).request;
            assert_eq!(request.size.map(|size| size.to_string()).as_deref(), Some(todays_size));
            assert_eq!(request.quality.as_deref(), Some(todays_quality));
            assert_eq!(request.model, None, "a retired model is never asked for");
        }
    }

    #[test]
    fn style_becomes_words_and_every_change_is_said() {
        let request = ImageRequest { style: Some(String::from("vivid")), ..asked("1792x1024", "hd") };
        let translated = translate("dalle3", &dalle3(), &request);
        assert!(translated.request.prompt.starts_with("a garden\n\nVivid"));
        assert_eq!(translated.request.style, None);
        assert_eq!(translated.notes.len(), 4);
    }

    #[test]
    fn a_model_that_is_not_retired_is_left_alone() {
        let request = ImageRequest { model: Some(String::from("gpt-image-9")), ..ImageRequest::of("x") };
        assert_eq!(translate("dalle3", &dalle3(), &request).request.model.as_deref(), Some("gpt-image-9"));
    }
}
