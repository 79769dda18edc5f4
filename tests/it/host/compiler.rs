//! The compiling process: shut in before it reads, stopped at its limits, gone when nobody waits for it.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use semantest::config::sandbox::{CompilerSettings, SandboxSettings, WallPolicy};
use semantest::host::{CompileError, CompilerFault, InterfaceSet, Origin};
use semantest::model::code::JobCode;
use semantest::model::digest::Digest;
use semantest::model::units::{ByteSize, Span};
use serde_json::Value;

use super::guest::{Guest, Sandbox, compiler, request, roomy, settings};
use crate::support::bombs::Bomb;
use crate::support::until;

/// A sandbox whose compiler has these limits.
fn limited(change: impl FnOnce(&mut CompilerSettings)) -> Result<Sandbox> {
    let mut compiler = compiler();
    change(&mut compiler);
    Sandbox::with(&SandboxSettings { compiler, ..settings() })
}

/// How compiling `bomb` fails, and that the sandbox goes on after it.
async fn stopped(sandbox: &Sandbox, bomb: Bomb) -> Result<Option<CompileError>> {
    let error = failure(sandbox, bomb).await;
    let report = sandbox.act(&Guest::doing("(nop)"), request(roomy())).await?;
    anyhow::ensure!(report.outcome.is_ok(), "{:?}", report.outcome);
    Ok(error)
}

async fn failure(sandbox: &Sandbox, bomb: Bomb) -> Option<CompileError> {
    let bytes = bomb.component();
    sandbox.host.compile(&Digest::of(&bytes), InterfaceSet::BASELINE, bytes).await.err()
}

