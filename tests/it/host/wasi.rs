//! WASI is there for toolchains that insist on it, and leads nowhere.

use anyhow::Result;
use semantest::host::{LogSource, Reply};
use serde_json::{Value, json};

use super::guest::{DIGIT, Guest, Sandbox, request, roomy};

/// Runs a guest and gives back the digit it answered.
async fn digit(guest: Guest) -> Result<Value> {
    let report = Sandbox::start()?.act(&guest, request(roomy())).await?;
    let Ok(Reply::Action(output)) = report.outcome else { anyhow::bail!("{:?}", report.outcome) };
    Ok(output.value.get("n").cloned().unwrap_or(Value::Null))
}

/// Answers the digit that `expression` leaves.
fn answering(before: &str, expression: &str) -> Guest {
    Guest::doing(&format!("{before} (i32.store8 (i32.const {DIGIT}) (i32.add (i32.const 48) {expression}))"))
}

#[tokio::test]
async fn no_folder_is_open() -> Result<()> {
    let guest = answering("(call $folders (i32.const 512))", "(i32.load (i32.const 516))").importing(
        "wasi:filesystem/preopens@0.2.12",
        "wasi:filesystem/preopens@0.2.12",
        &[("get-directories", "folders", "(param i32)")],
    );
    assert_eq!(digit(guest).await?, json!(0));
    Ok(())
}

#[tokio::test]
async fn there_is_no_environment_and_there_are_no_arguments() -> Result<()> {
    let guest = answering(
        "(call $environment (i32.const 512)) (call $arguments (i32.const 520))",
        "(i32.add (i32.load (i32.const 516)) (i32.load (i32.const 524)))",
    )
    .importing(
        "wasi:cli/environment@0.2.12",
        "wasi:cli/environment@0.2.12",
        &[("get-environment", "environment", "(param i32)"), ("get-arguments", "arguments", "(param i32)")],
    );
    assert_eq!(digit(guest).await?, json!(0));
    Ok(())
}

/// `access-denied` in the error codes of `wasi:sockets/network`.
const ACCESS_DENIED: u32 = 1;

#[tokio::test]
async fn sockets_are_denied() -> Result<()> {
    for (interface, function) in
        [("tcp-create-socket", "create-tcp-socket"), ("udp-create-socket", "create-udp-socket")]
    {
        let name = format!("wasi:sockets/{interface}@0.2.12");
        let guest = answering(
            "(call $create (i32.const 0) (i32.const 512))
             (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))",
            "(i32.load8_u (i32.const 516))",
        )
        .importing(&name, &name, &[(function, "create", "(param i32 i32)")]);
        assert_eq!(digit(guest).await?, json!(ACCESS_DENIED), "{interface}");
    }
    Ok(())
}

#[tokio::test]
async fn looking_up_a_name_is_denied() -> Result<()> {
    let guest = answering(
        "(i32.store (i32.const 600) (i32.const 0x6c61636f)) (i32.store8 (i32.const 604) (i32.const 108))
         (call $resolve (call $network) (i32.const 600) (i32.const 5) (i32.const 512))
         (if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))",
        // 20 is `permanent-resolver-failure`.
        "(i32.eq (i32.load8_u (i32.const 516)) (i32.const 20))",
    )
    .importing(
        "wasi:sockets/instance-network@0.2.12",
        "wasi:sockets/instance-network@0.2.12",
        &[("instance-network", "network", "(result i32)")],
    )
    .importing(
        "wasi:sockets/ip-name-lookup@0.2.12",
        "wasi:sockets/ip-name-lookup@0.2.12",
        &[("resolve-addresses", "resolve", "(param i32 i32 i32 i32)")],
    );
    assert_eq!(digit(guest).await?, json!(1));
    Ok(())
}

#[tokio::test]
async fn clocks_and_random_are_real() -> Result<()> {
    // A wall clock after 2020, and two random numbers that differ.
    let guest = answering(
        "(call $now (i32.const 512))",
        "(i32.and (i64.gt_u (i64.load (i32.const 512)) (i64.const 1577836800)) (i64.ne (call $random) (call $random)))",
    )
    .importing("wasi:clocks/wall-clock@0.2.12", "wasi:clocks/wall-clock@0.2.12", &[("now", "now", "(param i32)")])
    .importing(
        "wasi:random/random@0.2.12",
        "wasi:random/random@0.2.12",
        &[("get-random-u64", "random", "(result i64)")],
    );
    assert_eq!(digit(guest).await?, json!(1));
    Ok(())
}

#[tokio::test]
async fn exit_ends_the_call() -> Result<()> {
    let guest = Guest::doing("(call $exit (i32.const 1))").importing(
        "wasi:cli/exit@0.2.12",
        "wasi:cli/exit@0.2.12",
        &[("exit", "exit", "(param i32)")],
    );
    let report = Sandbox::start()?.act(&guest, request(roomy())).await?;
    assert!(matches!(report.outcome, Err(semantest::host::CallFailure::Exited { status: 1 })), "{:?}", report.outcome);
    Ok(())
}

#[tokio::test]
async fn last_words_reach_the_log() -> Result<()> {
    let guest = Guest::doing(
        "(i32.store (i32.const 600) (i32.const 0x73706f6f))
         (call $write (call $stderr) (i32.const 600) (i32.const 4) (i32.const 512)) unreachable",
    )
    .importing("wasi:cli/stderr@0.2.12", "wasi:cli/stderr@0.2.12", &[("get-stderr", "stderr", "(result i32)")])
    .importing(
        "wasi:io/streams@0.2.12",
        "wasi:io/streams@0.2.12",
        &[("[method]output-stream.blocking-write-and-flush", "write", "(param i32 i32 i32 i32)")],
    );
    let report = Sandbox::start()?.act(&guest, request(roomy())).await?;
    assert!(report.outcome.is_err());
    let lines: Vec<_> = report.logs.iter().map(|line| (line.source, line.message.as_str())).collect();
    assert_eq!(lines, [(LogSource::Stderr, "oops")]);
    Ok(())
}

#[tokio::test]
async fn an_older_wasi_of_the_same_track_fits() -> Result<()> {
    let guest = answering("", "(i64.ne (call $random) (call $random))").importing(
        "wasi:random/random@0.2.3",
        "wasi:random/random@0.2.3",
        &[("get-random-u64", "random", "(result i64)")],
    );
    assert_eq!(digit(guest).await?, json!(1));
    Ok(())
}
