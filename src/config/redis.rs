//! Where Redis is, how long we wait for it, and how long it keeps what is over.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::units::Span;

/// The connection that the API, the workers and the queues share.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// `redis://[user:password@]host:port[/db]` or `rediss://…`. `SEMANTEST_REDIS_URL`, then `REDIS_URL`, win over the file.
    pub url: String,
    /// What every key starts with; the braces keep a queue's keys on one node of a Redis Cluster.
    pub prefix: String,
    /// Longest wait for a connection, the handshake included. Short, so that the API can answer 503 at once.
    pub connect_timeout: Span,
    /// Longest wait for the answer to one command. Our slowest script takes a few milliseconds.
    pub response_timeout: Span,
    /// How long completed and cancelled jobs stay readable. At least as long as an `Idempotency-Key` is kept (24 h).
    pub keep_finished: Span,
    /// How long failed jobs, the dead letters, stay readable.
    pub keep_failed: Span,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: String::from("redis://127.0.0.1:6379"),
            prefix: String::from("{semantest}"),
            connect_timeout: Span::secs(1),
            response_timeout: Span::secs(1),
            keep_finished: Span::secs(25 * 60 * 60),
            keep_failed: Span::secs(30 * 24 * 60 * 60),
        }
    }
}

impl RedisSettings {
    /// Where Redis is, for messages: the URL without user and password.
    #[must_use]
    pub fn place(&self) -> String {
        let Ok(url) = Url::parse(&self.url) else { return String::from("an address that is no URL") };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
    }
}

impl std::fmt::Debug for RedisSettings {
    /// Leaves the URL out: it may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSettings").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_about_redis_names_its_place_and_no_password() {
        for (url, place) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("rediss://user:hidden@redis.internal/2", "rediss://redis.internal"),
            ("hidden", "an address that is no URL"),
        ] {
            let settings = RedisSettings { url: String::from(url), ..RedisSettings::default() };
            assert_eq!(settings.place(), place);
        }
    }
}
