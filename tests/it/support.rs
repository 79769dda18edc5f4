//! What tests stand on.

pub(crate) mod app;
pub(crate) mod bombs;
pub(crate) mod components;
pub(crate) mod http;
pub(crate) mod platform;
pub(crate) mod program;
pub(crate) mod receiver;
pub(crate) mod redis;
pub(crate) mod registry;
pub(crate) mod tenant;

use std::time::Duration;

/// Longest wait for anything: long enough for a busy machine, short enough to see a test hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a condition by asking again and again, and fails the test by name when it does not come.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited too long: {what}");
}

/// Waits for something that must come soon, and fails the test by name when it does not.
pub(crate) async fn soon<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long: {what}"),
    }
}
