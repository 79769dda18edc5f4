//! Doors beyond the baseline exist for a guest only where they are granted.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use semantest::config::sandbox::{PoolSettings, SandboxSettings};
use semantest::host::ports::{AssetsPort as _, KvPort as _};
use semantest::host::{CallFailure, CompileError, Export, Interface, InterfaceSet, Invocation, Ports, Reply};
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::disposition::Disposition;
use semantest::model::limits::CallLimits;
use serde_json::json;

use super::guest::{AssetsInMemory, Guest, KvInMemory, Sandbox, action, component, request, roomy, settings};
use super::misbehaviour::sleeper;

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
async fn what_was_linked_with_one_set_of_doors_is_not_taken_for_another_set() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = writer().build()?;
    let open = sandbox.ready(bytes.clone()).await?;
    let digest = *open.digest();
    assert!(open.interfaces().has(Interface::Kv));
    // The code is in memory, and linked: none of that helps who has fewer doors.
    let closed = sandbox.host.compile(&digest, InterfaceSet::BASELINE, bytes.clone()).await.err();
    assert!(matches!(closed, Some(CompileError::Import { .. })), "{closed:?}");
    let honest = Guest::doing("").build()?;
    let digest = Digest::of(&honest);
    for doors in [InterfaceSet::BASELINE, InterfaceSet::BASELINE.with(Interface::Kv), InterfaceSet::BASELINE] {
        let addon = sandbox.host.compile(&digest, doors, honest.clone()).await?;
        assert_eq!(addon.interfaces(), doors);
    }
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
    let later = Disposition::RetryAfter(Duration::from_secs(90));
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

#[tokio::test]
async fn a_call_that_finds_no_room_in_time_says_so() -> Result<()> {
    let sandbox = Sandbox::with(&SandboxSettings { concurrent_calls: 1, ..settings() })?;
    let sleeper = sandbox.ready(sleeper(3600).build()?).await?;
    let honest = sandbox.ready(Guest::doing("").build()?).await?;
    let occupying = request(roomy());
    let cancel = occupying.cancel.clone();
    let occupied = sandbox.host.call(&sleeper, occupying, action("run"));
    let waiting = async {
        let limits = CallLimits { wall: Duration::from_millis(50), ..roomy() };
        let report = sandbox.host.call(&honest, request(limits), action("run")).await;
        cancel.cancel();
        report
    };
    let (first, second) = tokio::join!(occupied, waiting);
    assert!(matches!(first.outcome, Err(CallFailure::Cancelled)), "{:?}", first.outcome);
    assert!(matches!(second.outcome, Err(CallFailure::NoRoom { .. })), "{:?}", second.outcome);
    Ok(())
}

#[tokio::test]
async fn a_machine_without_room_for_a_pool_still_runs_guests() -> Result<()> {
    let too_large = SandboxSettings { concurrent_calls: 1_000_000, ..settings() };
    let switched_off =
        SandboxSettings { pool: PoolSettings { enabled: false, ..PoolSettings::default() }, ..settings() };
    for settings in [too_large, switched_off] {
        let report = Sandbox::with(&settings)?.act(&Guest::doing(""), request(roomy())).await?;
        assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    }
    Ok(())
}

/// A guest that reads 4 bytes from offset 2 of the asset `{"n"`, and makes an asset of them.
fn copier() -> Guest {
    let interface = "semantest:addon/assets@1.0.0";
    let mut guest = Guest::doing(
        "(call $open (i32.const 1024) (i32.const 4) (i32.const 512))
         (if (i32.load8_u (i32.const 512)) (then unreachable))
         (call $read (i32.load (i32.const 520)) (i64.const 2) (i32.const 4) (i32.const 576))
         (if (i32.load8_u (i32.const 576)) (then unreachable))
         (local.set $i (call $writer (i32.const 1100) (i32.const 10)))
         (call $write (local.get $i) (i32.load (i32.const 584)) (i32.load (i32.const 588)) (i32.const 640))
         (if (i32.load8_u (i32.const 640)) (then unreachable))
         (call $finish (local.get $i) (i32.const 1110) (i32.const 2) (i32.const 704))
         (if (i32.load8_u (i32.const 704)) (then unreachable))
         (i32.store (i32.const 2064) (i32.const 712)) (i32.store (i32.const 2068) (i32.const 1))",
    )
    .importing(
        interface,
        interface,
        &[
            ("open", "open", "(param i32 i32 i32)"),
            ("[method]asset.read", "read", "(param i32 i64 i32 i32)"),
            ("[constructor]asset-writer", "writer", "(param i32 i32) (result i32)"),
            ("[method]asset-writer.write", "write", "(param i32 i32 i32 i32)"),
            ("[static]asset-writer.finish", "finish", "(param i32 i32 i32 i32)"),
        ],
    );
    guest.ending = String::from(r#"(data (i32.const 1100) "text/plain{}")"#);
    guest
}

#[tokio::test]
async fn assets_are_read_and_written_through_their_port() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let store = Arc::new(AssetsInMemory::default());
    let id = store.create("text/plain", bytes::Bytes::from_static(b"0123456789"), json!({})).await?.id;
    store.rename(&id, "{\"n\"");
    let mut request = request(roomy());
    request.ports = Ports { assets: Some(store.clone()), ..Ports::none() };
    let report = sandbox.act(&copier(), request).await?;
    let Ok(Reply::Action(output)) = report.outcome else { anyhow::bail!("{:?}", report.outcome) };
    let made = output.assets.first().context("an asset")?;
    assert_eq!((made.media_type.as_str(), made.size), ("text/plain", 4));
    assert_eq!(store.read(made, 0, 10).await?.as_ref(), b"2345");
    Ok(())
}

#[tokio::test]
async fn calls_and_compilations_may_move_between_threads() -> Result<()> {
    fn movable<T: Send>(work: T) -> T {
        work
    }
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let digest = Digest::of(&bytes);
    let fetch = || async { Ok(bytes) };
    let addon = movable(sandbox.host.get(&digest, InterfaceSet::BASELINE, fetch)).await?;
    let report = movable(sandbox.host.call(&addon, request(roomy()), action("run"))).await;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    Ok(())
}
