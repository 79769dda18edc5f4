//! One server that speaks the images API, as its settings describe it.

use std::time::Duration;

use url::Url;

use crate::config::secret::Secret;
use crate::imaging::sniff::Caps;
use crate::net::Client;

/// A server, and what is sent to it.
pub(super) struct OpenAi {
    pub(super) name: String,
    pub(super) endpoint: Url,
    pub(super) key: Option<Secret>,
    pub(super) is_key_needed: bool,
    pub(super) model: String,
    pub(super) output_format: Option<String>,
    pub(super) extra_fields: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) client: Client,
    pub(super) caps: Caps,
}
