//! Where Redis is.

use serde::{Deserialize, Serialize};

/// The connection that the API, the workers and the queues share.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// `redis://[user:password@]host:port[/db]` or `rediss://…`. `SEMANTEST_REDIS_URL`, then `REDIS_URL`, win over the file.
    pub url: String,
    /// What every key starts with; the braces keep a queue's keys on one node of a Redis Cluster.
    pub prefix: String,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { url: String::from("redis://127.0.0.1:6379"), prefix: String::from("{semantest}") }
    }
}

impl std::fmt::Debug for RedisSettings {
    /// Leaves the URL out: it may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSettings").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
