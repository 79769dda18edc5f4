//! How much one client may ask of the API.

use serde::{Deserialize, Serialize};

use crate::model::rate::RateCounter;
use crate::model::units::ByteSize;

/// Whether requests are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Everywhere but in `dev` and `bench`.
    #[default]
    Auto,
    /// There too.
    Always,
    /// Nowhere.
    Never,
}

/// `[limits]`: what one client may ask, and how large a request's head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Whether requests and streams are counted.
    pub enforce: Enforcement,
    /// Event streams that one client may hold open at one server.
    pub streams: u32,
    /// Most bytes of a request's header fields together, names and values.
    pub header_bytes: ByteSize,
    /// Most header fields of a request.
    pub header_fields: u32,
    /// Requests a minute.
    pub rates: RateSettings,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            enforce: Enforcement::Auto,
            streams: 1000,
            header_bytes: ByteSize::kib(16),
            header_fields: 64,
            rates: RateSettings::default(),
        }
    }
}

impl LimitSettings {
    /// Whether requests and streams are counted in this process.
    #[must_use]
    pub const fn are_enforced(&self, is_dev: bool) -> bool {
        match self.enforce {
            Enforcement::Auto => !is_dev,
            Enforcement::Always => true,
            Enforcement::Never => false,
        }
    }
}

/// `[limits.rates]`: requests a minute, for each client where its own limits say nothing; 0 for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSettings {
    /// `POST /chat/new`, a client.
    pub chat: u32,
    /// `POST /chat/new`, an end user of a client.
    pub chat_per_user: u32,
    /// `POST /images/generate`, a client.
    pub images: u32,
    /// `POST /images/generate`, an end user of a client.
    pub images_per_user: u32,
    /// `POST /images/batch`, a client.
    pub batch: u32,
    /// Everything about jobs, a client.
    pub jobs: u32,
    /// Everything about addons, a client.
    pub addons: u32,
    /// Everything else that needs a key, a client.
    pub other: u32,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            chat: 600,
            chat_per_user: 10,
            images: 600,
            images_per_user: 30,
            batch: 60,
            jobs: 6000,
            addons: 6000,
            other: 6000,
        }
    }
}

impl RateSettings {
    /// The limit of a counter; none where it is not limited.
    #[must_use]
    pub const fn of(&self, counter: RateCounter) -> Option<u32> {
        let limit = match counter {
            RateCounter::Chat => self.chat,
            RateCounter::ChatPerUser => self.chat_per_user,
            RateCounter::Images => self.images,
            RateCounter::ImagesPerUser => self.images_per_user,
            RateCounter::Batch => self.batch,
            RateCounter::Jobs => self.jobs,
            RateCounter::Addons => self.addons,
            RateCounter::Other => self.other,
        };
        if limit == 0 { None } else { Some(limit) }
    }
}
