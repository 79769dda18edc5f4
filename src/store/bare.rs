//! The least that a request to Redis can be, as a yardstick for the bench.

use std::sync::LazyLock;

use redis::Script;

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
}
