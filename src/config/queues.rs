//! How each queue is worked: one set of numbers a lane.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::model::units::Span;

/// Settings of every queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueSettings {
    /// `addons`: load, unload and publish, seconds each.
    #[serde(deserialize_with = "addons")]
    pub addons: LaneSettings,
    /// `addon-calls`: invoke and message, milliseconds each.
    #[serde(deserialize_with = "addon_calls")]
    pub addon_calls: LaneSettings,
    /// `image-generation`: pictures, a minute each at worst.
    #[serde(deserialize_with = "image_generation")]
    pub image_generation: LaneSettings,
    /// `webhooks`: dispatch and deliver.
    #[serde(deserialize_with = "webhooks")]
    pub webhooks: LaneSettings,
    /// `upkeep`: sweeps.
    #[serde(deserialize_with = "upkeep")]
    pub upkeep: LaneSettings,
}

/// Settings of one queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneSettings {
    /// Jobs that one worker process runs at a time.
    pub concurrency: usize,
    /// Tries before a job is a dead letter, the first one included; a job's own number wins.
    pub attempts: u32,
    /// Wait after the first failed try; doubles with each further one.
    pub backoff: Span,
    /// Longest wait between tries.
    pub backoff_ceiling: Span,
    /// Share of the wait that is drawn at random, 0–1, so that jobs that failed together do not return together.
    pub backoff_jitter: f64,
    /// How long a worker may be silent before its jobs are taken from it.
    pub lock: Span,
    /// How often stalled jobs are looked for; a dead worker's job is back after at most `lock` and two of these.
    pub stalled_check: Span,
    /// How often a job may lose its worker before it is given up: BullMQ's own 1 punishes a job for two deploys.
    pub max_stalled: u32,
    /// Longest run of one try where the job names none.
    pub deadline: Span,
    /// Longest run of one try that a job may name.
    pub deadline_ceiling: Span,
    /// Jobs that all workers together may start per `rate_per`; 0 for no limit.
    pub rate_max: u64,
    /// The window of `rate_max`.
    pub rate_per: Span,
    /// How long completed jobs are kept: repeating a request is safe for as long, so at least 24 h.
    pub keep_completed: Span,
    /// Most completed jobs that are kept: the bound on Redis' memory, reached only by very busy queues.
    pub keep_completed_count: usize,
    /// How long dead letters are kept.
    pub keep_failed: Span,
    /// Most dead letters that are kept.
    pub keep_failed_count: usize,
}

impl LaneSettings {
    /// What the short lanes share.
    #[must_use]
    pub const fn addon_calls() -> Self {
        Self {
            concurrency: 50,
            attempts: 3,
            backoff: Span::millis(500),
            backoff_ceiling: Span::secs(60),
            backoff_jitter: 0.5,
            lock: Span::secs(15),
            stalled_check: Span::secs(5),
            max_stalled: 20,
            deadline: Span::secs(60),
            deadline_ceiling: Span::secs(600),
            rate_max: 0,
            rate_per: Span::secs(1),
            keep_completed: Span::secs(24 * 60 * 60),
            keep_completed_count: 1_000_000,
            keep_failed: Span::secs(30 * 24 * 60 * 60),
            keep_failed_count: 100_000,
        }
    }

    /// Loading fetches and compiles: fewer at a time, longer each.
    #[must_use]
    pub const fn addons() -> Self {
        Self {
            concurrency: 8,
            backoff: Span::secs(2),
            deadline: Span::secs(120),
            deadline_ceiling: Span::secs(600),
            ..Self::addon_calls()
        }
    }

    /// Pictures cost money and take long: a longer lock, so that a pause of the process does not draw them twice.
    #[must_use]
    pub const fn image_generation() -> Self {
        Self {
            concurrency: 10,
            backoff: Span::secs(2),
            lock: Span::secs(60),
            deadline: Span::secs(300),
            deadline_ceiling: Span::secs(1800),
            ..Self::addon_calls()
        }
    }

    /// A delivery has ten tries (`api.md`); its job names the wait before each.
    #[must_use]
    pub const fn webhooks() -> Self {
        Self { attempts: 10, backoff: Span::secs(5), backoff_ceiling: Span::secs(24 * 60 * 60), ..Self::addon_calls() }
    }

