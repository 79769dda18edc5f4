//! Components that are dear to compile: the job says which limit they met, and the worker goes on.

use semantest::model::units::{ByteSize, Span};
use serde_json::{Value, json};

use crate::support::bombs::Bomb;
use crate::support::components::manifest;
use crate::support::platform::Platform;
use crate::support::tenant::failed_step;

/// Publishes a bomb, enables it, and answers the job that failed; after that the worker does what others want.
async fn defused(platform: &Platform, bomb: Bomb, code: &str) -> Value {
    platform.publisher.publish_well(bomb.packed(&manifest("acme.bomb"))).await;
    let job = platform.acme.enable("alice", "acme.bomb", &json!({})).await.expect(200).json();
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(failed_step(&job), (String::from("compile"), code.to_owned()), "{job}");
    assert_eq!(job["error"]["code"], code, "{job}");
    assert_eq!(job["attempts"]["made"], 1, "trying again would not help: {job}");
    let enablement = platform.acme.enablement("alice", "acme.bomb").await.expect(200).json();
    assert_eq!((&enablement["state"], &enablement["error"]["code"]), (&json!("failed"), &json!(code)), "{enablement}");

    platform.give("alice", "semantest.notes").await;
    let called = platform.acme.call("alice", "semantest.notes", "list", &json!({})).await;
    assert_eq!(called["status"], "completed", "{called}");
    job
}

#[tokio::test]
async fn a_component_that_takes_too_long_to_compile_is_stopped_with_the_reason() {
    let platform = Platform::with(|config| config.sandbox.compiler.cpu = Span::secs(1)).await;
    let job = defused(&platform, Bomb::DeepBlocks(300_000), "COMPILE_OUT_OF_TIME").await;
    assert_eq!(job["error"]["details"], json!({"limit": "cpu", "limitMs": 1000}), "{job}");
    assert!(job["error"]["message"].as_str().is_some_and(|text| text.contains("1 s of processor time")), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_component_that_takes_too_much_memory_to_compile_is_stopped_with_the_reason() {
    let platform = Platform::with(|config| config.sandbox.compiler.memory = ByteSize::mib(192)).await;
    let job = defused(&platform, Bomb::HugeFunction(400_000), "COMPILE_OUT_OF_MEMORY").await;
    assert_eq!(job["error"]["details"], json!({"limit": "memory", "limitBytes": 192 << 20}), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_component_whose_code_is_too_large_is_refused_with_the_reason() {
    let platform = Platform::with(|config| config.sandbox.compiler.max_code = ByteSize::mib(1)).await;
    let job = defused(&platform, Bomb::ManyFunctions(20_000), "COMPILE_TOO_LARGE").await;
    assert_eq!(job["error"]["details"], json!({"limit": "max-code", "limitBytes": 1 << 20}), "{job}");
    platform.end().await;
}

#[tokio::test]
async fn a_job_shows_what_compiling_took() {
    let platform = Platform::start().await;
    platform.admin.publish_well(Bomb::ManyFunctions(1000).packed(&manifest("acme.dear"))).await;
    let job = platform.acme.enable("alice", "acme.dear", &json!({})).await.expect(200).json();
    let step = job["steps"].as_array().into_iter().flatten().find(|step| step["name"] == "compile");
    let detail = step.map(|step| step["detail"].clone()).unwrap_or_default();
    assert_eq!((&detail["from"], &detail["networkWall"]), (&json!("compiled"), &json!("seccomp")), "{job}");
    for figure in ["wallMs", "cpuMs", "peakMemoryBytes"] {
        assert!(detail[figure].as_u64().is_some_and(|figure| figure > 0), "{figure}: {job}");
    }
    platform.end().await;
}
