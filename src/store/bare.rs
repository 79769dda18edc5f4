//! The least that a request to Redis can be, as a yardstick for the bench.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{ErrorKind, RedisError, Script};

use crate::store::{Store, StoreError};

/// The script that does nothing.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new("return 1"));

impl Store {
    /// Runs one script (`EVALSHA`) that does nothing.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn bare_script(&self) -> Result<(), StoreError> {
        let mut invocation = SCRIPT.prepare_invoke();
        invocation.key(self.only_key("bench-counter"));
        self.run::<u64>(&invocation).await.map(|_| ())
    }

    /// CPU time that the server has spent since its start, its children not counted.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked, or does not say.
    pub async fn cpu_time(&self) -> Result<Duration, StoreError> {
        let mut command = redis::cmd("INFO");
        command.arg("cpu");
        let text: String = self.ask(&command).await?;
        let seconds = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        seconds("used_cpu_user:")
            .zip(seconds("used_cpu_sys:"))
            .and_then(|(user, system)| Duration::try_from_secs_f64(user + system).ok())
            .ok_or_else(|| StoreError::Protocol(RedisError::from((ErrorKind::Parse, "INFO cpu names no times"))))
    }
}