    /// One sweep at a time; the next tick is the retry.
    #[must_use]
    pub const fn upkeep() -> Self {
        Self {
            concurrency: 1,
            attempts: 1,
            deadline: Span::secs(300),
            keep_completed_count: 1000,
            keep_failed_count: 1000,
            ..Self::addon_calls()
        }
    }

    /// Every way in which the numbers contradict each other, as `key: reason`.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let rules = [
            (self.concurrency >= 1, "concurrency: must be at least 1"),
            (self.attempts >= 1, "attempts: must be at least 1"),
            ((0.0..=1.0).contains(&self.backoff_jitter), "backoff_jitter: must be 0-1"),
            (self.backoff <= self.backoff_ceiling, "backoff: must not be above backoff_ceiling"),
            (self.lock >= Span::millis(500), "lock: must be at least 500ms"),
            (self.stalled_check >= Span::millis(100), "stalled_check: must be at least 100ms"),
            (self.deadline >= Span::millis(1), "deadline: must be at least 1ms"),
            (self.deadline <= self.deadline_ceiling, "deadline: must not be above deadline_ceiling"),
            (self.rate_max == 0 || self.rate_per >= Span::millis(1), "rate_per: must be at least 1ms"),
            (self.keep_completed >= Span::secs(1), "keep_completed: must be at least 1s"),
            (self.keep_failed >= Span::secs(1), "keep_failed: must be at least 1s"),
        ];
        rules.into_iter().filter(|(is_met, _)| !is_met).map(|(_, fault)| fault.to_owned()).collect()
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            addons: LaneSettings::addons(),
            addon_calls: LaneSettings::addon_calls(),
            image_generation: LaneSettings::image_generation(),
            webhooks: LaneSettings::webhooks(),
            upkeep: LaneSettings::upkeep(),
        }
    }
}

impl QueueSettings {
    /// Every contradiction in every lane, as `lane.key: reason`.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        [
            ("addons", &self.addons),
            ("addon_calls", &self.addon_calls),
            ("image_generation", &self.image_generation),
            ("webhooks", &self.webhooks),
            ("upkeep", &self.upkeep),
        ]
        .into_iter()
        .flat_map(|(lane, settings)| settings.faults().into_iter().map(move |fault| format!("{lane}.{fault}")))
        .collect()
    }
}

/// Reads what a section says over the lane's own defaults: `#[serde(default)]` knows one default for all lanes.
fn over<'de, D: Deserializer<'de>>(deserializer: D, defaults: &LaneSettings) -> Result<LaneSettings, D::Error> {
    let said = Map::deserialize(deserializer)?;
    let mut whole = serde_json::to_value(defaults).map_err(D::Error::custom)?;
    if let Value::Object(members) = &mut whole {
        members.extend(said);
    }
    serde_json::from_value(whole).map_err(D::Error::custom)
}

fn addons<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
    over(deserializer, &LaneSettings::addons())
}

fn addon_calls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
    over(deserializer, &LaneSettings::addon_calls())
}

fn image_generation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
    over(deserializer, &LaneSettings::image_generation())
}

fn webhooks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
    over(deserializer, &LaneSettings::webhooks())
}

fn upkeep<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
    over(deserializer, &LaneSettings::upkeep())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_says_little_keeps_its_lanes_own_defaults() {
        let read: Result<QueueSettings, _> = toml::from_str("[image_generation]\nconcurrency = 4\nrate_max = 30\n");
        let expected = LaneSettings { concurrency: 4, rate_max: 30, ..LaneSettings::image_generation() };
        assert_eq!(read.map(|settings| settings.image_generation), Ok(expected));
    }

    #[test]
    fn a_key_that_no_lane_has_is_refused() {
        assert!(toml::from_str::<QueueSettings>("[addons]\nconcurency = 4\n").is_err());
        assert!(toml::from_str::<QueueSettings>("[addon]\n").is_err());
    }

    #[test]
    fn the_defaults_do_not_contradict_themselves_and_bad_numbers_do() {
        assert_eq!(QueueSettings::default().faults(), Vec::<String>::new());
        let mut settings = QueueSettings::default();
        settings.webhooks.backoff_jitter = 2.0;
        settings.upkeep.concurrency = 0;
        assert_eq!(settings.faults().len(), 2);
    }
}
