//! Settings: defaults, then a file, then the environment; unknown keys are refused.
//!
//! Each section is a file of its own. `config.default.toml` shows every
//! setting with its default, and a test parses it to [`Config::default`].

pub mod addons;
pub mod call_limits;
pub mod ceilings;
pub mod egress;
pub mod guest_http;
pub mod hooks;
pub mod imaging;
pub mod limits;
mod load;
pub mod log;
pub mod pictures;
pub mod processes;
pub mod queues;
pub mod redis;
pub mod registries;
pub mod sandbox;
pub mod secret;
pub mod secrets;
pub mod server;
pub mod signals;
pub mod signatures;
pub mod spend;
pub mod starts;
pub mod storage;
pub mod value_keys;
pub mod webhooks;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Environment};

/// Every setting of every role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The listeners.
    pub server: server::ServerSettings,
    /// What one client may ask.
    pub limits: limits::LimitSettings,
    /// Where Redis is.
    pub redis: redis::RedisSettings,
    /// What is logged, and how.
    pub log: log::LogSettings,
    /// How each queue is worked.
    pub queues: queues::QueueSettings,
    /// How many processes work, and what happens to one that dies.
    pub processes: processes::ProcessSettings,
    /// Where bytes live.
    pub storage: storage::StorageSettings,
    /// The sandbox.
    pub sandbox: sandbox::SandboxSettings,
    /// Rules for addons.
    pub addons: addons::AddonSettings,
    /// Image providers.
    pub imaging: imaging::ImagingSettings,
    /// How much may be spent on pictures.
    pub spend: spend::SpendSettings,
    /// How pictures are kept.
    pub pictures: pictures::PictureSettings,
    /// Deliveries.
    pub webhooks: webhooks::WebhookSettings,
    /// Where we may connect to for strangers.
    pub egress: egress::EgressSettings,
    /// The root secret.
    pub secrets: secrets::SecretSettings,
}

impl Config {
    /// Settings that are fine alone and wrong together.
    fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |text: String| Err(ConfigError::Contradiction(text));
        if let Some(fault) = self.queues.faults().into_iter().next() {
            return contradiction(format!("queues.{fault}"));
        }
        if let Some(fault) = self.processes.fault() {
            return contradiction(format!("processes.{fault}"));
        }
        if let Some(fault) = self.addons.fault() {
            return contradiction(fault);
        }
        if !["redis://", "rediss://"].iter().any(|scheme| self.redis.url.starts_with(scheme)) {
            return contradiction(String::from("redis.url must begin with redis:// or rediss://"));
        }
        if self.storage.blobs == storage::BlobPlace::S3 && self.storage.s3.bucket.is_empty() {
            return contradiction(String::from("storage.blobs is s3, so storage.s3.bucket must name the bucket"));
        }
        let own = self
            .addons
            .namespaces
            .iter()
            .filter_map(|(name, own)| Some((format!("namespaces.{name}.component_limit"), own.component_limit?)));
        for (key, limit) in own.chain([(String::from("component_limit"), self.addons.component_limit)]) {
            if limit > self.server.upload_limit {
                return contradiction(format!(
                    "addons.{key} ({limit}) is above server.upload_limit ({}), so no such component could be uploaded",
                    self.server.upload_limit
                ));
            }
        }
        Ok(())
    }
}
