//! Every way a guest can misbehave ends only its own call, with its own outcome.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use semantest::host::{CallFailure, CallReport, Reply};
use semantest::model::code::JobCode;
use semantest::model::limits::CallLimits;
use semantest::model::units::ByteSize;

use super::guest::{Guest, Sandbox, action, request, roomy};

/// Runs `guest` while an honest neighbour works, and gives back how the guest ended.
async fn beside_a_neighbour(guest: &Guest, limits: CallLimits) -> Result<CallReport> {
    let sandbox = Sandbox::start()?;
    // Some milliseconds of honest work, call after call, as long as the misbehaving guest runs.
    let honest = Guest::doing(
        "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000))))",
    );
    let honest = sandbox.ready(honest.build()?).await?;
    let guest = sandbox.ready(guest.build()?).await?;
    let mut bad = std::pin::pin!(sandbox.host.call(&guest, request(limits), action("run")));
    let mut honest_calls = 0;
    let report = loop {
        tokio::select! {
            report = &mut bad => break report,
            neighbour = sandbox.host.call(&honest, request(roomy()), action("run")) => {
                ensure!(neighbour.outcome.is_ok(), "the neighbour failed: {:?}", neighbour.outcome);
                honest_calls += 1;
            }
        }
    };
    let after = sandbox.host.call(&honest, request(roomy()), action("run")).await;
    ensure!(after.outcome.is_ok(), "the neighbour failed after {honest_calls} calls: {:?}", after.outcome);
    Ok(report)
}

fn code(report: &CallReport) -> Option<JobCode> {
    report.outcome.as_ref().err().map(CallFailure::code)
}

#[tokio::test]
async fn an_endless_loop_ends_with_cpu_limit() -> Result<()> {
    let limits = CallLimits { cpu: Duration::from_millis(100), ..roomy() };
    let report = beside_a_neighbour(&Guest::doing("(loop $l (br $l))"), limits).await?;
    assert_eq!(code(&report), Some(JobCode::CpuLimit));
    assert!(report.usage.cpu >= Duration::from_millis(100), "{:?}", report.usage);
    assert!(report.usage.cpu < Duration::from_secs(2), "{:?}", report.usage);
    Ok(())
}

#[tokio::test]
async fn a_memory_bomb_ends_with_memory_limit() -> Result<()> {
    let grow = "(loop $l (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br $l))";
    let report = beside_a_neighbour(&Guest::doing(grow), roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::MemoryLimit));
    let peak = report.usage.peak_memory;
    assert!(peak <= ByteSize::mib(64) && peak > ByteSize::mib(60), "{peak}");
    Ok(())
}

#[tokio::test]
async fn many_memories_share_one_limit() -> Result<()> {
    // 20 MiB each: every one alone is far below the limit of 64 MiB.
    let mut guest = Guest::doing(
        "(drop (memory.grow $a (i32.const 320))) (drop (memory.grow $b (i32.const 320)))
         (drop (memory.grow $c (i32.const 320)))
         (if (i32.eq (memory.grow $d (i32.const 320)) (i32.const -1)) (then unreachable))",
    );
    guest.ending = String::from("(memory $a 0) (memory $b 0) (memory $c 0) (memory $d 0)");
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::MemoryLimit));
    Ok(())
}

#[tokio::test]
async fn a_table_bomb_ends_with_memory_limit() -> Result<()> {
    let mut guest = Guest::doing(
        "(loop $l
            (if (i32.eq (table.grow (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable)) (br $l))",
    );
    guest.parts = String::from("(table 1 funcref)");
    let limits = CallLimits { table_elements: 50_000, ..roomy() };
    let report = beside_a_neighbour(&guest, limits).await?;
    assert_eq!(code(&report), Some(JobCode::MemoryLimit));
    let failure = report.outcome.err().context("a failure")?.failure();
    let allowed = failure.details.as_ref().and_then(|details| details.get("allowed"));
    assert_eq!(allowed, Some(&serde_json::json!(50_000)));
    Ok(())
}

#[tokio::test]
async fn a_component_that_starts_too_large_ends_with_memory_limit() -> Result<()> {
    let guest = Guest { pages: 2000, ..Guest::doing("") };
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::MemoryLimit));
    Ok(())
}

#[tokio::test]
async fn endless_recursion_ends_as_a_trap_with_names() -> Result<()> {
    let mut guest = Guest::doing("(call $deeper)");
    guest.parts = String::from("(func $deeper (call $deeper) (call $deeper))");
    let report = beside_a_neighbour(&guest, roomy()).await?;
    let Err(CallFailure::Trapped { reason, backtrace, .. }) = report.outcome else {
        anyhow::bail!("{:?}", report.outcome);
    };
    assert!(reason.contains("call stack exhausted"), "{reason}");
    assert!(backtrace.contains("deeper"), "{backtrace}");
    Ok(())
}

#[tokio::test]
async fn a_trap_names_the_function_it_happened_in() -> Result<()> {
    let mut guest = Guest::doing("(call $explode)");
    guest.parts = String::from("(func $explode unreachable)");
    let report = beside_a_neighbour(&guest, roomy()).await?;
    let Err(failure) = report.outcome else { anyhow::bail!("{:?}", report.outcome) };
    assert_eq!(failure.code(), JobCode::AddonTrapped);
    let CallFailure::Trapped { backtrace, .. } = failure else { anyhow::bail!("{failure:?}") };
    assert!(backtrace.contains("explode"), "{backtrace}");
    Ok(())
}

