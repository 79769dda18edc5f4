//! The misbehaving fixture, made by the real toolchain: each bad call ends alone, with its own code.

use std::time::Duration;

use anyhow::{Context as _, Result};
use semantest::host::Reply;
use semantest::model::code::JobCode;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;
use serde_json::json;

use super::Enabled;
use crate::support::until;

async fn fixture() -> Result<Enabled> {
    Enabled::by_default("semantest.fixture-misbehave").await
}

#[tokio::test]
async fn every_way_of_breaking_has_its_code_and_leaves_the_next_call_alone() -> Result<()> {
    let mut fixture = fixture().await?;
    for (name, params, code) in [
        ("trap", json!({}), JobCode::AddonTrapped),
        ("panic", json!({}), JobCode::AddonTrapped),
        ("recurse", json!({}), JobCode::AddonTrapped),
        ("allocate", json!({ "bytes": 1_000_000, "count": 100 }), JobCode::MemoryLimit),
        ("big-return", json!({ "bytes": 3_000_000 }), JobCode::OutputLimit),
        ("not-json", json!({}), JobCode::AddonResultInvalid),
    ] {
        let failure = fixture.failure(name, params).await?;
        assert_eq!(failure.code(), code, "{name}: {failure}");
        assert_eq!(fixture.act("count", json!({})).await?, json!(1), "after {name}");
    }
    fixture.limits = CallLimits { cpu: Duration::from_millis(100), ..fixture.limits };
    assert_eq!(fixture.failure("loop", json!({})).await?.code(), JobCode::CpuLimit);
    Ok(())
}

#[tokio::test]
async fn a_sleep_past_the_deadline_ends_with_it() -> Result<()> {
    let mut fixture = fixture().await?;
    fixture.limits = CallLimits { wall: Duration::from_millis(200), ..fixture.limits };
    let failure = fixture.failure("sleep", json!({ "milliseconds": 60_000 })).await?;
    assert_eq!(failure.code(), JobCode::DeadlineExceeded);
    Ok(())
}

#[tokio::test]
async fn a_panic_tells_where_it_happened() -> Result<()> {
    let failure = fixture().await?.failure("panic", json!({})).await?;
    let told = format!("{failure:?}");
    assert!(told.contains("panic"), "the backtrace names no function: {told}");
    Ok(())
}

#[tokio::test]
async fn the_message_of_a_panic_is_in_the_failure_and_in_the_log() -> Result<()> {
    let report = fixture().await?.try_act("panic", json!({})).await;
    let failure = report.outcome.err().context("a failure")?;
    let expected = "the addon crashed: panicked: the fixture panicked on purpose (at ";
    assert!(failure.to_string().starts_with(expected), "{failure}");
    assert!(failure.to_string().contains("actions.rs:"), "{failure}");
    let last = report.logs.last().context("a line")?;
    assert_eq!((last.level.as_str(), last.message.as_str()), ("error", "panicked: the fixture panicked on purpose"));
    Ok(())
}

#[tokio::test]
async fn each_kind_of_error_ends_as_the_contract_says() -> Result<()> {
    let fixture = fixture().await?;
    for (kind, code, is_retried) in [
        ("bad-input", JobCode::AddonBadInput, false),
        ("refused", JobCode::AddonRefused, false),
        ("transient", JobCode::AddonFailed, true),
        ("permanent", JobCode::AddonFailed, false),
        ("cancelled", JobCode::Cancelled, false),
    ] {
        let failure = fixture.failure("fail", json!({ "kind": kind })).await?;
        assert_eq!(failure.code(), code, "{kind}: {failure}");
        assert_eq!(failure.disposition().is_retryable(), is_retried, "{kind}: {failure}");
    }
    Ok(())
}

#[tokio::test]
async fn a_flood_of_lines_is_cut_and_counted() -> Result<()> {
    let fixture = fixture().await?;
    let report = fixture.try_act("log-flood", json!({ "count": 3000, "bytes": 100 })).await;
    report.outcome?;
    assert!(report.logs.len() <= 1000 && report.dropped_log_lines >= 2000, "{}", report.dropped_log_lines);
    Ok(())
}

#[tokio::test]
async fn a_job_that_fails_first_succeeds_in_a_later_attempt() -> Result<()> {
    let mut fixture = fixture().await?;
    let failure = fixture.failure("flaky", json!({ "failures": 1 })).await?;
    assert!(failure.disposition().is_retryable(), "{failure}");
    assert!(fixture.failure("checkpoint", json!({})).await.is_ok());
    fixture.attempt = 2;
    assert_eq!(fixture.act("flaky", json!({ "failures": 1 })).await?, json!(2));
    assert_eq!(fixture.act("checkpoint", json!({})).await?, json!(1));
    Ok(())
}

#[tokio::test]
async fn progress_and_parts_come_in_order() -> Result<()> {
    let fixture = fixture().await?;
    fixture.act("progress", json!({ "count": 3 })).await?;
    let notes: Vec<_> = fixture.memory.reports.lock().iter().filter_map(|report| report.note.clone()).collect();
    assert_eq!(notes.last().map(String::as_str), Some("step 3"));
    assert_eq!(*fixture.memory.parts.lock(), [json!(1), json!(2), json!(3)]);
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_store_can_be_passed_on_as_it_is() -> Result<()> {
    let failure = fixture().await?.failure("fill-store", json!({ "count": 100, "bytes": 1000 })).await?;
    assert_eq!(failure.code(), JobCode::QuotaExceeded, "{failure}");
    Ok(())
}

#[tokio::test]
async fn assets_come_with_the_answer() -> Result<()> {
    let fixture = fixture().await?;
    let report = fixture.try_act("make-assets", json!({ "count": 3, "bytes": 70_000 })).await;
    let Reply::Action(output) = report.outcome? else { anyhow::bail!("no action's reply") };
    let sizes: Vec<u64> = output.assets.iter().map(|asset| asset.size).collect();
    assert_eq!(sizes, [70_000; 3]);
    assert_eq!(output.assets[2].metadata, json!({ "index": 2 }));
    Ok(())
}

#[tokio::test]
async fn a_small_call_stays_in_the_memory_it_began_with() -> Result<()> {
    let fixture = fixture().await?;
    let at_rest = fixture.try_act("count", json!({})).await.usage.peak_memory;
    let busy = fixture.try_act("allocate", json!({ "bytes": 1000, "count": 150 })).await;
    busy.outcome?;
    assert_eq!(busy.usage.peak_memory, at_rest, "the arena should have been enough");
    assert!(at_rest <= ByteSize::mib(2), "{at_rest}");
    let large = fixture.try_act("allocate", json!({ "bytes": 1_000_000, "count": 3 })).await;
    assert!(large.outcome.is_ok() && large.usage.peak_memory > at_rest, "{:?}", large.usage);
    Ok(())
}

#[tokio::test]
async fn a_guest_that_listens_hears_the_cancellation() -> Result<()> {
    let fixture = fixture().await?;
    let request = fixture.request();
    let cancel = request.cancel.clone();
    let params = json!({ "milliseconds": 60_000 });
    let invocation = semantest::host::Invocation::Action { name: String::from("sleep-until-cancelled"), params };
    let call = fixture.sandbox.host.call(&fixture.addon, request, invocation);
    let cancelling = async {
        until("the guest reports", async || !fixture.memory.reports.lock().is_empty()).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(call, cancelling);
    let failure = report.outcome.err().context("it was not cancelled")?;
    assert_eq!(failure.code(), JobCode::Cancelled);
    Ok(())
}
