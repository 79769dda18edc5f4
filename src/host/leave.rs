//! The permission of a guest to go on, which may be taken away while it runs.

use async_trait::async_trait;

/// Says whether a guest may run: asked before it starts, and again whenever [`Leave::changes`] moved.
#[async_trait]
pub trait Leave: Send + Sync {
    /// Counts the changes of what is forbidden. Asked at every tick of every running guest: one atomic read.
    fn changes(&self) -> u64;

    /// Whether the guest may not run, or not any more. Asked once a change.
    fn is_taken(&self) -> bool;

    /// Resolves when there were more changes than `seen`. Cancel-safe.
    async fn changed(&self, seen: u64);
}

/// Resolves when the permission is taken away; never where there is none to take. Cancel-safe.
pub(super) async fn taken(leave: Option<&dyn Leave>, mut seen: u64) {
    let Some(leave) = leave else { return std::future::pending().await };
    loop {
        leave.changed(seen).await;
        seen = leave.changes();
        if leave.is_taken() {
            return;
        }
    }
}