#[tokio::test]
async fn a_gigabyte_of_log_lines_is_counted_and_dropped() -> Result<()> {
    let guest = Guest::doing(
        "(loop $l
            (call $write (i32.const 2) (i32.const 16384) (i32.const 4096) (i32.const 0) (i32.const 0))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 262144))))",
    )
    .importing(
        "semantest:addon/log@1.0.0",
        "semantest:addon/log@1.0.0",
        &[("write", "write", "(param i32 i32 i32 i32 i32)")],
    );
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    assert_eq!(report.logs.len(), 1000);
    assert_eq!(report.dropped_log_lines, 262_144 - 1000);
    assert!(report.logs.iter().all(|line| line.message.len() <= 4096));
    Ok(())
}

#[tokio::test]
async fn too_much_on_standard_output_is_counted_and_dropped() -> Result<()> {
    let guest = Guest::doing(
        "(memory.fill (i32.const 16384) (i32.const 97) (i32.const 4095))
         (i32.store8 (i32.const 20479) (i32.const 10))
         (local.set $j (call $stdout))
         (loop $l
            (call $write (local.get $j) (i32.const 16384) (i32.const 4096) (i32.const 512))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16384))))",
    )
    .importing("wasi:cli/stdout@0.2.12", "wasi:cli/stdout@0.2.12", &[("get-stdout", "stdout", "(result i32)")])
    .importing(
        "wasi:io/streams@0.2.12",
        "wasi:io/streams@0.2.12",
        &[("[method]output-stream.blocking-write-and-flush", "write", "(param i32 i32 i32 i32)")],
    );
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    assert_eq!(report.logs.len(), 1000);
    assert_eq!(report.dropped_log_lines, 16_384 - 1000);
    Ok(())
}

#[tokio::test]
async fn a_huge_return_value_ends_with_output_limit() -> Result<()> {
    for (pages, bytes) in [
        // More than the output limit, less than what may cross at once.
        (64, 2 << 20),
        // More than may cross at once: wasmtime itself stops copying.
        (600, 32 << 20),
    ] {
        let body =
            format!("(i32.store (i32.const 2056) (i32.const 65536)) (i32.store (i32.const 2060) (i32.const {bytes}))");
        let guest = Guest { pages, ..Guest::doing(&body) };
        let report = beside_a_neighbour(&guest, roomy()).await?;
        assert_eq!(code(&report), Some(JobCode::OutputLimit), "{:?}", report.outcome);
    }
    Ok(())
}

#[tokio::test]
async fn passing_too_much_to_the_host_ends_with_output_limit() -> Result<()> {
    let body = "(call $write (i32.const 2) (i32.const 16384) (i32.const 33554432) (i32.const 0) (i32.const 0))";
    let guest = Guest { pages: 600, ..Guest::doing(body) }.importing(
        "semantest:addon/log@1.0.0",
        "semantest:addon/log@1.0.0",
        &[("write", "write", "(param i32 i32 i32 i32 i32)")],
    );
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::OutputLimit), "{:?}", report.outcome);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_points_nowhere_is_invalid() -> Result<()> {
    let report = beside_a_neighbour(&Guest::doing("(i32.store (i32.const 2056) (i32.const -8))"), roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::AddonResultInvalid), "{:?}", report.outcome);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_invalid() -> Result<()> {
    let guest = Guest::doing("(i32.store8 (i32.const 1024) (i32.const 33))");
    let report = beside_a_neighbour(&guest, roomy()).await?;
    assert_eq!(code(&report), Some(JobCode::AddonResultInvalid));
    Ok(())
}

/// A guest that sleeps for `seconds`.
pub(super) fn sleeper(seconds: u64) -> Guest {
    let nanos = seconds * 1_000_000_000;
    Guest::doing(&format!("(call $block (call $after (i64.const {nanos})))"))
        .importing(
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:clocks/monotonic-clock@0.2.12",
            &[("subscribe-duration", "after", "(param i64) (result i32)")],
        )
        .importing("wasi:io/poll@0.2.12", "wasi:io/poll@0.2.12", &[("[method]pollable.block", "block", "(param i32)")])
}

#[tokio::test]
async fn sleeping_past_the_deadline_ends_with_deadline_exceeded() -> Result<()> {
    let limits = CallLimits { wall: Duration::from_millis(200), ..roomy() };
    let report = beside_a_neighbour(&sleeper(3600), limits).await?;
    assert_eq!(code(&report), Some(JobCode::DeadlineExceeded));
    Ok(())
}

#[tokio::test]
async fn sleeping_costs_no_processor_time() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let limits = CallLimits { cpu: Duration::from_millis(200), ..roomy() };
    let report = sandbox.act(&sleeper(1), request(limits)).await?;
    assert!(matches!(report.outcome, Ok(Reply::Action(_))), "{:?}", report.outcome);
    assert!(report.usage.wall >= Duration::from_secs(1), "{:?}", report.usage);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_call_ends_after_its_grace() -> Result<()> {
    let sandbox = Sandbox::start()?;
    for guest in [Guest::doing("(loop $l (br $l))"), sleeper(3600)] {
        let request = request(roomy());
        request.cancel.cancel();
        let started = Instant::now();
        let report = sandbox.act(&guest, request).await?;
        assert_eq!(code(&report), Some(JobCode::Cancelled));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    Ok(())
}

#[tokio::test]
async fn a_guest_that_notices_the_cancel_may_still_answer() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let guest = Guest::doing("(i32.store8 (i32.const 1029) (i32.add (i32.const 48) (call $cancelled)))").importing(
        "semantest:addon/progress@1.0.0",
        "semantest:addon/progress@1.0.0",
        &[("cancelled", "cancelled", "(result i32)")],
    );
    let request = request(roomy());
    request.cancel.cancel();
    let report = sandbox.act(&guest, request).await?;
    let Ok(Reply::Action(output)) = report.outcome else { anyhow::bail!("{:?}", report.outcome) };
    assert_eq!(output.value, serde_json::json!({ "n": 1 }));
    Ok(())
}
