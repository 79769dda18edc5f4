//! Settings: defaults, then a file, then the environment; unknown keys are refused.
//!
//! Each section is a file of its own. `config.default.toml` shows every
//! setting with its default, and a test parses it to [`Config::default`].

pub mod addons;
pub mod egress;
pub mod imaging;
pub mod log;
pub mod queues;
pub mod redis;
pub mod sandbox;
pub mod secrets;
pub mod server;
pub mod storage;
pub mod webhooks;
mod load;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Environment};

/// Every setting of every role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The listeners.
    pub server: server::ServerSettings,
    /// Where Redis is.
    pub redis: redis::RedisSettings,
    /// What is logged, and how.
    pub log: log::LogSettings,
}
