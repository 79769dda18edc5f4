//! A guest whose permission is taken away: it does not start, and it does not go on, whether it works or waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use semantest::host::{CallFailure, CallReport, CallRequest, Leave};
use semantest::model::limits::CallLimits;
use tokio::sync::watch;

use super::guest::{Guest, Sandbox, action, request, roomy};
use super::misbehaviour::sleeper;

/// A permission that a test takes away.
struct Permission {
    changes: watch::Sender<u64>,
    is_taken: AtomicBool,
}

impl Permission {
    fn new() -> Arc<Self> {
        Arc::new(Self { changes: watch::channel(0).0, is_taken: AtomicBool::new(false) })
    }

    /// Something else was forbidden.
    fn change(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn take(&self) {
        self.is_taken.store(true, Ordering::Release);
        self.change();
    }
}

#[async_trait]
impl Leave for Permission {
    fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    fn is_taken(&self) -> bool {
        self.is_taken.load(Ordering::Acquire)
    }

    async fn changed(&self, seen: u64) {
        let mut changes = self.changes.subscribe();
        changes.wait_for(|changes| *changes != seen).await.expect("the permission lives");
    }
}

fn permitted(permission: &Arc<Permission>, limits: CallLimits) -> CallRequest {
    CallRequest { leave: Some(Arc::clone(permission) as Arc<dyn Leave>), ..request(limits) }
}

/// Limits that no test waits for.
fn patient() -> CallLimits {
    CallLimits { cpu: Duration::from_secs(60), wall: Duration::from_secs(60), ..roomy() }
}

/// Runs a guest, takes its permission away once it is inside, and answers how it ended.
async fn taken_from(guest: &Guest) -> Result<CallReport> {
    let sandbox = Sandbox::start()?;
    let addon = sandbox.ready(guest.build()?).await?;
    let permission = Permission::new();
    let call = sandbox.host.call(&addon, permitted(&permission, patient()), action("run"));
    let taking = async {
        while sandbox.host.stock().running_calls == 0 {
            tokio::task::yield_now().await;
        }
        // What is not about this guest does not touch it.
        permission.change();
        tokio::task::yield_now().await;
        permission.take();
    };
    let (report, ()) = tokio::join!(call, taking);
    Ok(report)
}

#[tokio::test]
async fn a_guest_that_works_is_trapped() -> Result<()> {
    let report = taken_from(&Guest::doing("(loop $l (br $l))")).await?;
    assert!(matches!(report.outcome, Err(CallFailure::Blocked)), "{:?}", report.outcome);
    assert!(report.usage.wall < Duration::from_secs(30), "{:?}", report.usage);
    Ok(())
}

#[tokio::test]
async fn a_guest_that_waits_is_ended_too() -> Result<()> {
    let report = taken_from(&sleeper(50)).await?;
    assert!(matches!(report.outcome, Err(CallFailure::Blocked)), "{:?}", report.outcome);
    assert!(report.usage.wall < Duration::from_secs(30), "{:?}", report.usage);
    Ok(())
}

#[tokio::test]
async fn a_guest_without_permission_never_starts_and_other_changes_do_not_end_one() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let addon = sandbox.ready(Guest::doing("").build()?).await?;
    let permission = Permission::new();
    permission.change();
    let report = sandbox.host.call(&addon, permitted(&permission, patient()), action("run")).await;
    report.outcome.context("a good call")?;
    permission.take();
    let report = sandbox.host.call(&addon, permitted(&permission, patient()), action("run")).await;
    assert!(matches!(report.outcome, Err(CallFailure::Blocked)), "{:?}", report.outcome);
    assert_eq!(report.usage.wall, Duration::ZERO, "it never started");
    Ok(())
}
