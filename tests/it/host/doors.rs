//! Doors beyond the baseline exist for a guest only where they are granted.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use semantest::host::ports::KvPort as _;
use semantest::host::{CallFailure, CompileError, Export, InterfaceSet, Invocation, Ports, Reply};
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::disposition::Disposition;
use serde_json::json;

use super::guest::{Guest, KvInMemory, Sandbox, action, component, request, roomy};

/// A guest that stores the value `{"n` under the key `{"n"`.
fn writer() -> Guest {
    Guest::doing(
        "(call $open (i32.const 512)) (if (i32.load8_u (i32.const 512)) (then unreachable))
         (call $set (i32.load (i32.const 520)) (i32.const 1025) (i32.const 3) (i32.const 1024) (i32.const 4)
            (i32.const 0) (i64.const 0) (i32.const 640))
         (if (i32.load8_u (i32.const 640)) (then unreachable))
         (i32.store8 (i32.const 1029) (i32.add (i32.const 48) (i32.load (i32.const 648))))",
    )
    .importing("semantest:addon/kv@1.0.0", "semantest:addon/kv@1.0.0", &[("open", "open", "(param i32)")])
    .importing(
        "semantest:addon/kv-types@1.0.0",
        "semantest:addon/kv-types@1.0.0",
        &[("[method]bucket.set", "set", "(param i32 i32 i32 i32 i32 i32 i64 i32)")],
    )
}

#[tokio::test]
async fn a_door_that_is_not_granted_is_not_linked() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = writer().build()?;
    let error = sandbox.host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes).await.err();
    let error = error.context("an error")?;
    assert!(matches!(error, CompileError::Import { .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_guest_writes_reaches_its_port() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let store = Arc::new(KvInMemory::default());
    let mut request = request(roomy());
    request.ports = Ports { kv: Some(store.clone()), ..Ports::none() };
    let report = sandbox.act(&writer(), request).await?;
    let Ok(Reply::Action(output)) = report.outcome else { anyhow::bail!("{:?}", report.outcome) };
    assert_eq!(output.value, json!({ "n": 1 }));
    let entry = store.get("\"n\"").await?.context("an entry")?;
    assert_eq!(entry.value.as_ref(), b"{\"n\"");
    Ok(())
}

/// A guest with a lifecycle whose `activate` answers an error of this kind, with `retry-after-ms` 90000.
fn failing(kind: u8) -> Result<bytes::Bytes> {
    let module = format!(
        r#"(module
            (memory (export "memory") 1)
            (data (i32.const 1024) "no-keysorry")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192))
            (func (export "semantest:addon/lifecycle@1.0.0#activate") (param i32) (result i32)
                (i32.store8 (i32.const 2048) (i32.const 1))
                (i32.store8 (i32.const 2056) (i32.const {kind}))
                (i32.store (i32.const 2060) (i32.const 1024)) (i32.store (i32.const 2064) (i32.const 6))
                (i32.store (i32.const 2068) (i32.const 1030)) (i32.store (i32.const 2072) (i32.const 5))
                (i32.store8 (i32.const 2080) (i32.const 1)) (i64.store (i32.const 2088) (i64.const 90000))
                (i32.const 2048))
            (func (export "semantest:addon/lifecycle@1.0.0#deactivate") (param i32)))"#
    );
    component(&module, "export semantest:addon/lifecycle@1.0.0;")
}

#[tokio::test]
async fn a_guests_own_error_becomes_a_code_and_a_verdict() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let later = Disposition::RetryAfter(std::time::Duration::from_secs(90));
    for (kind, code, disposition) in [
        (0, JobCode::AddonBadInput, Disposition::GiveUp),
        (1, JobCode::AddonRefused, Disposition::GiveUp),
        (2, JobCode::AddonFailed, later),
        (3, JobCode::AddonFailed, Disposition::GiveUp),
        (4, JobCode::Cancelled, Disposition::GiveUp),
        (5, JobCode::AddonFailed, Disposition::GiveUp),
        (6, JobCode::QuotaExceeded, later),
        (7, JobCode::AddonFailed, Disposition::GiveUp),
        (8, JobCode::AddonFailed, Disposition::GiveUp),
        (9, JobCode::AddonFailed, later),
    ] {
        let addon = sandbox.ready(failing(kind)?).await?;
        let report = sandbox.host.call(&addon, request(roomy()), Invocation::Activate).await;
        let failure = report.outcome.err().context("a failure")?;
        assert_eq!((failure.code(), failure.disposition()), (code, disposition), "kind {kind}");
        if kind != 4 {
            assert_eq!(failure.failure().addon_code.as_deref(), Some("no-key"));
            assert_eq!(failure.failure().message, "sorry");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_export_that_is_not_there_is_not_called() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let addon = sandbox.ready(Guest::doing("").build()?).await?;
    assert!(addon.has(Export::Actions) && !addon.has(Export::Lifecycle));
    let activated = sandbox.host.call(&addon, request(roomy()), Invocation::Activate).await;
    assert!(matches!(activated.outcome, Ok(Reply::Done)), "{:?}", activated.outcome);
    let prompted = Invocation::BeforePrompt { history: Vec::new() };
    let hooked = sandbox.host.call(&addon, request(roomy()), prompted).await;
    assert!(matches!(hooked.outcome, Err(CallFailure::ExportMissing { export: Export::BeforePrompt })));
    Ok(())
}

#[tokio::test]
async fn more_calls_than_room_wait_for_their_turn() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let addon = sandbox.ready(Guest::doing("").build()?).await?;
    let calls = (0..100).map(|_| sandbox.host.call(&addon, request(roomy()), action("run")));
    for report in futures::future::join_all(calls).await {
        assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    }
    assert_eq!(sandbox.host.stock().running_calls, 0);
    Ok(())
}
