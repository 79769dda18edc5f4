//! The queues there are.

use crate::config::queues::{LaneSettings, QueueSettings};

/// One of our queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Load, unload, publish: seconds.
    Addons,
    /// Invoke, message: milliseconds.
    AddonCalls,
    /// Pictures: a minute.
    ImageGeneration,
    /// Dispatch, deliver.
    Webhooks,
    /// Sweeps.
    Upkeep,
}

impl Lane {
    /// Every lane there is.
    pub const ALL: [Self; 5] = [Self::Addons, Self::AddonCalls, Self::ImageGeneration, Self::Webhooks, Self::Upkeep];

    /// The queue's name in Redis, in settings of workers and in URLs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Addons => "addons",
            Self::AddonCalls => "addon-calls",
            Self::ImageGeneration => "image-generation",
            Self::Webhooks => "webhooks",
            Self::Upkeep => "upkeep",
        }
    }

    /// Reads a lane by its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == text)
    }

    /// Whether its users are served in turn, one job each, however many jobs each of them has: where a job takes so long
    /// that others would wait for a crowd of them.
    #[must_use]
    pub const fn takes_turns(self) -> bool {
        match self {
            Self::ImageGeneration => true,
            Self::Addons | Self::AddonCalls | Self::Webhooks | Self::Upkeep => false,
        }
    }

    /// The lane's own part of the settings.
    #[must_use]
    pub const fn settings(self, settings: &QueueSettings) -> &LaneSettings {
        match self {
            Self::Addons => &settings.addons,
            Self::AddonCalls => &settings.addon_calls,
            Self::ImageGeneration => &settings.image_generation,
            Self::Webhooks => &settings.webhooks,
            Self::Upkeep => &settings.upkeep,
        }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_read_back_what_they_write() {
        for lane in Lane::ALL {
            assert_eq!(Lane::parse(lane.name()), Some(lane));
        }
        assert_eq!(Lane::parse("mail"), None);
    }
}
