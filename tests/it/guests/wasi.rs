//! WASI as stock toolchains import it: everything is there, and nothing leads anywhere.

use anyhow::Result;
use semantest::host::logbook::LogSource;
use semantest::host::{CallFailure, Reply};
use serde_json::json;

use super::Enabled;

async fn probe() -> Result<Enabled> {
    Enabled::by_default("semantest.fixture-wasi-probe").await
}

#[tokio::test]
async fn no_file_socket_name_argument_or_variable_is_reached() -> Result<()> {
    let found = probe().await?.act("probe", json!({})).await?;
    let expected = json!({
        "environment": [], "arguments": [], "workingDirectory": null, "preopens": 0, "stdin": "closed",
        "tcp4": "access-denied", "tcp6": "access-denied", "udp4": "access-denied", "udp6": "access-denied",
        // What wasmtime answers where names may not be looked up.
        "lookup": "permanent-resolver-failure", "lookupAddress": "permanent-resolver-failure",
    });
    assert_eq!(found, expected);
    Ok(())
}

#[tokio::test]
async fn what_it_prints_is_in_the_jobs_log() -> Result<()> {
    let report = probe().await?.try_act("print", json!({ "count": 2 })).await;
    assert!(matches!(report.outcome, Ok(Reply::Action(_))), "{:?}", report.outcome);
    let printed = |source: LogSource| -> Vec<String> {
        report.logs.iter().filter(|line| line.source == source).map(|line| line.message.clone()).collect()
    };
    assert_eq!(printed(LogSource::Stdout), ["out 0", "out 1"]);
    assert_eq!(printed(LogSource::Stderr), ["err 0", "err 1"]);
    Ok(())
}

#[tokio::test]
async fn an_exit_ends_the_call_and_nothing_else() -> Result<()> {
    let probe = probe().await?;
    let outcome = probe.try_act("exit", json!({})).await.outcome;
    assert!(matches!(outcome, Err(CallFailure::Exited { status: 0 })), "{outcome:?}");
    assert!(probe.act("probe", json!({})).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn clocks_move_and_randomness_differs_from_call_to_call() -> Result<()> {
    let probe = probe().await?;
    let first = probe.act("clock", json!({})).await?;
    let second = probe.act("clock", json!({})).await?;
    assert_eq!(first["hasWallMoved"], true, "{first}");
    assert!(first["monotonicNanoseconds"].as_u64().is_some_and(|elapsed| elapsed >= 4_000_000), "{first}");
    assert_ne!(first["random"], first["randomAgain"]);
    assert_ne!(first["random"], second["random"]);
    assert_ne!(first["insecure"], second["insecure"]);
    Ok(())
}
