//! Which image providers there are, in which order they are asked, and what the old names mean today.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::secret::Secret;
use crate::model::image::Size;
use crate::model::units::{ByteSize, Span};

/// Settings of the image lane's providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagingSettings {
    /// The order in which `automatic` asks; a name that is not ready or cannot do the request is passed over. An addon's
    /// provider (`addon:<addonId>`) may stand in it, and is asked for the users who enabled it.
    pub default: Vec<String>,
    /// Providers by name. `openai` and `sketch` exist without being written down; what is written changes them.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Other names that clients may use for a provider; `dalle3`, `dalle2` and `stable_diffusion` exist without
    /// being written down.
    pub aliases: BTreeMap<String, AliasSettings>,
    /// Largest picture that is taken from a provider, in bytes.
    pub max_picture: ByteSize,
    /// Most pixels that a provider's picture may have; read from its header, before anything decodes it.
    pub max_pixels: u64,
}

impl Default for ImagingSettings {
    fn default() -> Self {
        Self {
            default: vec![String::from("openai"), String::from("sketch")],
            providers: BTreeMap::new(),
            aliases: BTreeMap::new(),
            max_picture: ByteSize::mib(32),
            max_pixels: 16_777_216,
        }
    }
}

/// One provider. Which of the fields a kind understands is the kind's own matter; others are refused at start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderSettings {
    /// What answers: `openai` (any server with that API's shape) or `sketch`. The provider's own name when left out.
    pub kind: Option<String>,
    /// Whether the provider may be asked at all.
    pub enabled: bool,
    /// `openai`: where the API is, up to and including `/v1`. OpenAI itself when left out.
    pub base_url: Option<Url>,
    /// `openai`: the key. A server of your own may do without.
    pub api_key: Option<Secret>,
    /// `openai`: a file that holds the key.
    pub api_key_file: Option<PathBuf>,
    /// `openai`: the model for requests that name none. Data, never checked against a list.
    pub model: Option<String>,
    /// `openai`: the picture format to ask for: `png`, `jpeg` or `webp`; the server's choice when left out.
    pub output_format: Option<String>,
    /// `openai`: which members of a request's `extra` are passed on to the server.
    pub extra_fields: Option<Vec<String>>,
    /// `openai`: longest time one request may take.
    pub timeout: Option<Span>,
    /// `sketch`: how many pictures are drawn at the same time in one process.
    pub concurrency: Option<usize>,
    /// What a picture costs: the first entry that fits counts, none means unknown.
    pub prices: Vec<Price>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            kind: None,
            enabled: true,
            base_url: None,
            api_key: None,
            api_key_file: None,
            model: None,
            output_format: None,
            extra_fields: None,
            timeout: None,
            concurrency: None,
            prices: Vec::new(),
        }
    }
}

/// The price of one picture; a field left out fits everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Price {
    /// The model it is for.
    pub model: Option<String>,
    /// The quality it is for.
    pub quality: Option<String>,
    /// The size it is for.
    pub size: Option<Size>,
    /// Millionths of a US dollar for one picture: whole numbers, so that sums are exact.
    pub usd_micros: u64,
}

/// What an old or friendly name stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AliasSettings {
    /// The provider that answers.
    pub provider: String,
    /// The model to ask for; the provider's own when left out.
    pub model: Option<String>,
    /// Model names that are taken for the alias itself, because they no longer exist.
    pub retired_models: Vec<String>,
    /// The size for requests that name none.
    pub size: Option<Size>,
    /// Old sizes (`WxH`) and what is asked for instead.
    pub sizes: BTreeMap<String, Size>,
    /// Old words for quality and what is asked for instead.
    pub qualities: BTreeMap<String, String>,
    /// Words for style and the sentence that is put after the prompt instead.
    pub styles: BTreeMap<String, String>,
}