#[tokio::test]
async fn sixty_thousand_functions_compile_within_the_default_limits() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let error = stopped(&sandbox, Bomb::ManyFunctions(60_000)).await?;
    assert!(error.is_none(), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn blocks_that_nest_too_deep_are_out_of_time_and_do_not_crash_the_compiler() -> Result<()> {
    let sandbox = limited(|compiler| compiler.cpu = Span::secs(1))?;
    let error = stopped(&sandbox, Bomb::DeepBlocks(300_000)).await?.context("no error")?;
    assert_eq!(error.code(), JobCode::CompileOutOfTime, "{error}");
    Ok(())
}

#[tokio::test]
async fn too_much_processor_time_is_out_of_time() -> Result<()> {
    let sandbox = limited(|compiler| compiler.cpu = Span::secs(1))?;
    let error = stopped(&sandbox, Bomb::HugeFunction(600_000)).await?.context("no error")?;
    assert_eq!(error.code(), JobCode::CompileOutOfTime, "{error}");
    assert!(matches!(error, CompileError::Compiler(CompilerFault::OutOfTime { .. })), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn too_much_memory_is_out_of_memory() -> Result<()> {
    let sandbox = limited(|compiler| compiler.memory = ByteSize::mib(256))?;
    let error = stopped(&sandbox, Bomb::HugeFunction(600_000)).await?.context("no error")?;
    assert_eq!(error.code(), JobCode::CompileOutOfMemory, "{error}");
    assert!(error.to_string().contains("256MiB"), "{error}");
    Ok(())
}

#[tokio::test]
async fn more_code_than_allowed_is_too_large() -> Result<()> {
    let sandbox = limited(|compiler| compiler.max_code = ByteSize::mib(1))?;
    let error = stopped(&sandbox, Bomb::ManyFunctions(20_000)).await?.context("no error")?;
    assert_eq!(error.code(), JobCode::CompileTooLarge, "{error}");
    Ok(())
}

#[tokio::test]
async fn a_child_past_its_deadline_is_killed_and_the_job_may_be_tried_again() -> Result<()> {
    let memory = ByteSize::bytes((1 << 30) + 1);
    let sandbox = limited(|compiler| {
        compiler.deadline = Span::millis(1);
        compiler.memory = memory;
    })?;
    let error = failure(&sandbox, Bomb::HugeFunction(100_000)).await.context("no error")?;
    assert_eq!(error.code(), JobCode::CompileOutOfTime, "{error}");
    assert!(error.disposition().is_retryable());
    until("the child is gone", async || compilers(std::process::id(), memory).is_empty()).await;
    Ok(())
}

#[tokio::test]
async fn the_child_of_a_cancelled_compilation_is_killed() -> Result<()> {
    let memory = ByteSize::bytes((1 << 30) + 2);
    let sandbox = limited(|compiler| compiler.memory = memory)?;
    let bytes = Bomb::HugeFunction(600_000).component();
    let digest = Digest::of(&bytes);
    let mut compiling = Box::pin(sandbox.host.compile(&digest, InterfaceSet::BASELINE, bytes));
    tokio::select! {
        _ = &mut compiling => anyhow::bail!("it was done before it was cancelled"),
        () = until("a child runs", async || !compilers(std::process::id(), memory).is_empty()) => {}
    }
    drop(compiling);
    until("the child is gone", async || compilers(std::process::id(), memory).is_empty()).await;
    Ok(())
}

#[tokio::test]
async fn what_compiling_took_is_known() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let bytes = Guest::doing("").build()?;
    let evidence = sandbox.ready(bytes.clone()).await?.evidence();
    assert_eq!((&evidence["from"], &evidence["networkWall"]), (&"compiled".into(), &"seccomp".into()), "{evidence}");
    assert!(evidence["wallMs"].is_u64() && evidence["cpuMs"].is_u64(), "{evidence}");
    assert!(evidence["peakMemoryBytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{evidence}");
    let again = sandbox.ready(bytes).await?;
    assert_eq!((again.origin(), again.evidence()), (Origin::Memory, serde_json::json!({"from": "memory"})));
    Ok(())
}

#[tokio::test]
async fn a_program_that_is_no_compiler_is_found_before_the_first_job() -> Result<()> {
    for program in ["/nowhere/semantest", "/bin/true", "/bin/cat"] {
        let sandbox = limited(|compiler| compiler.program = Some(program.into()))?;
        assert!(sandbox.host.rehearse().await.is_err(), "{program}");
    }
    Sandbox::start()?.host.rehearse().await?;
    Ok(())
}

#[tokio::test]
async fn a_compiled_component_is_run_without_a_pool_too() -> Result<()> {
    let mut settings = settings();
    settings.pool.enabled = false;
    let sandbox = Sandbox::with(&settings)?;
    let report = sandbox.act(&Guest::doing(""), request(roomy())).await?;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    Ok(())
}

/// The compiling children of a process that have this much memory, which tells those of one test from others'.
pub(crate) fn compilers(parent: u32, memory: ByteSize) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let words = ["compile-component", "--parent", &parent.to_string(), "--memory-bytes", &memory.as_u64().to_string()];
    let words = words.join("\0");
    numbers
        .filter(|number| {
            std::fs::read_to_string(format!("/proc/{number}/cmdline")).is_ok_and(|line| line.contains(&words))
        })
        .collect()
}

/// A child as a host starts it, waiting for its component. Killed with this value.
struct Waiting(Child);

impl Waiting {
    fn with(words: &[&str]) -> Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_semantest"))
            .arg("compile-component")
            .args(["--parent", &std::process::id().to_string(), "--memory-bytes", "1073741824", "--cpu-secs", "7"])
            .args(words)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap_or_default()
    }

    /// Waits until the child sleeps in its first read.
    async fn reads(&self) {
        until("the child reads", async || {
            let call = self.proc("syscall");
            // Number 0 or 63 is `read`, on descriptor 0.
            call.starts_with("0 0x0 ") || call.starts_with("63 0x0 ")
        })
        .await;
    }

    /// Gives it bytes and takes its line.
    fn answer(mut self, component: &[u8]) -> Result<Value> {
        self.0.stdin.take().context("a pipe")?.write_all(component)?;
        let mut output = Vec::new();
        std::io::Read::read_to_end(&mut self.0.stdout.take().context("a pipe")?, &mut output)?;
        let line = output.split(|byte| *byte == b'\n').next().context("a line")?;
        Ok(serde_json::from_slice(line)?)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_child_is_shut_in_before_it_reads_a_byte() -> Result<()> {
    let child = Waiting::with(&["--wall", "seccomp", "--wall-required"])?;
    child.reads().await;
    let status = child.proc("status");
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1"] {
        assert!(status.contains(line), "{line}: {status}");
    }
    let limits = child.proc("limits");
    for (name, soft, hard) in [
        ("Max address space", "1073741824", "1073741824"),
        ("Max cpu time", "7", "8"),
        ("Max open files", "4", "4"),
        ("Max file size", "0", "0"),
        ("Max core file size", "0", "0"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).context("a limit")?;
        let numbers: Vec<&str> = line.split_whitespace().take(2).collect();
        assert_eq!(numbers, [soft, hard], "{name} {line}");
    }
    assert_eq!(child.proc("environ"), "");
    let report = child.answer(&Guest::doing("").build()?)?;
    assert_eq!((&report["outcome"], &report["wall"]), (&"compiled".into(), &"seccomp".into()), "{report}");
    Ok(())
}

#[tokio::test]
async fn where_no_filter_is_to_be_had_an_empty_network_does() -> Result<()> {
    let child = Waiting::with(&["--wall", "namespace"])?;
    child.reads().await;
    let network = std::fs::read_link(format!("/proc/{}/ns/net", child.0.id()));
    let report = child.answer(&Guest::doing("").build()?)?;
    assert_eq!(report["outcome"], "compiled", "{report}");
    // Not every machine gives namespaces to everybody; then the child says so.
    let is_own = network.is_ok_and(|network| std::fs::read_link("/proc/self/ns/net").is_ok_and(|own| own != network));
    assert_eq!(report["wall"], if is_own { "namespace" } else { "none" }, "{report}");
    Ok(())
}

#[test]
fn without_a_wall_nothing_is_compiled_unless_that_is_permitted() -> Result<()> {
    let report = Waiting::with(&["--wall-required"])?.answer(b"")?;
    assert_eq!(report["outcome"], "unconfined", "{report}");
    let report = Waiting::with(&[])?.answer(&Guest::doing("").build()?)?;
    assert_eq!((&report["outcome"], &report["wall"]), (&"compiled".into(), &"none".into()), "{report}");
    assert_eq!(CompilerSettings::default().network_wall, WallPolicy::Required);
    Ok(())
}

#[test]
fn a_child_whose_parent_is_another_refuses() -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_semantest"))
        .args(["compile-component", "--parent", "1", "--memory-bytes", "1073741824", "--cpu-secs", "7"])
        .stdin(Stdio::null())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("unconfined") && text.contains("is gone"), "{text}");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}
