//! A real Redis, private to one test: started in some 20 ms, gone with the test, whatever ends it.

use semantest::cli::dev_redis::{DevRedis, DevRedisOptions, Durability};
use semantest::config::redis::RedisSettings;
use semantest::store::Store;
use tempfile::TempDir;

/// A private server, and the settings that lead to it. It can be stopped and started again on the same port.
pub(crate) struct TestRedis {
    running: Option<DevRedis>,
    options: DevRedisOptions,
    settings: RedisSettings,
    _folder: TempDir,
}

impl TestRedis {
    /// A server that keeps everything in memory.
    pub(crate) fn start() -> Self {
        Self::start_with(Durability::None)
    }

    /// A server that keeps its data as `dev`'s does: flushed every second.
    pub(crate) fn start_kept() -> Self {
        Self::start_with(Durability::EverySecond)
    }

    /// A server that can be killed and started again without losing what it answered.
    pub(crate) fn start_durable() -> Self {
        Self::start_with(Durability::Always)
    }

    fn start_with(durability: Durability) -> Self {
        let folder = tempfile::tempdir().expect("a folder for Redis");
        let options = DevRedisOptions { folder: folder.path().join("redis"), durability };
        let running = DevRedis::start(&options).expect("a private Redis");
        let url = running.url().to_owned();
        let prefix = format!("{{test-{}}}", ulid::Ulid::generate());
        let settings = RedisSettings { url, prefix, ..RedisSettings::default() };
        Self { running: Some(running), options, settings, _folder: folder }
    }

    /// Leads to the server, under a prefix of this test's own.
    pub(crate) fn settings(&self) -> &RedisSettings {
        &self.settings
    }

    /// A store of its own connection.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.settings).await.expect("a connection to the private Redis")
    }

    /// A connection of its own, for a look at what lies there.
    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.settings.url.as_str()).expect("a Redis URL");
        client.get_multiplexed_async_connection().await.expect("a connection")
    }

    /// Kills the server, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.take().expect("a running Redis").kill();
    }

    /// Asks the server to end, as an administrator would, and waits for its end.
    pub(crate) fn stop(&mut self) {
        self.running.take().expect("a running Redis").stop(std::time::Duration::from_secs(10));
    }

    /// Makes the server hang (or go on), its connections open: `STOP` or `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.running.as_ref().expect("a running Redis").pid();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// Starts it again on the same port, with the data that survived.
    pub(crate) fn restart(&mut self) {
        let running = DevRedis::start(&self.options).expect("the private Redis again");
        assert_eq!(running.url(), self.settings.url, "the port is kept");
        self.running = Some(running);
    }

    /// Sends a command as the administrator would.
    pub(crate) async fn command(&self, words: &[&str]) {
        let client = redis::Client::open(self.settings.url.as_str()).expect("a Redis URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async::<redis::Value>(&mut connection).await.expect("an answer");
    }

    /// A section of what Redis says about itself.
    pub(crate) async fn info(&self, section: &str) -> String {
        let client = redis::Client::open(self.settings.url.as_str()).expect("a Redis URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        redis::cmd("INFO").arg(section).query_async(&mut connection).await.expect("an answer")
    }

    /// How many hashes, of those below this test's prefix whose names fit `pattern`, have `field`.
    pub(crate) async fn hashes_with(&self, pattern: &str, field: &str) -> usize {
        let client = redis::Client::open(self.settings.url.as_str()).expect("a Redis URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        // The braces of the prefix are plain characters in a pattern.
        let pattern = format!("{}:{pattern}", self.settings.prefix);
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.expect("the names of keys");
        let mut count = 0;
        for key in keys {
            let has: bool =
                redis::cmd("HEXISTS").arg(key).arg(field).query_async(&mut connection).await.expect("an answer");
            count += usize::from(has);
        }
        count
    }
}
