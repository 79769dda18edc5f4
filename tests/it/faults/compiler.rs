//! A worker is killed while a component is compiled for it.

use std::time::Instant;

use reqwest::Method;
use semantest::model::units::ByteSize;
use serde_json::json;

use super::platform::{Platform, enable, id_of, reaches, report};
use crate::host::compiler::compilers;
use crate::support::bombs::Bomb;
use crate::support::components::manifest;
use crate::support::redis::TestRedis;
use crate::support::until;

#[tokio::test]
async fn the_compiler_dies_with_its_worker_and_another_worker_tells_the_end() {
    let mut platform = Platform::over(TestRedis::start_durable());
    let memory = ByteSize::bytes((1 << 31) + 7);
    platform.set("SEMANTEST_SANDBOX__COMPILER__MEMORY", &memory.to_string());
    platform.set("SEMANTEST_SANDBOX__COMPILER__CPU", "2s");
    let (api, client) = platform.api().await;
    let first = platform.worker().await;
    assert!(first.log().contains("which has no network (by seccomp)"), "{}", first.log());
    let bomb = Bomb::DeepBlocks(300_000).packed(&manifest("acme.bomb"));
    let upload = client.request(Method::POST, "/api/v1/addons").header("content-type", "application/wasm").body(bomb);
    let published = client.send(upload).await.expect(202).json();
    reaches(&client, &id_of(&published), "completed").await;
    let loading = client.put("/api/v1/users/alice/addons/acme.bomb", &json!({})).await.expect(202).json();
    let worker = first.pid();
    until("the bomb is being compiled", async || !compilers(worker, memory).is_empty()).await;
    first.kill();
    let killed = Instant::now();
    until("the compiler is gone", async || compilers(worker, memory).is_empty()).await;
    let gone = killed.elapsed();

    let second = platform.worker().await;
    let job = reaches(&client, &id_of(&loading), "failed").await;
    assert_eq!(job["error"]["code"], "COMPILE_OUT_OF_TIME", "{job}");
    enable(&client, "semantest.notes").await;
    let figures = json!({"compilerGoneMs": gone.as_millis(), "toldMs": killed.elapsed().as_millis()});
    report("worker killed during a compilation", &figures);
    drop((second, api));
}
